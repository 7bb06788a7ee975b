"""The outbox: events are stored with the change they tell of, and delivered afterwards at least once."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, Connection, Index, String, delete, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from kahua.database.base import Base, UtcDateTime, now
from kahua.database.engine import Database
from kahua.database.statements import Prepared
from kahua.errors import KahuaError
from kahua.events import EVENTS, Event, Lane, Subscription
from kahua.logs import get_logger

log = get_logger()

#: An event whose consumer fails is tried again after 2, 4, 8, … seconds, at most this many.
MAX_DELAY_SECONDS = 600

#: Delivered events are kept this long, for whoever looks into what happened.
KEPT_AFTER_DELIVERY = timedelta(days=7)

#: Most events about one thing that are delivered at once.
BATCH = 100


class EventRow(Base):
    """An event on one of its lanes, and how far its delivery went."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_lane_not_before", "lane", "not_before"),
        {"sqlite_autoincrement": True},
    )

    sequence: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    #: Every event begins on the quick lane; a copy goes on each other lane on which someone wants to hear it.
    lane: Mapped[str] = mapped_column(String(16), server_default=Lane.QUICK.value)
    #: What it is about.
    subject: Mapped[str] = mapped_column(String(64), server_default="")
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
    ("name", "lane", "subject", "payload", "created_at", "not_before", "attempts", "delivered"),
)


def announce(transaction: Session | Connection, event: Event) -> None:
    """Store an event in the caller's transaction: it is told if, and only if, the change happened."""
    connection = transaction if isinstance(transaction, Connection) else transaction.connection()
    _put_on(connection, event, Lane.QUICK, rest=timedelta())


def _put_on(connection: Connection, event: Event, lane: Lane, *, rest: timedelta) -> None:
    moment = now()
    _INSERT.execute(
        connection,
        name=event.name,
        lane=lane.value,
        subject=event.subject,
        payload=event.payload(),
        created_at=moment,
        not_before=moment + rest,
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
    """Hand every due event to its consumers, lane by lane; return how many deliveries were tried."""
    tried = 0
    for lane in Lane:
        courier = Courier(database, subscriptions, lane)
        while number := courier.step():
            tried += number
    return tried


class Courier:
    """Hands the events of one lane to their consumers.

    Any number of threads and processes may do so at once: what is about one thing is in the hands of one of them,
    which delivers it in its order. A consumer that fails does not keep the others from theirs; its event is tried
    again later. One that takes long holds up one thread, and what is about the same thing.

    What goes on to a slower lane may rest before: of changes that follow each other closely, consumers there need to
    look into the last one alone.
    """

    def __init__(
        self,
        database: Database,
        subscriptions: Sequence[Subscription],
        lane: Lane,
        *,
        rest: timedelta = timedelta(),
    ) -> None:
        self._database = database
        self._lane = lane
        self._rest = rest
        self._subscriptions = [each for each in subscriptions if each.lane is lane]
        self._elsewhere = [each for each in subscriptions if each.lane is not lane] if lane is Lane.QUICK else []
        self._lock = threading.Lock()
        self._in_hand: set[str] = set()

    def step(self) -> int:
        """Deliver the due events about one thing, that which waits longest; return how many were tried."""
        passed: set[str] = set()
        while (subject := self._take(passed)) is not None:
            try:
                with self._database.claim(f"{self._lane} events about {subject}") as claim:
                    rows = self._due(subject) if claim.is_held else []
                    self._conclude([self._deliver(row) for row in rows])
            finally:
                self._let_go(subject)
            if rows:
                return len(rows)
            passed.add(subject)  # another process has it in hand, or has just delivered it
        return 0

    def _take(self, passed: Iterable[str]) -> str | None:
        """Take in hand what is due, in the hands of no other thread of this process, and not passed over."""
        with self._lock, self._database.read() as session:
            statement = (
                select(EventRow.subject)
                .where(EventRow.lane == self._lane.value, EventRow.not_before <= now())
                .where(EventRow.subject.not_in([*self._in_hand, *passed]))
                .order_by(EventRow.not_before)
                .limit(1)
            )
            subject = session.scalar(statement)
            if subject is not None:
                self._in_hand.add(subject)
        return subject

    def _let_go(self, subject: str) -> None:
        with self._lock:
            self._in_hand.discard(subject)

    def _due(self, subject: str) -> Sequence[EventRow]:
        with self._database.read() as session:
            return session.scalars(
                select(EventRow)
                .where(EventRow.lane == self._lane.value, EventRow.not_before <= now(), EventRow.subject == subject)
                .order_by(EventRow.sequence)
                .limit(BATCH)
            ).all()

    def _deliver(self, row: EventRow) -> "_Outcome":
        event = EVENTS[row.name](**row.payload)
        delivered, errors = list(row.delivered), []
        for subscription in self._subscriptions:
            if subscription.event is not type(event) or subscription.consumer in delivered:
                continue
            try:
                subscription.handle(event)
                delivered.append(subscription.consumer)
            except Exception as error:  # a consumer may fail in any way: the outbox tries again and shows why
                log.exception("event not handled", event_name=row.name, consumer=subscription.consumer)
                errors.append(f"{subscription.consumer}: {error if isinstance(error, KahuaError) else repr(error)}")
        return _Outcome(row=row, event=event, delivered=delivered, errors=errors)

    def _conclude(self, outcomes: Sequence["_Outcome"]) -> None:
        """Keep how far deliveries went; with the first try, copies go on their lanes."""
        if not outcomes:
            return
        with self._database.write() as session:
            for outcome in outcomes:
                session.execute(
                    update(EventRow).where(EventRow.sequence == outcome.row.sequence).values(outcome.state())
                )
                if not outcome.row.attempts:
                    for lane in self._others(outcome.event):
                        _put_on(session.connection(), outcome.event, lane, rest=self._rest)

    def _others(self, event: Event) -> set[Lane]:
        return {each.lane for each in self._elsewhere if each.event is type(event)}


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """What came of an attempt to deliver an event."""

    row: EventRow
    event: Event
    #: Consumers that have had it, and what the others said.
    delivered: list[str]
    errors: list[str]

    def state(self) -> dict[str, Any]:
        """Give what is kept of it."""
        attempts = self.row.attempts + 1
        delay = timedelta(seconds=min(2.0**attempts, MAX_DELAY_SECONDS))
        return {
            "delivered": self.delivered,
            "attempts": attempts,
            "not_before": now() + delay if self.errors else None,
            "error": "; ".join(self.errors)[:2000] or None,
        }
