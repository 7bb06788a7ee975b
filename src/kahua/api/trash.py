"""What was deleted from a project and can still be brought back."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from sqlalchemy.orm import Session

from kahua.access import Permission, ProjectAccess, record
from kahua.api.schemas import DEFAULT_LIMIT, Cursor, Limit, Page
from kahua.api.security import Access, SiteOfRequest
from kahua.store import TrashRow, empty_trashed, find_trashed, restore, trash_of

router = APIRouter(prefix="/api/projects/{project}/trash", tags=["trash"])

Deleter = Annotated[ProjectAccess, Depends(Access(Permission.SERIES_DELETE))]
Eraser = Annotated[ProjectAccess, Depends(Access(Permission.SERIES_ERASE))]


class TrashItem(BaseModel):
    """A series, or instances of one, that was deleted."""

    id: str
    study_uid: str
    series_uid: str
    patient_id: str
    patient_name: str
    modality: str
    description: str
    instance_count: int
    size: int
    deleted_at: datetime
    deleted_by: str
    #: It is erased by itself after this moment.
    kept_until: datetime


class RestoredItem(BaseModel):
    """What came back."""

    series_id: str
    restored: int
    #: Instances that had come in again meanwhile.
    duplicates: int
    #: Instances whose UIDs others have now; they are in quarantine.
    conflicts: int


@router.get("", operation_id="list_trash")
def list_trash(
    may: Deleter, site: SiteOfRequest, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[TrashItem]:
    """List what is in the trash, newest first."""
    kept = timedelta(days=site.settings.trash_days)
    with site.database.read() as session:
        before = find_trashed(session, may.project_id, cursor) if cursor else None
        rows = trash_of(session, may.project_id, limit=limit + 1, before=before)
    items = [TrashItem.model_validate({**_fields(row), "kept_until": row.deleted_at + kept}) for row in rows[:limit]]
    return Page(items=items, next_cursor=items[-1].id if len(rows) > limit else None)


@router.post("/{item}/restore", operation_id="restore_from_trash")
def restore_from_trash(may: Deleter, item: str, site: SiteOfRequest) -> RestoredItem:
    """Bring something back, as it was."""
    with site.database.write() as session:
        row = find_trashed(session, may.project_id, item)
        restored = restore(session, row)
        _record(session, may, "trash.restored", row)
    return RestoredItem.model_validate(restored, from_attributes=True)


@router.delete("/{item}", operation_id="empty_trash", status_code=204)
def empty_trash(may: Eraser, item: str, site: SiteOfRequest) -> None:
    """Let go of something in the trash for ever."""
    with site.database.write() as session:
        row = find_trashed(session, may.project_id, item)
        empty_trashed(session, row)
        _record(session, may, "trash.emptied", row)


def _fields(row: TrashRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in TrashItem.model_fields if name != "kept_until"}


def _record(session: Session, may: ProjectAccess, action: str, row: TrashRow) -> None:
    record(
        session,
        actor=may.principal.name,
        action=action,
        subject=row.series_uid,
        project_id=may.project_id,
        study_uid=row.study_uid,
        instances=row.instance_count,
    )
