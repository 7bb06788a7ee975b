"""Changes of state, as rows: each checks the table of states, in the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from kahua.database import announce, now
from kahua.errors import NotFound
from kahua.events import RunFinished
from kahua.workflows.failures import Failure
from kahua.workflows.runtimes import Finished
from kahua.workflows.states import AttemptState, JobState, RunState, TaskState, changed
from kahua.workflows.tables import AttemptRow, JobRow, RunRow, TaskRow

Row = TypeVar("Row")


def run_row(session: Session, run_id: str) -> RunRow:
    """Give a run's row, locked for a change."""
    return _found(session.get(RunRow, run_id, with_for_update=True))


def change_run(session: Session, run: RunRow, state: RunState, failure: Failure | None = None) -> None:
    """Change the state of a run; tell the others when it is final."""
    run.state = changed(RunState(run.state), state)
    run.failure = failure.as_json() if failure else None
    if state is RunState.RUNNING:
        run.started_at = run.started_at or now()
    if state is RunState.QUEUED:
        run.finished_at = None
    if state in (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED):
        run.finished_at = now()
        announce(session, RunFinished(project_id=run.project_id, run_id=run.id, state=state.value))


def change_job(session: Session, job_id: str, state: JobState) -> None:
    """Change the state of a job."""
    job = _found(session.get(JobRow, job_id, with_for_update=True))
    job.state = changed(JobState(job.state), state)


def change_task(
    session: Session,
    task_id: str,
    state: TaskState,
    *,
    failure: Failure | None = None,
    not_before: datetime | None = None,
) -> None:
    """Change the state of a task."""
    task = _found(session.get(TaskRow, task_id, with_for_update=True))
    task.state = changed(TaskState(task.state), state)
    task.failure = failure.as_json() if failure else None
    task.not_before = not_before


def begin_attempt(session: Session, task_id: str, *, attempt_id: str, number: int, host: str) -> None:
    """Note that an attempt starts, before it does."""
    change_task(session, task_id, TaskState.RUNNING)
    session.add(
        AttemptRow(
            id=attempt_id,
            task_id=task_id,
            number=number,
            state=AttemptState.RUNNING.value,
            host=host,
            started_at=now(),
        )
    )


def end_attempt(session: Session, attempt_id: str, state: AttemptState, end: Finished | None = None) -> None:
    """Note how an attempt ended."""
    attempt = _found(session.get(AttemptRow, attempt_id, with_for_update=True))
    attempt.state = changed(AttemptState(attempt.state), state)
    attempt.finished_at = now()
    if end is not None:
        attempt.exit_code = end.code if end.signal is None else -end.signal
        attempt.peak_memory_bytes = end.peak_memory_bytes
        attempt.cpu_seconds = end.cpu_seconds


def queue_again(session: Session, run: RunRow) -> int:
    """Let a run that failed or was cancelled go on with what it did not finish; return the number of such tasks."""
    change_run(session, run, RunState.QUEUED)
    jobs = session.scalars(
        select(JobRow).where(JobRow.run_id == run.id, JobRow.state.in_(("failed", "cancelled")))
    ).all()
    for job in jobs:
        change_job(session, job.id, JobState.QUEUED)
    tasks = _unfinished(session, [job.id for job in jobs])
    for task in tasks:
        if task.state != TaskState.WAITING:
            change_task(session, task.id, TaskState.WAITING)
        task.attempts_before = len(session.scalars(select(AttemptRow.id).where(AttemptRow.task_id == task.id)).all())
    return len(tasks)


def _unfinished(session: Session, job_ids: Sequence[str]) -> list[TaskRow]:
    tasks: list[TaskRow] = []
    for job_id in job_ids:
        query = select(TaskRow).where(TaskRow.job_id == job_id, TaskRow.state != TaskState.SUCCEEDED.value)
        tasks += session.scalars(query)
    return tasks


def _found(row: Row | None) -> Row:
    if row is None:
        raise NotFound("The run is not there any more.")
    return row
