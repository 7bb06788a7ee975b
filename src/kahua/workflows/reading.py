"""Reads runs for people: always those of one project."""

import base64
import binascii
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from kahua.errors import InvalidInput, NotFound
from kahua.store import SeriesRow
from kahua.workflows.tables import AttemptRow, JobRow, JobSeriesRow, ResultRow, RunRow, TaskRow
from kahua.workflows.views import (
    AttemptView,
    FailureView,
    JobSeriesView,
    JobView,
    ResultView,
    RunDetail,
    RunItem,
    TaskView,
)


def find_run(session: Session, project_id: str, run_id: str) -> RunRow:
    """Give a run of a project.

    Raises
    ------
    NotFound
        There is none of that id in the project.
    """
    row = session.scalar(select(RunRow).where(RunRow.id == run_id, RunRow.project_id == project_id))
    if row is None:
        raise NotFound("There is no such run.")
    return row


def page_of_runs(
    session: Session, project_id: str, *, state: str | None, workflow: str | None, cursor: str | None, limit: int
) -> tuple[list[RunItem], str | None]:
    """Give runs, newest first, and the cursor of the next page."""
    query = select(RunRow).where(RunRow.project_id == project_id)
    if state is not None:
        query = query.where(RunRow.state == state)
    if workflow is not None:
        query = query.where(RunRow.workflow == workflow)
    if cursor is not None:
        query = query.where(tuple_(RunRow.created_at, RunRow.id) < tuple_(*_read_cursor(cursor)))
    rows = session.scalars(query.order_by(RunRow.created_at.desc(), RunRow.id.desc()).limit(limit + 1)).all()
    shown = rows[:limit]
    counts = _jobs_by_state(session, [row.id for row in shown])
    items = [RunItem(**_item(row, counts.get(row.id, {}))) for row in shown]
    return items, _cursor(shown[-1]) if len(rows) > limit else None


def run_detail(session: Session, run: RunRow) -> RunDetail:
    """Give a run with its jobs, tasks, attempts and results."""
    jobs = session.scalars(select(JobRow).where(JobRow.run_id == run.id).order_by(JobRow.position)).all()
    tasks = _by_job(_tasks(session, run.id))
    series = _by_job(_series(session, run))
    return RunDetail(
        **_item(run, _jobs_by_state(session, [run.id]).get(run.id, {})),
        parameters=run.parameters,
        jobs=[
            JobView(
                id=job.id,
                position=job.position,
                state=job.state,
                series=series.get(job.id, []),
                tasks=tasks.get(job.id, []),
            )
            for job in jobs
        ],
        results=[_result(row, run) for row in results_of(session, run.id)],
    )


def results_of(session: Session, run_id: str) -> Sequence[ResultRow]:
    """Give the results of a run, in order of jobs and outputs."""
    query = select(ResultRow).join(JobRow, JobRow.id == ResultRow.job_id).where(ResultRow.run_id == run_id)
    return session.scalars(query.order_by(JobRow.position, ResultRow.output_name)).all()


def _tasks(session: Session, run_id: str) -> Iterable[tuple[str, TaskView]]:
    attempts: dict[str, list[AttemptView]] = {}
    query = select(AttemptRow).join(TaskRow).join(JobRow).where(JobRow.run_id == run_id).order_by(AttemptRow.number)
    for row in session.scalars(query):
        attempts.setdefault(row.task_id, []).append(
            AttemptView(
                number=row.number,
                state=row.state,
                host=row.host,
                started_at=row.started_at,
                finished_at=row.finished_at,
                exit_code=row.exit_code,
                cpu_seconds=row.cpu_seconds,
                peak_memory_bytes=row.peak_memory_bytes,
            )
        )
    for task in session.scalars(select(TaskRow).join(JobRow).where(JobRow.run_id == run_id).order_by(TaskRow.position)):
        yield (
            task.job_id,
            TaskView(
                id=task.id,
                name=task.name,
                title=task.plan["title"],
                kind=task.plan["kind"],
                state=task.state,
                after=task.after,
                attempts=attempts.get(task.id, []),
                failure=_failure(task.failure),
            ),
        )


def _series(session: Session, run: RunRow) -> Iterable[tuple[str, JobSeriesView]]:
    rows = session.execute(
        select(JobSeriesRow, SeriesRow)
        .join(JobRow, JobRow.id == JobSeriesRow.job_id)
        .outerjoin(SeriesRow, (SeriesRow.id == JobSeriesRow.series_id) & (SeriesRow.project_id == run.project_id))
        .where(JobRow.run_id == run.id)
        .order_by(JobSeriesRow.input_name, JobSeriesRow.series_id)
    )
    for given, series in rows:
        yield (
            given.job_id,
            JobSeriesView(
                id=given.series_id,
                series_uid=given.series_uid,
                input=given.input_name,
                modality=series.modality if series else "",
                description=series.description if series else "",
            ),
        )


def _by_job(pairs: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for job_id, value in pairs:
        found.setdefault(job_id, []).append(value)
    return found


def _result(row: ResultRow, run: RunRow) -> ResultView:
    output = run.specification["outputs"].get(row.output_name, {})
    return ResultView(
        id=row.id,
        job_id=row.job_id,
        output=row.output_name,
        title=output.get("title") or row.output_name,
        type=row.type,
        series_id=row.series_id,
        series_uid=row.series_uid,
        file_id=row.file_id,
        summary=row.summary,
        created_at=row.created_at,
    )


def _item(row: RunRow, counts: dict[str, int]) -> dict[str, Any]:
    return {
        "id": row.id,
        "workflow": row.workflow,
        "version": row.version,
        "title": row.specification["title"],
        "state": row.state,
        "failure": _failure(row.failure),
        "created_at": row.created_at,
        "created_by": row.created_by,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "dataset_name": row.dataset_name,
        "dataset_version": row.dataset_version,
        "jobs_by_state": counts,
    }


def _failure(stored: dict[str, Any] | None) -> FailureView | None:
    return FailureView.model_validate(stored) if stored else None


def _jobs_by_state(session: Session, run_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    query = select(JobRow.run_id, JobRow.state, func.count()).where(JobRow.run_id.in_(run_ids))
    for run_id, state, count in session.execute(query.group_by(JobRow.run_id, JobRow.state)):
        counts.setdefault(run_id, {})[state] = count
    return counts


def _cursor(row: RunRow) -> str:
    return base64.urlsafe_b64encode(f"{row.created_at.isoformat()} {row.id}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        moment, _, id_ = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        return datetime.fromisoformat(moment).astimezone(UTC), id_
    except (ValueError, binascii.Error) as error:
        raise InvalidInput("The cursor is not one of this list.", field="cursor") from error
