"""What was sent to a project and could not be accepted."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from kahua import datasets
from kahua.access import Permission, ProjectAccess
from kahua.api.schemas import DEFAULT_LIMIT, Cursor, Limit, Page
from kahua.api.security import Access, SiteOfRequest
from kahua.store import find_quarantined, quarantined

router = APIRouter(prefix="/api/projects/{project}/quarantine", tags=["quarantine"])

Judging = Annotated[ProjectAccess, Depends(Access(Permission.QUARANTINE_MANAGE))]


class QuarantineItem(BaseModel):
    """An object that was refused, and why."""

    id: str
    reason_code: str
    reason: str
    #: What the object says it is; nobody has verified it.
    sop_instance_uid: str
    name: str
    door: str
    sender: str
    size: int
    received_at: datetime


class ReleasedItem(BaseModel):
    """Where an object is that was released."""

    series: str
    sop_instance_uid: str


@router.get("", operation_id="list_quarantine")
def list_quarantine(
    may: Annotated[ProjectAccess, Depends(Access(Permission.QUARANTINE_READ))],
    site: SiteOfRequest,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[QuarantineItem]:
    """List what was refused, newest first."""
    with site.database.read() as session:
        before = find_quarantined(session, may.project_id, cursor) if cursor else None
        rows = quarantined(session, may.project_id, limit=limit + 1, before=before)
    items = [QuarantineItem.model_validate(row, from_attributes=True) for row in rows[:limit]]
    return Page(items=items, next_cursor=items[-1].id if len(rows) > limit else None)


@router.get(
    "/{item}/object",
    operation_id="get_quarantined_object",
    response_class=Response,
    responses={200: {"content": {"application/dicom": {}}}},
)
def get_quarantined_object(may: Judging, item: str, site: SiteOfRequest) -> Response:
    """Give an object as it is in quarantine, for a person to look at."""
    row = datasets.look_at(site.archive, project_id=may.project_id, actor=may.principal.name, quarantine_id=item)
    headers = {
        "Content-Disposition": f'attachment; filename="{row.id}.dcm"',
        "Content-Length": str(row.size),
        "Cache-Control": "no-store",
    }
    return StreamingResponse(site.objects.stream(row.object_key), media_type="application/dicom", headers=headers)


@router.post("/{item}/release", operation_id="release_from_quarantine")
def release_from_quarantine(may: Judging, item: str, site: SiteOfRequest) -> ReleasedItem:
    """Store an object again, after a person has looked at it or what stood in its way is gone."""
    accepted = datasets.release(site.archive, project_id=may.project_id, actor=may.principal.name, quarantine_id=item)
    return ReleasedItem(series=accepted.series_id, sop_instance_uid=accepted.sop_instance_uid)


@router.delete("/{item}", operation_id="discard_from_quarantine", status_code=204)
def discard_from_quarantine(may: Judging, item: str, site: SiteOfRequest) -> None:
    """Let an object go for ever."""
    with site.database.write() as session:
        datasets.discard_quarantined(session, project_id=may.project_id, actor=may.principal.name, quarantine_id=item)
