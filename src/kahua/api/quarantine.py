"""What was sent to a project and could not be accepted."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from kahua.access import Permission, ProjectAccess
from kahua.api.schemas import DEFAULT_LIMIT, Cursor, Limit, Page
from kahua.api.security import Access, SiteOfRequest
from kahua.store import find_quarantined, quarantined

router = APIRouter(prefix="/api/projects/{project}/quarantine", tags=["quarantine"])


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
