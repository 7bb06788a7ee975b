"""The database: engine, transactions, migrations, outbox. SQLite to begin with, PostgreSQL by a setting."""

from kahua.database.base import Base, Id, UtcDateTime, new_id, now
from kahua.database.clock import ClockRow
from kahua.database.engine import Database
from kahua.database.holds import Hold
from kahua.database.migrate import check_schema, migrate
from kahua.database.outbox import Courier, EventRow, announce, deliver_events, forget_delivered
from kahua.database.postgresql import Claim, Collision
from kahua.database.statements import Look, Prepared, Readable

__all__ = [
    "Base",
    "Claim",
    "ClockRow",
    "Collision",
    "Courier",
    "Database",
    "EventRow",
    "Hold",
    "Id",
    "Look",
    "Prepared",
    "Readable",
    "UtcDateTime",
    "announce",
    "check_schema",
    "deliver_events",
    "forget_delivered",
    "migrate",
    "new_id",
    "now",
]
