"""Sending series to peers, and the history of what went where."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from kahua import datasets, store
from kahua.access import Permission, ProjectAccess
from kahua.api.orders import (
    CSV,
    After,
    OrderItem,
    OrderProgressItem,
    page_of_items,
    page_of_orders,
    table_of_items,
    told,
)
from kahua.api.schemas import DEFAULT_LIMIT, Cursor, Limit, Page, Request
from kahua.api.security import Access, SiteOfRequest
from kahua.store.remote.deliveries import DELIVERIES, MAX_SERIES
from kahua.store.remote.orders import Progress
from kahua.store.remote.tables import DeliveryRow

router = APIRouter(prefix="/api/projects/{project}/deliveries", tags=["peers"])

Reading = Annotated[ProjectAccess, Depends(Access(Permission.PEER_READ))]
Sending = Annotated[ProjectAccess, Depends(Access(Permission.SERIES_EXPORT))]


class DeliveryRequest(Request):
    """What to send: series, a study or a dataset."""

    peer: str = Field(max_length=32, description="Name of the peer.")
    series: list[str] = Field([], max_length=MAX_SERIES, description="Ids of series.")
    study_uid: str | None = Field(None, max_length=64)
    dataset: str | None = Field(None, max_length=64, description="Name of a dataset.")


class DeliveryProgressItem(OrderProgressItem):
    """How far a delivery is."""

    deidentified: bool
    #: Numbers of instances.
    sent: int
    failed: int
    held_back: int


class DeliveryItem(OrderItem):
    """A series that is sent."""

    series_id: str
    sent: int
    failed: int
    held_back: int


@router.get("", operation_id="list_deliveries")
def list_all(
    may: Reading, site: SiteOfRequest, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[DeliveryProgressItem]:
    """List deliveries, newest first."""
    return page_of_orders(site, may, DELIVERIES, _item, limit=limit, cursor=cursor)


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
        return _item(DELIVERIES.progress(session, delivery))


@router.get("/{delivery}", operation_id="get_delivery")
def get(delivery: str, may: Reading, site: SiteOfRequest) -> DeliveryProgressItem:
    """Show how far a delivery is."""
    with site.database.read() as session:
        return _item(DELIVERIES.progress(session, DELIVERIES.find(session, may.project_id, delivery)))


@router.get("/{delivery}/items", operation_id="list_delivery_items")
def list_items(
    delivery: str, may: Reading, site: SiteOfRequest, limit: Limit = DEFAULT_LIMIT, after: After = 0
) -> Page[DeliveryItem]:
    """Show what became of each item of a delivery."""
    return page_of_items(site, may, DELIVERIES, delivery, DeliveryItem, limit=limit, after=after)


@router.get("/{delivery}/items.csv", operation_id="table_of_delivery", response_class=Response, responses=CSV)
def table(delivery: str, may: Reading, site: SiteOfRequest) -> Response:
    """Give what became of each item of a delivery as a table."""
    return table_of_items(site, may, DELIVERIES, delivery, DeliveryItem)


@router.post("/{delivery}/cancel", operation_id="cancel_delivery")
def cancel(delivery: str, may: Sending, site: SiteOfRequest) -> DeliveryProgressItem:
    """End a delivery; what has gone stays so."""
    with site.database.write() as session:
        order = datasets.cancel_order(
            session, DELIVERIES, project_id=may.project_id, actor=may.principal.name, order_id=delivery
        )
        return _item(DELIVERIES.progress(session, order))


@router.post("/{delivery}/retry", operation_id="retry_delivery")
def retry(delivery: str, may: Sending, site: SiteOfRequest) -> DeliveryProgressItem:
    """Try again what failed or was cancelled; what is done stays as it is."""
    with site.database.write() as session:
        order = datasets.retry_order(
            session, DELIVERIES, project_id=may.project_id, actor=may.principal.name, order_id=delivery
        )
        return _item(DELIVERIES.progress(session, order))


def _item(progress: Progress[DeliveryRow]) -> DeliveryProgressItem:
    order = progress.order
    return DeliveryProgressItem.model_validate(told(progress) | {"deidentified": order.profile is not None})
