"""The outbox: events are stored with the change they tell of, and delivered afterwards at least once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, Connection, Index, String, delete, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from kahua.database.base import Base, UtcDateTime, now
from kahua.database.engine import Database
from kahua.database.statements import Prepared
from kahua.errors import KahuaError
from kahua.events import EVENTS, Event, Subscription
from kahua.logs import get_logger

log = get_logger()

#: An event whose consumer fails is tried again after 2, 4, 8, … seconds, at most this many.
MAX_DELAY_SECONDS = 600

#: Delivered events are kept this long, for whoever looks into what happened.
KEPT_AFTER_DELIVERY = timedelta(days=7)

#: Events taken from the outbox at once.
BATCH = 100


class EventRow(Base):
    """An event, and how far its delivery went."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_not_before", "not_before"),
        {"sqlite_autoincrement": True},
    )

    sequence: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: Time of the next try; empty when every consumer has had the event.
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    #: Consumers that have had it.
    delivered: Mapped[list[str]] = mapped_column(JSON, default=list)
    error: Mapped[str | None] = mapped_column(String(2000))


_INSERT = Prepared(
    insert(Base.metadata.tables[EventRow.__tablename__]).inline(),
    ("name", "payload", "created_at", "not_before", "attempts", "delivered"),
)


def announce(transaction: Session | Connection, event: Event) -> None:
    """Store an event in the caller's transaction: it is told if, and only if, the change happened."""
    connection = transaction if isinstance(transaction, Connection) else transaction.connection()
    moment = now()
    _INSERT.execute(
        connection,
        name=event.name,
        payload=event.payload(),
        created_at=moment,
        not_before=moment,
        attempts=0,
        delivered=[],
    )


def forget_delivered(database: Database) -> None:
    """Delete events that every consumer has had for a while."""
    with database.write() as session:
        session.execute(
            delete(EventRow).where(EventRow.not_before.is_(None), EventRow.created_at < now() - KEPT_AFTER_DELIVERY)
        )


def deliver_events(database: Database, subscriptions: Sequence[Subscription]) -> int:
    """Hand every due event to its consumers, oldest first; return how many events were tried.

    A consumer that fails does not keep the others from theirs; its event is tried again later. Any number
    of processes may deliver at once: each event is in the hands of one of them.
    """
    with database.read() as session:
        due = session.scalars(
            select(EventRow.sequence).where(EventRow.not_before <= now()).order_by(EventRow.sequence).limit(BATCH)
        ).all()
    return sum(_deliver_claimed(database, sequence, subscriptions) for sequence in due)


def _deliver_claimed(database: Database, sequence: int, subscriptions: Sequence[Subscription]) -> bool:
    """Deliver an event, unless another process does so at this moment or has done it meanwhile."""
    with database.claim(f"event {sequence}") as claim:
        if not claim.is_held:
            return False
        with database.read() as session:
            row = session.scalar(select(EventRow).where(EventRow.sequence == sequence, EventRow.not_before <= now()))
        if row is None:
            return False
        _deliver(database, row, subscriptions)
        return True


def _deliver(database: Database, row: EventRow, subscriptions: Sequence[Subscription]) -> None:
    event = EVENTS[row.name](**row.payload)
    delivered, errors = list(row.delivered), []
    for subscription in subscriptions:
        if subscription.event is not type(event) or subscription.consumer in delivered:
            continue
        try:
            subscription.handle(event)
            delivered.append(subscription.consumer)
        except Exception as error:  # a consumer may fail in any way: the outbox tries again and shows why
            log.exception("event not handled", event_name=row.name, consumer=subscription.consumer)
            errors.append(f"{subscription.consumer}: {error if isinstance(error, KahuaError) else repr(error)}")
    attempts = row.attempts + 1
    delay = timedelta(seconds=min(2.0**attempts, MAX_DELAY_SECONDS))
    with database.write() as session:
        session.execute(
            update(EventRow)
            .where(EventRow.sequence == row.sequence)
            .values(
                delivered=delivered,
                attempts=attempts,
                not_before=now() + delay if errors else None,
                error="; ".join(errors)[:2000] or None,
            )
        )
