"""Fetching studies and series from peers."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from kahua import datasets, store
from kahua.access import Permission, ProjectAccess
from kahua.api.schemas import DEFAULT_LIMIT, Cursor, Limit, Page, Request
from kahua.api.security import Access, SiteOfRequest
from kahua.store.peers import MAX_KEEP_HOURS
from kahua.store.remote.pulls import (
    MAX_RATE,
    PullProgress,
    PullTerms,
    find_pull,
    items_of_pull,
    list_pulls,
    progress_of,
)
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


class PullProgressItem(BaseModel):
    """How far a pull is."""

    id: str
    peer: str
    #: `active`, `done` or `cancelled`.
    state: str
    created_by: str
    created_at: datetime
    finished_at: datetime | None
    rate: int
    windows: list[str]
    keep_hours: int | None
    dataset: str | None
    #: Items by state: `waiting`, `done`, `failed`, `cancelled`, `removed`.
    items: dict[str, int]
    received: int
    duplicates: int
    refused: int


class PullItem(BaseModel):
    """A series that is fetched, or a wish that is looked up."""

    id: int
    patient_id: str
    accession_number: str
    study_uid: str
    series_uid: str
    state: str
    attempts: int
    expected: int | None
    received: int
    duplicates: int
    refused: int
    note: str
    finished_at: datetime | None


@router.get("", operation_id="list_pulls")
def list_all(
    may: Reading, site: SiteOfRequest, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[PullProgressItem]:
    """List pulls, newest first."""
    with site.database.read() as session:
        before = find_pull(session, may.project_id, cursor) if cursor else None
        found = list_pulls(session, may.project_id, limit=limit + 1, before=before)
    items = [_item(progress) for progress in found[:limit]]
    return Page(items=items, next_cursor=items[-1].id if len(found) > limit else None)


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
        return _item(progress_of(session, pull))


@router.get("/{pull}", operation_id="get_pull")
def get(pull: str, may: Reading, site: SiteOfRequest) -> PullProgressItem:
    """Show how far a pull is."""
    with site.database.read() as session:
        return _item(progress_of(session, find_pull(session, may.project_id, pull)))


@router.get("/{pull}/items", operation_id="list_pull_items")
def list_items(
    pull: str,
    may: Reading,
    site: SiteOfRequest,
    limit: Limit = DEFAULT_LIMIT,
    after: Annotated[int, Query(ge=0, description="`id` of the last item of the page before.")] = 0,
) -> Page[PullItem]:
    """Show what became of each item of a pull."""
    with site.database.read() as session:
        rows = items_of_pull(session, find_pull(session, may.project_id, pull), limit=limit + 1, after=after)
    items = [PullItem.model_validate(row, from_attributes=True) for row in rows[:limit]]
    return Page(items=items, next_cursor=str(items[-1].id) if len(rows) > limit else None)


@router.post("/{pull}/cancel", operation_id="cancel_pull")
def cancel(pull: str, may: Pulling, site: SiteOfRequest) -> PullProgressItem:
    """End a pull; what came stays."""
    with site.database.write() as session:
        row = datasets.cancel_pull(session, project_id=may.project_id, actor=may.principal.name, pull_id=pull)
        return _item(progress_of(session, row))


def _item(progress: PullProgress) -> PullProgressItem:
    pull = progress.pull
    return PullProgressItem(
        id=pull.id,
        peer=pull.peer_name,
        state=pull.state,
        created_by=pull.created_by,
        created_at=pull.created_at,
        finished_at=pull.finished_at,
        rate=pull.rate,
        windows=pull.windows,
        keep_hours=pull.keep_hours,
        dataset=pull.dataset,
        items=progress.items,
        received=progress.received,
        duplicates=progress.duplicates,
        refused=progress.refused,
    )
