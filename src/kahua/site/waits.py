"""Waits that would not end in their time: they were set while the clock of the machine went ahead."""

from datetime import timedelta
from typing import Any

from sqlalchemy import CursorResult, update

from kahua.database import Database, EventRow, now
from kahua.logs import get_logger
from kahua.store.dimse.commitments import LONGEST_PAUSE
from kahua.store.remote.tables import DeliveryItemRow, DeliveryRow, PullItemRow, PullRow
from kahua.store.tables import CommitmentRow

#: What waits, and longer than the longest time for which it may: orders rest for their rate, the others for a next try.
WAITS = (
    (EventRow, timedelta(hours=1)),
    (CommitmentRow, LONGEST_PAUSE + timedelta(hours=1)),
    (PullRow, timedelta(days=1)),
    (PullItemRow, timedelta(hours=2)),
    (DeliveryRow, timedelta(days=1)),
    (DeliveryItemRow, timedelta(hours=2)),
)

log = get_logger()


def end_long_waits(database: Database) -> int:
    """Let begin at once what would wait for longer than it may; return the number."""
    ended = 0
    with database.write() as session:
        moment = now()
        for row, longest in WAITS:
            late = update(row).where(row.not_before > moment + longest).values(not_before=moment)
            result: CursorResult[Any] = session.execute(late)  # type: ignore[assignment]
            ended += result.rowcount
    if ended:
        log.warning("waits ended that the clock had made too long", waits=ended)
    return ended
