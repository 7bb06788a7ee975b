"""Runs of a project: start, follow, cancel, resume, repeat."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from kahua.access import Permission, ProjectAccess
from kahua.api.schemas import DEFAULT_LIMIT, Cursor, Limit, Page
from kahua.api.security import Access, SiteOfRequest
from kahua.api.workflows import DataRequest
from kahua.workflows import LogPart, RunDetail, RunItem, RunState

router = APIRouter(prefix="/api/projects/{project}/runs", tags=["runs"])

CanRead = Annotated[ProjectAccess, Depends(Access(Permission.RUN_READ))]
CanStart = Annotated[ProjectAccess, Depends(Access(Permission.RUN_START))]
CanCancel = Annotated[ProjectAccess, Depends(Access(Permission.RUN_CANCEL))]


class RunRequest(DataRequest):
    """A run to start."""

    workflow: str = Field(max_length=130)
    #: Start without the series that do not fit, instead of refusing them all.
    skip_unfit: bool = False


@router.get("", operation_id="list_runs")
def list_runs(
    may: CanRead,
    site: SiteOfRequest,
    state: RunState | None = None,
    workflow: Annotated[str | None, Query(max_length=130)] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Page[RunItem]:
    """List runs, newest first."""
    items, next_cursor = site.runs.page(may.project_id, state=state, workflow=workflow, cursor=cursor, limit=limit)
    return Page(items=items, next_cursor=next_cursor)


@router.post("", operation_id="start_run", status_code=201)
def start_run(body: RunRequest, may: CanStart, site: SiteOfRequest) -> RunDetail:
    """Start a run."""
    run_id = site.runs.start(
        may.project_id,
        actor=may.principal.name,
        workflow=body.workflow,
        choice=body.choice,
        parameters=body.parameters,
        skip_unfit=body.skip_unfit,
    )
    return _detail(site, may, run_id)


@router.get("/{run}", operation_id="get_run")
def get_run(run: str, may: CanRead, site: SiteOfRequest) -> RunDetail:
    """Show a run with its jobs, tasks, attempts and results."""
    return _detail(site, may, run)


@router.post("/{run}/cancel", operation_id="cancel_run")
def cancel_run(run: str, may: CanCancel, site: SiteOfRequest) -> RunDetail:
    """Ask for the end of a run; its processes are ended within seconds."""
    site.runs.cancel(may.project_id, run, actor=may.principal.name)
    return _detail(site, may, run)


@router.post("/{run}/resume", operation_id="resume_run")
def resume_run(run: str, may: CanStart, site: SiteOfRequest) -> RunDetail:
    """Let a run that failed or was cancelled go on with what it did not finish."""
    site.runs.resume(may.project_id, run, actor=may.principal.name)
    return _detail(site, may, run)


@router.post("/{run}/repeat", operation_id="repeat_run", status_code=201)
def repeat_run(run: str, may: CanStart, site: SiteOfRequest) -> RunDetail:
    """Start the same again: workflow, version, parameters and series."""
    return _detail(site, may, site.runs.repeat(may.project_id, run, actor=may.principal.name))


@router.get("/{run}/tasks/{task}/attempts/{number}/log", operation_id="read_log")
def read_log(
    run: str,
    task: str,
    number: Annotated[int, Path(ge=1)],
    may: CanRead,
    site: SiteOfRequest,
    offset: Annotated[int, Query(ge=0, description="`next_offset` of the part before.")] = 0,
) -> LogPart:
    """Read a part of an attempt's log, also while it is written."""
    part: LogPart = site.runs.log(may.project_id, run, task, number, offset=offset)
    return part


@router.get("/{run}/record", operation_id="get_run_record")
def get_run_record(run: str, may: CanRead, site: SiteOfRequest) -> dict[str, Any]:
    """Give the record of a run: what it was, what it did, and where each result came from."""
    record: dict[str, Any] = site.runs.record(may.project_id, run)
    return record


def _detail(site: SiteOfRequest, may: ProjectAccess, run_id: str) -> RunDetail:
    detail: RunDetail = site.runs.detail(may.project_id, run_id)
    return detail
