"""What people are shown of workflows and runs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kahua.workflows.parts import Part


class FailureView(Part):
    """Why something failed."""

    cause: str
    #: Last lines of the log.
    evidence: Sequence[str]
    next_step: str


class AttemptView(Part):
    """One try of a task."""

    number: int
    state: str
    host: str
    started_at: datetime
    finished_at: datetime | None
    #: Negative: the number of the signal that ended it.
    exit_code: int | None
    cpu_seconds: float | None
    peak_memory_bytes: int | None


class TaskView(Part):
    """One step of a job."""

    id: str
    name: str
    title: str
    kind: str
    state: str
    #: Names of the tasks that come before it.
    after: Sequence[str]
    attempts: Sequence[AttemptView]
    failure: FailureView | None


class JobSeriesView(Part):
    """A series that a job works on; nothing but ids if it is not in the project any more."""

    id: str
    series_uid: str
    input: str
    modality: str
    description: str


class JobView(Part):
    """One unit of a run."""

    id: str
    position: int
    state: str
    series: Sequence[JobSeriesView]
    tasks: Sequence[TaskView]


class ResultView(Part):
    """Something that a run produced."""

    id: str
    job_id: str
    output: str
    title: str
    type: str
    series_id: str | None
    series_uid: str | None
    file_id: str | None
    #: For measurements: ``{"measurements": [{name, title, value, unit, segment}]}``.
    summary: dict[str, Any]
    created_at: datetime


class RunItem(Part):
    """A run in a list."""

    id: str
    workflow: str
    version: str
    title: str
    state: str
    failure: FailureView | None
    created_at: datetime
    created_by: str
    started_at: datetime | None
    finished_at: datetime | None
    dataset_name: str | None
    dataset_version: int | None
    #: Number of jobs by state.
    jobs_by_state: dict[str, int]


class RunDetail(RunItem):
    """A run with all that it did."""

    parameters: dict[str, Any]
    jobs: Sequence[JobView]
    results: Sequence[ResultView]


class LogPart(Part):
    """A part of a log."""

    text: str
    #: Offset from which to read on.
    next_offset: int
    #: Nothing more will come.
    finished: bool


class Unfit(Part):
    """A series that does not fit a workflow."""

    series: str
    reasons: Sequence[str]


class CheckView(Part):
    """Which of the chosen series fit a workflow."""

    fit: Sequence[str]
    unfit: Sequence[Unfit]
    #: Why no run is possible, even on those that fit.
    reasons: Sequence[str]
    #: Jobs that a run on those that fit would have.
    jobs: int
