"""Tables of runs, jobs, tasks and attempts."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kahua.database import Base, Id, UtcDateTime


class RunRow(Base):
    """One execution of a workflow on chosen data."""

    __tablename__ = "runs"
    __table_args__ = (Index("ix_runs_newest", "project_id", "created_at", "id"), Index("ix_runs_state", "state"))

    id: Mapped[Id]
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    #: `EXTENSION/WORKFLOW`, and the version of the extension.
    workflow: Mapped[str] = mapped_column(String(130))
    version: Mapped[str] = mapped_column(String(32))
    #: The whole workflow as it was when the run started (`kahua.workflows.specification`).
    specification: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: Digests of the extension and its environments when the run was started.
    code: Mapped[dict[str, Any]] = mapped_column(JSON)
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: Dataset and version from which the series were taken; empty for a selection.
    dataset_name: Mapped[str | None] = mapped_column(String(64))
    dataset_version: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(16))
    #: Cause, evidence and next step when the run failed.
    failure: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(100))
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class JobRow(Base):
    """One unit of a run: one series, or the whole dataset."""

    __tablename__ = "jobs"
    __table_args__ = (UniqueConstraint("run_id", "position"),)

    id: Mapped[Id]
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    position: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))


class JobSeriesRow(Base):
    """A series that a job works on."""

    __tablename__ = "job_series"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    #: No foreign key: the record of a run outlives the series.
    series_id: Mapped[str] = mapped_column(String(20), primary_key=True, index=True)
    #: Input of the workflow that the series serves.
    input_name: Mapped[str] = mapped_column(String(64), primary_key=True)
    series_uid: Mapped[str] = mapped_column(String(64))


class TaskRow(Base):
    """One step of a job."""

    __tablename__ = "tasks"
    __table_args__ = (UniqueConstraint("job_id", "name"), Index("ix_tasks_state", "state", "not_before"))

    id: Mapped[Id]
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    #: Place in the job's order.
    position: Mapped[int]
    #: Name of the step, or of the conversion, unique in the job.
    name: Mapped[str] = mapped_column(String(130))
    #: What to execute (`kahua.workflows.planner.PlannedTask`), JSON.
    plan: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: Names of the tasks that must have succeeded first.
    after: Mapped[list[str]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(16))
    #: Attempts made before the run was resumed: they do not count against the retries.
    attempts_before: Mapped[int] = mapped_column(default=0)
    #: Not started before this moment: the pause before another try.
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failure: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class AttemptRow(Base):
    """One try of a task."""

    __tablename__ = "attempts"
    __table_args__ = (UniqueConstraint("task_id", "number"), Index("ix_attempts_state", "state"))

    id: Mapped[Id]
    task_id: Mapped[str] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"))
    number: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    #: Machine on which it runs: only that one may adopt its process.
    host: Mapped[str] = mapped_column(String(255))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    exit_code: Mapped[int | None]
    peak_memory_bytes: Mapped[int | None]
    cpu_seconds: Mapped[float | None]


class ResultRow(Base):
    """Something that a run produced, and where it came from."""

    __tablename__ = "results"
    __table_args__ = (UniqueConstraint("job_id", "output_name"), Index("ix_results_series", "series_id"))

    id: Mapped[Id]
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    #: Output of the workflow.
    output_name: Mapped[str] = mapped_column(String(64))
    #: Type of the output: `segmentation`, `measurements`, `files`, …
    type: Mapped[str] = mapped_column(String(32))
    #: Series of the result, or file of the project; no foreign keys, the record outlives both.
    series_id: Mapped[str | None] = mapped_column(String(20))
    series_uid: Mapped[str | None] = mapped_column(String(64))
    file_id: Mapped[str | None] = mapped_column(String(20))
    #: Numbers to show: measurements by name, with unit.
    summary: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: Answers "which data, code, parameters, person made this?" (`kahua.workflows.provenance`).
    provenance: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PerformanceRow(Base):
    """A workitem that this site performs, and by which run."""

    __tablename__ = "workitem_performances"

    workitem_id: Mapped[str] = mapped_column(ForeignKey("workitems.id", ondelete="CASCADE"), primary_key=True)
    #: No foreign key: the workitem outlives the run.
    run_id: Mapped[str] = mapped_column(String(20), index=True)


class WorkitemCodeRow(Base):
    """A code of others that stands for a workflow, in a project."""

    __tablename__ = "workitem_codes"

    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    #: `SCHEME^VALUE`, as `kahua.store.WorkitemRow.code`.
    code: Mapped[str] = mapped_column(String(256), primary_key=True)
    #: `EXTENSION/WORKFLOW`.
    workflow: Mapped[str] = mapped_column(String(130))
