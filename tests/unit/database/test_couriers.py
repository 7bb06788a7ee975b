"""Events reach their consumers whatever one of them does: who hangs holds up one thread and one series."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from kahua.cli.background import Background
from kahua.database import Courier, Database, EventRow, announce, deliver_events, now
from kahua.errors import Unavailable
from kahua.events import Event, Lane, SeriesReceived, SeriesRemoved, Subscription
from kahua.testing.site import temporary_database

#: How long something that must happen may take.
SECONDS = 20


@pytest.fixture
def database(tmp_path: Path, database_url: str | None) -> Iterator[Database]:
    database = temporary_database(tmp_path, database_url)
    yield database
    database.close()


class Consumer:
    """Notes what it hears, in order, and hangs on what is about one series until it is let go."""

    def __init__(self, hangs_on: str = "") -> None:
        self.heard: list[tuple[str, int]] = []
        self.let_go = threading.Event()
        self._hangs_on = hangs_on
        self._changed = threading.Condition()

    def hear(self, event: SeriesReceived) -> None:
        if event.series_id == self._hangs_on:
            assert self.let_go.wait(SECONDS)
        with self._changed:
            self.heard.append((event.series_id, event.revision))
            self._changed.notify_all()

    def has_heard(self, *wanted: tuple[str, int]) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: set(wanted) <= set(self.heard), SECONDS)


def listening(consumer: Consumer, lane: Lane, *, name: str = "test") -> Subscription:
    return Subscription(consumer=name, event=SeriesReceived, handle=consumer.hear, lane=lane)


def received(series: str, revision: int = 1) -> Event:
    return SeriesReceived(project_id="p", series_id=series, revision=revision)


def tell(database: Database, *events: Event) -> None:
    with database.write() as session:
        for event in events:
            announce(session, event)


def waiting(database: Database) -> list[EventRow]:
    with database.read() as session:
        return list(session.scalars(select(EventRow).where(EventRow.not_before.is_not(None))))


@pytest.fixture
def threads() -> Iterator[list[Background]]:
    begun: list[Background] = []
    yield begun
    for each in begun:
        each.stop(seconds=SECONDS)


def deliver_in_threads(threads: list[Background], courier: Courier, count: int) -> None:
    for number in range(count):
        threads.append(Background(f"{number}", courier.step, pause=0.01))
        threads[-1].start()


def test_a_series_that_hangs_holds_up_no_other(database: Database, threads: list[Background]) -> None:
    consumer = Consumer(hangs_on="hostile")
    subscriptions = [listening(consumer, Lane.SLOW)]
    tell(database, received("hostile", 1), received("hostile", 2), received("a"), received("hostile", 3), received("b"))
    deliver_in_threads(threads, Courier(database, subscriptions, Lane.QUICK), 1)
    deliver_in_threads(threads, Courier(database, subscriptions, Lane.SLOW), 2)
    assert consumer.has_heard(("a", 1), ("b", 1))
    assert not [series for series, _ in consumer.heard if series == "hostile"]
    consumer.let_go.set()
    assert consumer.has_heard(("hostile", 3))
    assert [revision for series, revision in consumer.heard if series == "hostile"] == [1, 2, 3], "in their order"


def test_who_is_quick_does_not_wait_for_who_is_slow(database: Database, threads: list[Background]) -> None:
    slow, quick = Consumer(hangs_on="s"), Consumer()
    subscriptions = [listening(slow, Lane.SLOW, name="slow"), listening(quick, Lane.QUICK, name="quick")]
    tell(database, received("s", 1))
    deliver_in_threads(threads, Courier(database, subscriptions, Lane.QUICK), 1)
    deliver_in_threads(threads, Courier(database, subscriptions, Lane.SLOW), 1)
    assert quick.has_heard(("s", 1))
    tell(database, received("s", 2), received("t"))
    assert quick.has_heard(("s", 2), ("t", 1))
    assert slow.heard == []
    slow.let_go.set()
    assert slow.has_heard(("s", 1), ("s", 2), ("t", 1))


def test_one_that_fails_on_a_lane_is_tried_again_there_alone(database: Database) -> None:
    calls: list[str] = []

    def fail_once(_: SeriesReceived) -> None:
        calls.append("slow")
        if calls.count("slow") == 1:
            raise Unavailable

    subscriptions = [
        Subscription(consumer="quick", event=SeriesReceived, handle=lambda _: calls.append("quick")),
        Subscription(consumer="slow", event=SeriesReceived, handle=fail_once, lane=Lane.SLOW),
    ]
    tell(database, received("a"))
    assert deliver_events(database, subscriptions) == 2
    (row,) = waiting(database)
    assert (row.lane, row.subject, row.attempts) == ("slow", "a", 1)
    assert row.error is not None
    with database.write() as session:
        session.execute(update(EventRow).where(EventRow.sequence == row.sequence).values(not_before=now()))
    assert deliver_events(database, subscriptions) == 1
    assert calls == ["quick", "slow", "slow"]
    assert waiting(database) == []


def test_an_event_waits_on_a_lane_through_a_new_start(database: Database) -> None:
    consumer = Consumer()
    subscriptions = [listening(consumer, Lane.SLOW)]
    tell(database, received("a"))
    assert Courier(database, subscriptions, Lane.QUICK).step() == 1
    assert consumer.heard == []
    assert Courier(database, subscriptions, Lane.SLOW).step() == 1
    assert consumer.heard == [("a", 1)]


def test_what_goes_to_a_slower_lane_rests_before(database: Database) -> None:
    consumer = Consumer()
    subscriptions = [listening(consumer, Lane.SLOW)]
    tell(database, received("a"))
    assert Courier(database, subscriptions, Lane.QUICK, rest=timedelta(hours=1)).step() == 1
    slow = Courier(database, subscriptions, Lane.SLOW)
    assert slow.step() == 0
    (row,) = waiting(database)
    assert row.not_before == row.created_at + timedelta(hours=1)
    with database.write() as session:
        session.execute(update(EventRow).where(EventRow.sequence == row.sequence).values(not_before=now()))
    assert slow.step() == 1
    assert consumer.heard == [("a", 1)]


def test_no_copy_is_made_of_what_nobody_wants_to_hear_on_a_lane(database: Database) -> None:
    tell(database, SeriesRemoved(project_id="p", series_id="a"))
    assert deliver_events(database, [listening(Consumer(), Lane.SLOW)]) == 1
    assert waiting(database) == []
