"""The audit log: for administrators."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from kahua import access
from kahua.access import Permission, Principal
from kahua.api.schemas import DEFAULT_LIMIT, Limit, Page
from kahua.api.security import SiteAccess, SiteOfRequest

router = APIRouter(prefix="/api/audit", tags=["audit"])

Auditor = Annotated[Principal, Depends(SiteAccess(Permission.AUDIT_READ))]


class AuditItem(BaseModel):
    """One auditable act."""

    sequence: int
    at: datetime
    actor: str
    action: str
    project_id: str | None
    subject: str
    details: dict[str, Any]
    hash: str


class AuditCheck(BaseModel):
    """Whether the log is as it was written."""

    intact: bool
    entries: int
    head: str
    broken_at: int | None
    finding: str


@router.get("", operation_id="list_audit_entries")
def list_audit_entries(
    _: Auditor, site: SiteOfRequest, limit: Limit = DEFAULT_LIMIT, cursor: int | None = None
) -> Page[AuditItem]:
    """List what was done, newest first."""
    with site.database.read() as session:
        rows = access.entries(session, before=cursor, limit=limit)
    items = [AuditItem.model_validate(row, from_attributes=True) for row in rows]
    return Page(items=items, next_cursor=str(items[-1].sequence) if len(items) == limit else None)


@router.get("/check", operation_id="check_audit_log")
def check_audit_log(_: Auditor, site: SiteOfRequest) -> AuditCheck:
    """Compute the chain of hashes again and compare."""
    with site.database.read() as session:
        verdict = access.verify_audit_chain(session)
    return AuditCheck.model_validate(verdict, from_attributes=True)
