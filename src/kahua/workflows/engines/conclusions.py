"""What follows from the outcome of an attempt: for its task, its job and its run, in rows and in memory."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from kahua.database import now
from kahua.workflows.engines.attempts import ActiveAttempt, Outcome
from kahua.workflows.failures import Failure, failure_of_loss, failure_of_parts
from kahua.workflows.graph import ActiveJob, ActiveRun, ActiveTask
from kahua.workflows.planner import Machine
from kahua.workflows.states import AttemptState, JobState, RunState, TaskState
from kahua.workflows.tables import ResultRow
from kahua.workflows.transfers import Kept
from kahua.workflows.transitions import change_job, change_run, change_task, end_attempt, run_row

#: Attempts that may fail because something was unavailable, or be lost, before the task fails.
MAX_TRANSIENT = 5

#: Longest pause before another attempt.
MAX_PAUSE_SECONDS = 60.0

#: After a task needed more memory than it may use, the next attempt gets this much more of it.
MEMORY_GROWTH = 1.5

#: Gives the provenance of what is kept.
Provenance = Callable[[Session, ActiveAttempt], dict[str, object]]


class Conclusions:
    """Draws conclusions, each in the transaction of the caller."""

    def __init__(self, *, machine: Machine, pause_seconds: float, provenance: Provenance) -> None:
        self._machine = machine
        self._pause_seconds = pause_seconds
        self._provenance = provenance

    def conclude(self, session: Session, attempt: ActiveAttempt, outcome: Outcome) -> None:
        """Write down how an attempt ended, and what follows from it."""
        end_attempt(session, attempt.id, _attempt_state(attempt, outcome), outcome.end)
        task, job, run = attempt.task, attempt.job, attempt.run
        if outcome.kind == "succeeded":
            self._succeed(session, attempt, outcome)
        elif run.is_cancelling:
            _change(session, task, TaskState.CANCELLED)
        else:
            self._try_again_or_fail(session, attempt, outcome)
        if not run.is_cancelling:
            run.find_ready(job)
        settle_job(session, run, job)
        settle_run(session, run)

    def _succeed(self, session: Session, attempt: ActiveAttempt, outcome: Outcome) -> None:
        attempt.task.succeeded = attempt.number
        _change(session, attempt.task, TaskState.SUCCEEDED)
        if outcome.kept is not None:
            _add_result(session, attempt, outcome.kept, self._provenance(session, attempt))
        if attempt.run.is_cancelling:
            _cancel_waiting(session, attempt.job)

    def _try_again_or_fail(self, session: Session, attempt: ActiveAttempt, outcome: Outcome) -> None:
        task = attempt.task
        if outcome.kind == "lost":
            task.lost += 1
            tries, allowed = task.lost, MAX_TRANSIENT
            failure = failure_of_loss(task.lost)
        else:
            task.failed += 1
            tries, allowed = task.failed, MAX_TRANSIENT if outcome.is_transient else task.retries
            failure = outcome.failure or failure_of_loss(task.failed)
        if tries <= allowed:
            pause = min(self._pause_seconds * 2 ** (tries - 1), MAX_PAUSE_SECONDS)
            self._grow(task, outcome)
            task.not_before = now() + timedelta(seconds=pause)
            _change(session, task, TaskState.WAITING, failure)
            return
        _change(session, task, TaskState.FAILED, failure)
        for other in list(attempt.job.after(task)):
            _change(session, other, TaskState.SKIPPED)
            attempt.run.ready.pop(other.id, None)

    def _grow(self, task: ActiveTask, outcome: Outcome) -> None:
        if outcome.end is not None and outcome.end.cause == "memory":
            grown = int(task.need.memory_bytes * MEMORY_GROWTH)
            task.need = task.need.model_copy(update={"memory_bytes": min(grown, self._machine.memory_bytes)})


def begin_cancelling(session: Session, run: ActiveRun) -> None:
    """Cancel everything of a run that has not started."""
    run.is_cancelling = True
    run.ready.clear()
    for job in list(run.jobs.values()):
        _cancel_waiting(session, job)
        settle_job(session, run, job)
    settle_run(session, run)


def settle_job(session: Session, run: ActiveRun, job: ActiveJob) -> None:
    """End a job of which nothing waits or runs."""
    if not job.is_over or job.id not in run.jobs:
        return
    states = {task.state for task in job.tasks.values()}
    failed = [task for task in job.tasks.values() if task.state is TaskState.FAILED]
    if failed:
        job.state = JobState.FAILED
        failure = failed[0].failure
        if failure is not None:
            run.failures.append((failed[0].title, failure))
    else:
        job.state = JobState.CANCELLED if TaskState.CANCELLED in states else JobState.SUCCEEDED
    change_job(session, job.id, job.state)
    del run.jobs[job.id]


def settle_run(session: Session, run: ActiveRun) -> None:
    """End a run whose jobs are all over."""
    if run.jobs:
        return
    row = run_row(session, run.id)
    if run.is_cancelling or row.state == RunState.CANCELLING:
        change_run(session, row, RunState.CANCELLED)
    elif run.failures:
        change_run(session, row, RunState.FAILED, failure_of_parts(run.failures, run.total, "job"))
    else:
        change_run(session, row, RunState.SUCCEEDED)


def _attempt_state(attempt: ActiveAttempt, outcome: Outcome) -> AttemptState:
    if outcome.kind == "succeeded":
        return AttemptState.SUCCEEDED
    if attempt.run.is_cancelling or outcome.kind == "cancelled":
        return AttemptState.CANCELLED
    return AttemptState.LOST if outcome.kind == "lost" else AttemptState.FAILED


def _cancel_waiting(session: Session, job: ActiveJob) -> None:
    for task in job.tasks.values():
        if task.state is TaskState.WAITING:
            _change(session, task, TaskState.CANCELLED)


def _change(session: Session, task: ActiveTask, state: TaskState, failure: Failure | None = None) -> None:
    change_task(session, task.id, state, failure=failure, not_before=task.not_before)
    task.state = state
    task.failure = failure


def _add_result(session: Session, attempt: ActiveAttempt, kept: Kept, provenance: dict[str, object]) -> None:
    """Add a result, unless it was added before: storing again doubles nothing."""
    job_id, name = attempt.job.id, kept.output_name
    if session.scalar(select(ResultRow.id).where(ResultRow.job_id == job_id, ResultRow.output_name == name)):
        return
    session.add(
        ResultRow(
            run_id=attempt.run.id,
            job_id=job_id,
            output_name=name,
            type=kept.type,
            series_id=kept.series_id,
            series_uid=kept.series_uid,
            file_id=kept.file_id,
            summary=kept.summary,
            provenance=provenance,
            created_at=now(),
        )
    )
