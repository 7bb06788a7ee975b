"""Workitems for people: what is to be done in a project, in plain words; programs use UPS-RS."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy.orm import Session

from kahua.access import Permission, ProjectAccess, record
from kahua.api.runs import RunRequest
from kahua.api.schemas import DEFAULT_LIMIT, Cursor, Limit, Page, Request
from kahua.api.security import Access, SiteOfRequest
from kahua.api.series_items import SeriesItem, series_items
from kahua.datasets import some_series
from kahua.site import Site
from kahua.store import WorkitemRow
from kahua.store.workitems import worklist
from kahua.store.workitems.attributes import CANCEL_REASON
from kahua.store.workitems.documents import words
from kahua.store.workitems.listing import Wanted, newest
from kahua.store.workitems.states import State
from kahua.workflows.workitems import orders, requests, views
from kahua.workflows.workitems.requests import Priority

router = APIRouter(prefix="/api/projects/{project}/workitems", tags=["workitems"])

Reader = Annotated[ProjectAccess, Depends(Access(Permission.WORKITEM_READ))]
Writer = Annotated[ProjectAccess, Depends(Access(Permission.WORKITEM_WRITE))]
Words = Annotated[str, Query(max_length=64)]

#: Series of one input that are shown; a study may have hundreds.
MAX_SHOWN = 50


class WorkitemItem(BaseModel):
    """A workitem in a list."""

    uid: str
    state: State
    label: str
    #: What is to be done, and ``EXTENSION/WORKFLOW`` if this site can do it.
    code: str
    workflow: str
    #: `HIGH`, `MEDIUM` or `LOW`.
    priority: str
    #: For which stations it is meant.
    station: str
    patient_id: str
    patient_name: str
    starts_at: datetime
    created_at: datetime
    created_by: str
    #: Who has claimed it.
    performer: str
    #: How much is done, and what is being done, as its performer says.
    percent: float | None
    doing: str
    cancel_requested_at: datetime | None
    #: Why it was canceled, or is wanted to be.
    cancel_reason: str


class WorkitemPart(BaseModel):
    """A series or study that is to be worked on, or that came of it."""

    study_uid: str
    #: Empty if the whole study is meant.
    series_uid: str
    #: The instances that are named; none if all are meant.
    instances: int
    #: Those of its series that are here, the first ones.
    series: list[SeriesItem]


class WorkitemParameter(BaseModel):
    """A parameter of the work."""

    name: str
    value: str


class WorkitemEvent(BaseModel):
    """Something that happened to a workitem."""

    at: datetime
    #: The state that it got, or `CANCEL REQUESTED`.
    what: str
    by: str


class WorkitemDetail(WorkitemItem):
    """Everything about a workitem that a person wants to know."""

    worklist: str
    comments: str
    #: `READY`, `INCOMPLETE` or `UNAVAILABLE`.
    readiness: str
    #: Why this site does not begin it yet.
    waits_for: str
    #: The run that performs it, if this site does.
    run: str | None
    parameters: list[WorkitemParameter]
    inputs: list[WorkitemPart]
    outputs: list[WorkitemPart]
    history: list[WorkitemEvent]


class WorkitemRequest(RunRequest):
    """Workitems that order a workflow."""

    label: str = Field("", max_length=64, description="What people read; the workflow's title, if it is empty.")
    priority: Priority = "MEDIUM"
    #: Not before this; at once, if it is none.
    starts_at: AwareDatetime | None = None


class CancelRequest(Request):
    """A wish that a workitem be canceled."""

    reason: str = Field("", max_length=1000)


@router.get("", operation_id="list_workitems")
def list_workitems(
    may: Reader,
    site: SiteOfRequest,
    state: State | None = None,
    label: Words = "",
    station: Words = "",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[WorkitemItem]:
    """List workitems, newest first."""
    wanted = Wanted(state=state, label=label, station=station)
    with site.database.read() as session:
        rows = newest(session, may.project_id, wanted, limit=limit + 1, before=cursor)
        items = [_item(session, row) for row in rows[:limit]]
    return Page(items=items, next_cursor=items[-1].uid if len(rows) > limit else None)


@router.post("", operation_id="order_workitems", status_code=201)
def order_workitems(body: WorkitemRequest, may: Writer, site: SiteOfRequest) -> Page[WorkitemItem]:
    """Order a workflow: one workitem for each patient, or one for all if the workflow works on all series together."""
    installed = site.runs.workflow(body.workflow)
    series = site.runs.fitting(
        may.project_id,
        workflow=body.workflow,
        choice=body.choice,
        parameters=body.parameters,
        skip_unfit=body.skip_unfit,
    )
    order = requests.Order(
        workflow=installed.name,
        label=body.label or installed.workflow.title,
        parameters=body.parameters,
        priority=body.priority,
        starts_at=body.starts_at,
    )
    with site.database.write() as session:
        documents = requests.workitems_of(session, may.project_id, order, series, unit=installed.workflow.unit)
        rows = [_create(session, may, document) for document in documents]
        return Page(items=[_item(session, row) for row in rows])


@router.get("/{workitem}", operation_id="get_workitem")
def get_workitem(workitem: str, may: Reader, site: SiteOfRequest) -> WorkitemDetail:
    """Show a workitem: what it wants, how far it is, what it waits for, what came of it."""
    return _detail(site, may, workitem)


@router.post("/{workitem}/cancel", operation_id="cancel_workitem")
def cancel_workitem(workitem: str, body: CancelRequest, may: Writer, site: SiteOfRequest) -> WorkitemDetail:
    """Ask for the cancellation of a workitem: one that nobody performs yet is canceled at once."""
    wish = {CANCEL_REASON: words("LT", body.reason)} if body.reason else {}
    with site.database.write() as session:
        worklist.request_cancellation(session, may.project_id, workitem, wish, requester=may.principal.name)
        _note(session, may, "workitem.cancellation-requested", workitem)
    return _detail(site, may, workitem)


def _create(session: Session, may: ProjectAccess, document: dict[str, object]) -> WorkitemRow:
    person = may.principal
    row = worklist.create(session, may.project_id, document, uid=None, creator=person.name, creator_id=person.user_id)
    _note(session, may, "workitem.created", row.uid, code=row.code)
    return row


def _item(session: Session, row: WorkitemRow) -> WorkitemItem:
    return WorkitemItem.model_validate(views.summary(session, row))


def _detail(site: Site, may: ProjectAccess, uid: str) -> WorkitemDetail:
    waits_for = site.performer().waits_for(may.project_id, uid)
    with site.database.read() as session:
        row = worklist.find_workitem(session, may.project_id, uid)
        document = worklist.document_of(row)
        return WorkitemDetail.model_validate(
            views.summary(session, row)
            | views.details(session, row)
            | {
                "waits_for": waits_for,
                "inputs": _parts(session, may, orders.named_inputs(document)),
                "outputs": _parts(session, may, orders.named_outputs(document)),
            }
        )


def _parts(session: Session, may: ProjectAccess, named: Sequence[orders.OrderedInput]) -> list[WorkitemPart]:
    here = [ids[:MAX_SHOWN] for ids in orders.series_here(session, may.project_id, named)]
    found = some_series(session, may.project_id, [id_ for ids in here for id_ in ids])
    shown = {item.id: item for item in series_items(session, may, list(found.values()))}
    return [
        WorkitemPart(
            study_uid=each.study_uid,
            series_uid=each.series_uid,
            instances=len(each.instance_uids),
            series=[shown[id_] for id_ in ids],
        )
        for each, ids in zip(named, here, strict=True)
    ]


def _note(session: Session, may: ProjectAccess, action: str, uid: str, **details: object) -> None:
    record(session, actor=may.principal.name, action=action, subject=uid, project_id=may.project_id, **details)
