"""The tasks of a run as the engine holds them in memory: which wait, which are ready, which are done.

The rows are the truth; this is read from them when a run begins or goes on, and follows each change.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from kahua.workflows.failures import Failure
from kahua.workflows.plan import Need
from kahua.workflows.states import AttemptState, JobState, RunState, TaskState
from kahua.workflows.tables import AttemptRow, JobRow, RunRow, TaskRow


@dataclass
class ActiveTask:
    """A task of a run that goes on."""

    id: str
    job_id: str
    name: str
    title: str
    kind: str
    after: tuple[str, ...]
    need: Need
    retries: int
    #: Order in which tasks are started: those of earlier jobs first.
    order: tuple[int, int]
    state: TaskState
    not_before: datetime | None
    #: Attempts so far, those that failed, and those that were lost, since the run was last resumed.
    attempts: int = 0
    failed: int = 0
    lost: int = 0
    #: Number of the attempt that succeeded.
    succeeded: int | None = None
    failure: Failure | None = None
    #: When it was first held back for want of resources.
    held_since: float | None = None


@dataclass
class ActiveJob:
    """A job of a run that goes on."""

    id: str
    position: int
    state: JobState
    tasks: dict[str, ActiveTask] = field(default_factory=dict)

    def is_ready(self, task: ActiveTask) -> bool:
        """Whether all that a task comes after has succeeded."""
        return task.state is TaskState.WAITING and all(
            self.tasks[name].state is TaskState.SUCCEEDED for name in task.after
        )

    def after(self, failed: ActiveTask) -> Iterator[ActiveTask]:
        """Every waiting task that can never start now."""
        unreachable = {failed.name}
        for task in sorted(self.tasks.values(), key=lambda task: task.order):
            if unreachable & set(task.after):
                unreachable.add(task.name)
                if task.state is TaskState.WAITING:
                    yield task

    @property
    def is_over(self) -> bool:
        """Whether nothing waits or runs any more."""
        return not any(task.state in (TaskState.WAITING, TaskState.RUNNING) for task in self.tasks.values())


@dataclass
class ActiveRun:
    """A run that goes on."""

    id: str
    project_id: str
    workflow: str
    version: str
    person: str
    created_at: datetime
    #: Jobs that are not over, by id, and the number of all.
    jobs: dict[str, ActiveJob]
    total: int
    #: Titles of tasks that failed for good, one for each job that failed, and why.
    failures: list[tuple[str, Failure]]
    is_cancelling: bool = False
    #: Tasks that could start now, by id.
    ready: dict[str, ActiveTask] = field(default_factory=dict)

    def find_ready(self, job: ActiveJob) -> None:
        """Look for the tasks of a job that can start."""
        self.ready |= {task.id: task for task in job.tasks.values() if job.is_ready(task)}


def load_run(session: Session, run_id: str) -> ActiveRun:
    """Read a run from its rows, without the jobs that are over."""
    row = session.get_one(RunRow, run_id)
    jobs = session.scalars(select(JobRow).where(JobRow.run_id == run_id)).all()
    going_on = {
        job.id: ActiveJob(id=job.id, position=job.position, state=JobState(job.state))
        for job in jobs
        if job.state in (JobState.QUEUED, JobState.RUNNING)
    }
    run = ActiveRun(
        id=row.id,
        project_id=row.project_id,
        workflow=row.workflow,
        version=row.version,
        person=row.created_by,
        created_at=row.created_at,
        jobs=going_on,
        total=len(jobs),
        failures=[],
        is_cancelling=row.state == RunState.CANCELLING,
    )
    counts = _count_attempts(session, run_id)
    for task in session.scalars(select(TaskRow).join(JobRow).where(JobRow.run_id == run_id)):
        job = going_on.get(task.job_id)
        if job is not None:
            job.tasks[task.name] = _active(task, job, counts.get(task.id, {}))
        elif task.state == TaskState.FAILED and task.failure is not None:
            run.failures.append((task.plan["title"], _failure(task)))
    for job in going_on.values():
        run.find_ready(job)
    return run


@dataclass(frozen=True, kw_only=True)
class _Counts:
    """Attempts of a task in one state."""

    #: Since the run was last resumed.
    recent: int
    newest: int


def _active(row: TaskRow, job: ActiveJob, counts: Mapping[str, _Counts]) -> ActiveTask:
    none = _Counts(recent=0, newest=0)
    succeeded = counts.get(AttemptState.SUCCEEDED)
    return ActiveTask(
        id=row.id,
        job_id=row.job_id,
        name=row.name,
        title=row.plan["title"],
        kind=row.plan["kind"],
        after=tuple(row.after),
        need=Need.model_validate(row.plan["need"]),
        retries=row.plan["retries"],
        order=(job.position, row.position),
        state=TaskState(row.state),
        not_before=row.not_before,
        attempts=max((count.newest for count in counts.values()), default=0),
        failed=counts.get(AttemptState.FAILED, none).recent,
        lost=counts.get(AttemptState.LOST, none).recent,
        succeeded=succeeded.newest if succeeded else None,
        failure=_failure(row) if row.failure else None,
    )


def _count_attempts(session: Session, run_id: str) -> dict[str, dict[str, _Counts]]:
    """Attempts by task and state."""
    recent = func.sum(case((AttemptRow.number > TaskRow.attempts_before, 1), else_=0))
    rows = session.execute(
        select(AttemptRow.task_id, AttemptRow.state, recent, func.max(AttemptRow.number))
        .join(TaskRow, TaskRow.id == AttemptRow.task_id)
        .join(JobRow, JobRow.id == TaskRow.job_id)
        .where(JobRow.run_id == run_id)
        .group_by(AttemptRow.task_id, AttemptRow.state)
    )
    counts: dict[str, dict[str, _Counts]] = {}
    for task_id, state, count, newest in rows:
        counts.setdefault(task_id, {})[state] = _Counts(recent=int(count), newest=newest)
    return counts


def _failure(row: TaskRow) -> Failure:
    stored = row.failure or {}
    return Failure(cause=stored["cause"], evidence=tuple(stored["evidence"]), next_step=stored["next_step"])
