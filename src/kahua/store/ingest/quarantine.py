"""What could not be accepted, kept aside for a person to decide: not indexed, not shown as an image."""

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select
from sqlalchemy.orm import Session

from kahua.database import new_id, now
from kahua.errors import DicomRefused, NotFound
from kahua.store.ingest.origin import Origin
from kahua.store.tables import QuarantineRow
from kahua.store.text import cut

#: First line of what is hashed for the key of an object in quarantine, see `kahua.store.objects.content_key`.
QUARANTINE_KIND = "quarantine"


def set_aside(
    connection: Connection,
    *,
    project_id: str,
    error: DicomRefused,
    sop_instance_uid: str,
    object_key: str,
    size: int,
    origin: Origin,
) -> str:
    """Note an object that was refused; return the id of its row.

    A sender that tries the same bytes again and again makes one row, not many.
    """
    known: str | None = connection.scalar(
        select(QuarantineRow.id).where(
            QuarantineRow.project_id == project_id,
            QuarantineRow.object_key == object_key,
            QuarantineRow.reason_code == error.code,
        )
    )
    if known is not None:
        return known
    row = {
        "id": new_id(),
        "project_id": project_id,
        "reason_code": error.code,
        "reason": cut(str(error), 2000),
        "sop_instance_uid": cut(sop_instance_uid, 128),
        "name": cut(origin.name, 300),
        "door": origin.door,
        "sender": cut(origin.sender, 100),
        "object_key": object_key,
        "size": size,
        "received_at": now(),
    }
    connection.execute(insert(QuarantineRow), row)
    return str(row["id"])


def quarantined(
    session: Session, project_id: str, *, limit: int, before: QuarantineRow | None = None
) -> Sequence[QuarantineRow]:
    """List what was refused, newest first; the next page is what came before its last row."""
    query = select(QuarantineRow).where(QuarantineRow.project_id == project_id)
    if before is not None:
        query = query.where(
            (QuarantineRow.received_at < before.received_at)
            | ((QuarantineRow.received_at == before.received_at) & (QuarantineRow.id < before.id))
        )
    return session.scalars(query.order_by(QuarantineRow.received_at.desc(), QuarantineRow.id.desc()).limit(limit)).all()


def find_quarantined(session: Session, project_id: str, quarantine_id: str) -> QuarantineRow:
    """Give one row.

    Raises
    ------
    NotFound
        The project has none of this id.
    """
    row = session.scalar(
        select(QuarantineRow).where(QuarantineRow.project_id == project_id, QuarantineRow.id == quarantine_id)
    )
    if row is None:
        raise NotFound("There is no such object in quarantine.")
    return row
