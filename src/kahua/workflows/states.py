"""The life of a run, a job, a task and an attempt: one table each.

Every change of a state goes through `changed`; what is not in the table is an error.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from kahua.errors import StateConflict


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class TaskState(StrEnum):
    """Where a task stands."""

    #: Waits for other tasks, for resources, or for the pause before another attempt.
    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    #: Never started: a task before it failed.
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class AttemptState(StrEnum):
    """Where an attempt stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    #: Its process is gone and left no exit status: the machine or its keeper was stopped.
    LOST = "lost"
    CANCELLED = "cancelled"


State = TypeVar("State", bound=StrEnum)

#: A failed or cancelled run may be resumed: it queues again.
RUN_TRANSITIONS: Mapping[RunState, frozenset[RunState]] = {
    RunState.QUEUED: frozenset({RunState.RUNNING, RunState.CANCELLING}),
    RunState.RUNNING: frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLING}),
    RunState.CANCELLING: frozenset({RunState.CANCELLED}),
    RunState.SUCCEEDED: frozenset(),
    RunState.FAILED: frozenset({RunState.QUEUED}),
    RunState.CANCELLED: frozenset({RunState.QUEUED}),
}

JOB_TRANSITIONS: Mapping[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED}),
    JobState.RUNNING: frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}),
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset({JobState.QUEUED}),
    JobState.CANCELLED: frozenset({JobState.QUEUED}),
}

#: A running task waits again when its attempt failed and another is allowed.
TASK_TRANSITIONS: Mapping[TaskState, frozenset[TaskState]] = {
    TaskState.WAITING: frozenset({TaskState.RUNNING, TaskState.SKIPPED, TaskState.CANCELLED}),
    TaskState.RUNNING: frozenset({TaskState.SUCCEEDED, TaskState.FAILED, TaskState.WAITING, TaskState.CANCELLED}),
    TaskState.SUCCEEDED: frozenset(),
    TaskState.FAILED: frozenset({TaskState.WAITING}),
    TaskState.SKIPPED: frozenset({TaskState.WAITING}),
    TaskState.CANCELLED: frozenset({TaskState.WAITING}),
}

ATTEMPT_TRANSITIONS: Mapping[AttemptState, frozenset[AttemptState]] = {
    AttemptState.RUNNING: frozenset(set(AttemptState) - {AttemptState.RUNNING}),
    AttemptState.SUCCEEDED: frozenset(),
    AttemptState.FAILED: frozenset(),
    AttemptState.LOST: frozenset(),
    AttemptState.CANCELLED: frozenset(),
}

_TABLES: Mapping[type[StrEnum], tuple[str, Mapping[StrEnum, frozenset[StrEnum]]]] = {
    RunState: ("run", RUN_TRANSITIONS),  # type: ignore[dict-item]  # a table by its own enum
    JobState: ("job", JOB_TRANSITIONS),  # type: ignore[dict-item]
    TaskState: ("task", TASK_TRANSITIONS),  # type: ignore[dict-item]
    AttemptState: ("attempt", ATTEMPT_TRANSITIONS),  # type: ignore[dict-item]
}

#: States in which nothing happens any more, unless somebody resumes the run.
FINAL_RUN_STATES = frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED})
FINAL_JOB_STATES = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED})


def changed(before: State, after: State) -> State:
    """Give the state after a change, if the table allows it.

    Raises
    ------
    StateConflict
        The change is not in the table; names both states.
    """
    noun, table = _TABLES[type(before)]
    if after not in table[before]:
        raise StateConflict(f"A {noun} that is {before} cannot become {after}.", state=before.value, wanted=after.value)
    return after
