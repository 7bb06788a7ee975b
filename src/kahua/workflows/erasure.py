"""What runs keep of series, and how it goes: results, files, folders, cached conversions."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.orm import Session

from kahua.errors import StateConflict
from kahua.store import FileRow, discard
from kahua.workflows.folders import RunFolders
from kahua.workflows.states import JobState
from kahua.workflows.tables import JobRow, JobSeriesRow, ResultRow, RunRow, TaskRow

# Kinds of what lies outside the database.
_JOB = "job"
_CACHED = "cached"


class RunTraces:
    """Implements `kahua.store.Traces`: a job that worked on a series goes with all that it made."""

    name = "workflows"

    def __init__(self, *, folders: RunFolders, cache: Path) -> None:
        self._folders = folders
        self._cache = cache

    def derived(self, session: Session, project_id: str, series_ids: Sequence[str]) -> set[str]:
        """Give the series that runs made from these."""
        jobs = _jobs(project_id, series_ids)
        query = select(ResultRow.series_id).where(ResultRow.job_id.in_(jobs), ResultRow.series_id.is_not(None))
        return {series_id for series_id in session.scalars(query) if series_id}

    def count(self, session: Session, project_id: str, series_ids: Sequence[str]) -> Mapping[str, int]:
        """Count jobs, and files that they made."""
        jobs = _jobs(project_id, series_ids)
        return {
            "jobs": session.scalar(select(func.count()).select_from(jobs.subquery())) or 0,
            "files": session.scalar(select(func.count()).where(FileRow.id.in_(_files(jobs)))) or 0,
        }

    def erase(self, session: Session, project_id: str, series_ids: Sequence[str]) -> list[str]:
        """Delete results and files; the record that there was a run stays, without what it worked on.

        Raises
        ------
        StateConflict
            A job works on the series at this moment.
        """
        jobs = list(session.scalars(_jobs(project_id, series_ids)))
        _refuse_active(session, jobs)
        names = _outside(session, jobs)
        files = select(FileRow).where(FileRow.project_id == project_id, FileRow.id.in_(_files(jobs)))
        for file in session.scalars(files).all():
            discard(session, [file.object_key])
            session.delete(file)
        session.flush()
        session.execute(delete(ResultRow).where(ResultRow.job_id.in_(jobs)))
        session.execute(update(JobSeriesRow).where(JobSeriesRow.job_id.in_(jobs)).values(series_uid=""))
        _forget_failures(session, jobs)
        return names

    def sweep(self, names: Sequence[str]) -> None:
        """Delete the folders of jobs, and cached conversions."""
        for name in names:
            kind, _, place = name.partition(" ")
            if kind == _JOB:
                run_id, _, job_id = place.partition(" ")
                shutil.rmtree(self._folders.job(run_id, job_id), ignore_errors=True)
            elif kind == _CACHED:
                shutil.rmtree(self._cache / place, ignore_errors=True)


def _jobs(project_id: str, series_ids: Sequence[str]) -> Select[str]:
    return (
        select(JobRow.id)
        .join(RunRow, RunRow.id == JobRow.run_id)
        .join(JobSeriesRow, JobSeriesRow.job_id == JobRow.id)
        .where(RunRow.project_id == project_id, JobSeriesRow.series_id.in_(series_ids))
        .distinct()
    )


def _files(jobs: Select[str] | Sequence[str]) -> Select[str | None]:
    return select(ResultRow.file_id).where(ResultRow.job_id.in_(jobs), ResultRow.file_id.is_not(None))


def _refuse_active(session: Session, jobs: Sequence[str]) -> None:
    active = (JobState.QUEUED, JobState.RUNNING)
    if session.scalar(select(JobRow.id).where(JobRow.id.in_(jobs), JobRow.state.in_(active)).limit(1)):
        raise StateConflict("A run works on it at this moment.", remedy="Cancel the run, or wait until it has ended.")


def _outside(session: Session, jobs: Sequence[str]) -> list[str]:
    """Name what lies outside the database."""
    rows = session.execute(select(JobRow.run_id, JobRow.id).where(JobRow.id.in_(jobs)))
    names = [f"{_JOB} {run_id} {job_id}" for run_id, job_id in rows]
    plans = session.scalars(select(TaskRow.plan).where(TaskRow.job_id.in_(jobs)))
    cached = {plan.get("cache_key") for plan in plans}
    return names + [f"{_CACHED} {key}" for key in sorted(filter(None, cached))]


def _forget_failures(session: Session, jobs: Sequence[str]) -> None:
    """Forget what logs said: a task may write anything of its inputs into them."""
    runs = select(JobRow.run_id).where(JobRow.id.in_(jobs))
    session.execute(update(TaskRow).where(TaskRow.job_id.in_(jobs)).values(failure=None))
    session.execute(update(RunRow).where(RunRow.id.in_(runs)).values(failure=None))
