"""Sending series to peers, and the history of what went where."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from kahua import datasets, store
from kahua.access import Permission, ProjectAccess
from kahua.api.schemas import DEFAULT_LIMIT, Cursor, Limit, Page, Request
from kahua.api.security import Access, SiteOfRequest
from kahua.store.remote.deliveries import (
    MAX_SERIES,
    DeliveryProgress,
    find_delivery,
    items_of_delivery,
    list_deliveries,
    progress_of,
)

router = APIRouter(prefix="/api/projects/{project}/deliveries", tags=["peers"])

Reading = Annotated[ProjectAccess, Depends(Access(Permission.PEER_READ))]
Sending = Annotated[ProjectAccess, Depends(Access(Permission.SERIES_EXPORT))]


class DeliveryRequest(Request):
    """What to send: series, a study or a dataset."""

    peer: str = Field(max_length=32, description="Name of the peer.")
    series: list[str] = Field([], max_length=MAX_SERIES, description="Ids of series.")
    study_uid: str | None = Field(None, max_length=64)
    dataset: str | None = Field(None, max_length=64, description="Name of a dataset.")


class DeliveryProgressItem(BaseModel):
    """How far a delivery is."""

    id: str
    peer: str
    #: `active`, `done` or `cancelled`.
    state: str
    created_by: str
    created_at: datetime
    finished_at: datetime | None
    deidentified: bool
    #: Series by state: `waiting`, `done`, `failed`, `cancelled`.
    series: dict[str, int]
    #: Numbers of instances.
    sent: int
    failed: int
    held_back: int


class DeliveryItem(BaseModel):
    """A series that is sent."""

    id: int
    series_id: str
    state: str
    attempts: int
    sent: int
    failed: int
    held_back: int
    note: str
    finished_at: datetime | None


@router.get("", operation_id="list_deliveries")
def list_all(
    may: Reading, site: SiteOfRequest, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[DeliveryProgressItem]:
    """List deliveries, newest first."""
    with site.database.read() as session:
        before = find_delivery(session, may.project_id, cursor) if cursor else None
        found = list_deliveries(session, may.project_id, limit=limit + 1, before=before)
    items = [_item(progress) for progress in found[:limit]]
    return Page(items=items, next_cursor=items[-1].id if len(found) > limit else None)


@router.post("", operation_id="start_delivery", status_code=201)
def start(body: DeliveryRequest, may: Sending, site: SiteOfRequest) -> DeliveryProgressItem:
    """Have series sent; they are de-identified first unless the peer takes them as stored."""
    with site.database.write() as session:
        delivery = datasets.start_delivery(
            session,
            peer=store.find_peer(session, may.project_id, body.peer),
            actor=may.principal.name,
            series=body.series,
            study_uid=body.study_uid,
            dataset=body.dataset,
        )
        return _item(progress_of(session, delivery))


@router.get("/{delivery}", operation_id="get_delivery")
def get(delivery: str, may: Reading, site: SiteOfRequest) -> DeliveryProgressItem:
    """Show how far a delivery is."""
    with site.database.read() as session:
        return _item(progress_of(session, find_delivery(session, may.project_id, delivery)))


@router.get("/{delivery}/items", operation_id="list_delivery_items")
def list_items(
    delivery: str,
    may: Reading,
    site: SiteOfRequest,
    limit: Limit = DEFAULT_LIMIT,
    after: Annotated[int, Query(ge=0, description="`id` of the last item of the page before.")] = 0,
) -> Page[DeliveryItem]:
    """Show what became of each series of a delivery."""
    with site.database.read() as session:
        row = find_delivery(session, may.project_id, delivery)
        rows = items_of_delivery(session, row, limit=limit + 1, after=after)
    items = [DeliveryItem.model_validate(each, from_attributes=True) for each in rows[:limit]]
    return Page(items=items, next_cursor=str(items[-1].id) if len(rows) > limit else None)


@router.post("/{delivery}/cancel", operation_id="cancel_delivery")
def cancel(delivery: str, may: Sending, site: SiteOfRequest) -> DeliveryProgressItem:
    """End a delivery; what has gone is gone."""
    with site.database.write() as session:
        row = datasets.cancel_delivery(
            session, project_id=may.project_id, actor=may.principal.name, delivery_id=delivery
        )
        return _item(progress_of(session, row))


def _item(progress: DeliveryProgress) -> DeliveryProgressItem:
    delivery = progress.delivery
    return DeliveryProgressItem(
        id=delivery.id,
        peer=delivery.peer_name,
        state=delivery.state,
        created_by=delivery.created_by,
        created_at=delivery.created_at,
        finished_at=delivery.finished_at,
        deidentified=delivery.profile is not None,
        series=progress.items,
        sent=progress.sent,
        failed=progress.failed,
        held_back=progress.held_back,
    )
