"""What could not be accepted, kept aside for a person to decide: not indexed, not shown as an image."""

import threading
import time
from collections.abc import Sequence
from enum import Enum

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.orm import Session

from kahua.database import Database, new_id, now
from kahua.errors import DicomRefused, NotFound
from kahua.logs import get_logger
from kahua.store.ingest.origin import Origin
from kahua.store.tables import QuarantineRow
from kahua.store.text import cut

#: First line of what is hashed for the key of an object in quarantine, see `kahua.store.objects.content_key`.
QUARANTINE_KIND = "quarantine"

#: Most refusals that are noted; of those beyond, only the sender hears.
MAX_ITEMS = 100_000

#: What is there is counted again after this time: others add to it, and people let things go.
COUNT_SECONDS = 60.0

#: Part of what there is room for, from which on administrators are told.
NEARLY = 0.9

log = get_logger()


class Keeping(Enum):
    """What is kept of something that was refused."""

    OBJECT = "object"
    REASON = "reason"
    NOTHING = "nothing"


class Room:
    """Room in quarantine: whoever sends what is refused, again and again, fills neither disk nor database."""

    def __init__(self, database: Database, max_bytes: int) -> None:
        self._database = database
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._counted_at = -COUNT_SECONDS
        self._items = self._bytes = 0

    def take(self, size: int) -> Keeping:
        """Take room for an object, as far as there is some."""
        with self._lock:
            if time.monotonic() - self._counted_at >= COUNT_SECONDS:
                self._count()
            if self._items >= MAX_ITEMS:
                return Keeping.NOTHING
            self._items += 1
            if self._bytes + size > self._max_bytes:
                return Keeping.REASON
            self._bytes += size
            return Keeping.OBJECT

    def _count(self) -> None:
        with self._database.read() as session:
            self._items, self._bytes = count_quarantined(session)
        self._counted_at = time.monotonic()
        if is_nearly_full(self._items, self._bytes, max_bytes=self._max_bytes):
            log.warning("the quarantine is nearly full", items=self._items, bytes=self._bytes)


def is_nearly_full(items: int, size: int, *, max_bytes: int) -> bool:
    """Whether it is time that somebody looks at the quarantine."""
    return items >= NEARLY * MAX_ITEMS or size >= NEARLY * max_bytes


def count_quarantined(session: Session) -> tuple[int, int]:
    """Count what is in quarantine, in all projects, and the bytes of it that are kept."""
    items, size = session.execute(select(func.count(), func.coalesce(func.sum(QuarantineRow.size), 0))).one()
    return int(items), int(size)


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
    known = _row_of(connection, project_id=project_id, object_key=object_key, reason_code=error.code)
    if known is not None:
        if size:  # perhaps there was no room for its bytes before
            connection.execute(update(QuarantineRow).where(QuarantineRow.id == known).values(size=size))
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


def is_set_aside(connection: Connection, *, project_id: str, object_key: str, reason_code: str) -> bool:
    """Say whether an object is in quarantine for a reason already."""
    return _row_of(connection, project_id=project_id, object_key=object_key, reason_code=reason_code) is not None


def _row_of(connection: Connection, *, project_id: str, object_key: str, reason_code: str) -> str | None:
    row: str | None = connection.scalar(
        select(QuarantineRow.id).where(
            QuarantineRow.project_id == project_id,
            QuarantineRow.object_key == object_key,
            QuarantineRow.reason_code == reason_code,
        )
    )
    return row


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
