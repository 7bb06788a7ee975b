"""Fetching studies and series from peers."""

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
from kahua.store.peers import MAX_KEEP_HOURS
from kahua.store.remote.orders import Progress
from kahua.store.remote.pulls import MAX_RATE, PULLS, PullTerms
from kahua.store.remote.tables import PullRow
from kahua.store.remote.wishes import MAX_WISHES, Wish

router = APIRouter(prefix="/api/projects/{project}/pulls", tags=["peers"])

Reading = Annotated[ProjectAccess, Depends(Access(Permission.PEER_READ))]
Pulling = Annotated[ProjectAccess, Depends(Access(Permission.SERIES_WRITE))]


class WishBody(Request):
    """Something that is wanted; what is not empty must all match."""

    patient_id: str = Field("", max_length=64)
    accession_number: str = Field("", max_length=64)
    study_uid: str = Field("", max_length=64)
    series_uid: str = Field("", max_length=64)


class PullRequest(Request):
    """What to fetch, and how."""

    peer: str = Field(max_length=32, description="Name of the peer.")
    wishes: list[WishBody] = Field(min_length=1, max_length=MAX_WISHES)
    rate: int = Field(0, ge=0, le=MAX_RATE, description="Instances a minute, on average; 0 is as fast as it goes.")
    windows: list[str] = Field([], description="Times of the day in which series may begin, such as 19:00-06:00.")
    keep_hours: int | None = Field(
        None,
        ge=1,
        le=MAX_KEEP_HOURS,
        description="Hours after which the images are at the peer alone; at most the peer's own.",
    )
    dataset: str | None = Field(None, max_length=64, description="Dataset to which the series are added.")


class PullProgressItem(OrderProgressItem):
    """How far a pull is."""

    rate: int
    windows: list[str]
    keep_hours: int | None
    dataset: str | None
    #: Numbers of instances.
    received: int
    duplicates: int
    refused: int


class PullItem(OrderItem):
    """A series that is fetched, or a wish that is looked up."""

    patient_id: str
    accession_number: str
    study_uid: str
    series_uid: str
    expected: int | None
    received: int
    duplicates: int
    refused: int


@router.get("", operation_id="list_pulls")
def list_all(
    may: Reading, site: SiteOfRequest, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[PullProgressItem]:
    """List pulls, newest first."""
    return page_of_orders(site, may, PULLS, _item, limit=limit, cursor=cursor)


@router.post("", operation_id="start_pull", status_code=201)
def start(body: PullRequest, may: Pulling, site: SiteOfRequest) -> PullProgressItem:
    """Have studies or series fetched; the worker does it, and goes on after whatever stops it."""
    terms = PullTerms(rate=body.rate, windows=tuple(body.windows), keep_hours=body.keep_hours, dataset=body.dataset)
    with site.database.write() as session:
        pull = datasets.start_pull(
            session,
            peer=store.find_peer(session, may.project_id, body.peer),
            actor=may.principal.name,
            wishes=[Wish(**wish.model_dump()) for wish in body.wishes],
            terms=terms,
        )
        return _item(PULLS.progress(session, pull))


@router.get("/{pull}", operation_id="get_pull")
def get(pull: str, may: Reading, site: SiteOfRequest) -> PullProgressItem:
    """Show how far a pull is."""
    with site.database.read() as session:
        return _item(PULLS.progress(session, PULLS.find(session, may.project_id, pull)))


@router.get("/{pull}/items", operation_id="list_pull_items")
def list_items(
    pull: str, may: Reading, site: SiteOfRequest, limit: Limit = DEFAULT_LIMIT, after: After = 0
) -> Page[PullItem]:
    """Show what became of each item of a pull."""
    return page_of_items(site, may, PULLS, pull, PullItem, limit=limit, after=after)


@router.get("/{pull}/items.csv", operation_id="table_of_pull", response_class=Response, responses=CSV)
def table(pull: str, may: Reading, site: SiteOfRequest) -> Response:
    """Give what became of each item of a pull as a table."""
    return table_of_items(site, may, PULLS, pull, PullItem)


@router.post("/{pull}/cancel", operation_id="cancel_pull")
def cancel(pull: str, may: Pulling, site: SiteOfRequest) -> PullProgressItem:
    """End a pull; what has come stays so."""
    with site.database.write() as session:
        order = datasets.cancel_order(
            session, PULLS, project_id=may.project_id, actor=may.principal.name, order_id=pull
        )
        return _item(PULLS.progress(session, order))


@router.post("/{pull}/retry", operation_id="retry_pull")
def retry(pull: str, may: Pulling, site: SiteOfRequest) -> PullProgressItem:
    """Try again what failed or was cancelled; what is done stays as it is."""
    with site.database.write() as session:
        order = datasets.retry_order(session, PULLS, project_id=may.project_id, actor=may.principal.name, order_id=pull)
        return _item(PULLS.progress(session, order))


def _item(progress: Progress[PullRow]) -> PullProgressItem:
    order = progress.order
    return PullProgressItem.model_validate(
        told(progress)
        | {"rate": order.rate, "windows": order.windows, "keep_hours": order.keep_hours, "dataset": order.dataset}
    )
