"""Many write at once, on either database: nothing is done twice, nothing is lost, nobody waits forever."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from kahua.access import AuditEntryRow, create_project, ensure_project, record, verify_audit_chain
from kahua.access.tables import ProjectRow
from kahua.database import Collision, Database, EventRow, announce, deliver_events, now
from kahua.database.statements import Prepared
from kahua.errors import InvalidInput, MisconfiguredSite, Unavailable
from kahua.events import SeriesRemoved, Subscription
from kahua.testing.postgresql import PostgresServer
from kahua.testing.site import temporary_database

WRITERS = 8


@pytest.fixture
def database(tmp_path: Path, database_url: str | None) -> Iterator[Database]:
    database = temporary_database(tmp_path, database_url)
    yield database
    database.close()


@pytest.fixture
def served(postgresql: PostgresServer) -> Iterator[Database]:
    """A database of PostgreSQL."""
    with postgresql.migrated_database() as url:
        database = Database(url)
        yield database
        database.close()


def at_once(action: Callable[[int], object], times: int = WRITERS) -> list[object]:
    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(action, range(times)))


def test_the_audit_chain_holds_whoever_writes_at_once(database: Database) -> None:
    def write(number: int) -> None:
        with database.write() as session:
            record(session, actor="ada", action="test", subject=f"thing {number}")

    at_once(write, 40)
    with database.read() as session:
        verdict = verify_audit_chain(session)
        sequence = session.scalars(select(AuditEntryRow.sequence).order_by(AuditEntryRow.sequence)).all()
    assert (verdict.finding, verdict.entries) == ("", 40)
    assert len(set(sequence)) == 40


def told(database: Database, count: int) -> None:
    with database.write() as session:
        for number in range(count):
            announce(session, SeriesRemoved(project_id="p", series_id=str(number)))


def test_each_event_is_delivered_once_by_one_of_many_workers(served: Database) -> None:
    told(served, 30)
    heard: list[str] = []

    def hear(event: SeriesRemoved) -> None:
        heard.append(event.series_id)
        time.sleep(0.002)

    at_once(lambda _: deliver_events(served, [Subscription(consumer="test", event=SeriesRemoved, handle=hear)]))
    assert sorted(heard, key=int) == [str(number) for number in range(30)]
    with served.read() as session:
        assert not session.scalars(select(EventRow).where(EventRow.not_before.is_not(None))).all()


def test_an_event_that_failed_is_delivered_later_to_those_that_lack_it(database: Database) -> None:
    told(database, 1)
    heard: list[str] = []

    def fail(event: SeriesRemoved) -> None:
        heard.append(f"failed {event.series_id}")
        raise Unavailable

    subscriptions = [
        Subscription(consumer="failing", event=SeriesRemoved, handle=fail),
        Subscription(consumer="test", event=SeriesRemoved, handle=lambda event: heard.append(event.series_id)),
    ]
    assert deliver_events(database, subscriptions) == 1
    assert deliver_events(database, subscriptions) == 0
    with database.write() as session:
        (row,) = session.scalars(select(EventRow))
        assert row.error is not None
        row.not_before = now()
    assert deliver_events(database, subscriptions) == 1
    assert heard == ["failed 0", "0", "failed 0"]


def test_who_writes_alone_waits_for_others_and_keeps_them_out(database: Database) -> None:
    order: list[str] = []
    begun, inside = threading.Event(), threading.Event()

    def first() -> None:
        with database.write() as session:
            session.execute(select(1))
            begun.set()
            time.sleep(0.2)
            order.append("first")

    def alone() -> None:
        begun.wait()
        with database.write(alone=True) as session:
            session.execute(select(1))
            inside.set()
            time.sleep(0.2)
            order.append("alone")

    def last() -> None:
        inside.wait()
        with database.write() as session:
            session.execute(select(1))
            order.append("last")

    threads = [threading.Thread(target=action) for action in (first, alone, last)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert order == ["first", "alone", "last"]


def test_a_claim_has_one_holder_until_it_ends(served: Database) -> None:
    with served.claim("engine") as claim:
        assert claim.is_held
        claim.check()
        with served.claim("engine") as second, served.claim("another") as other:
            assert (second.is_held, other.is_held) == (False, True)
    with served.claim("engine") as third:
        assert third.is_held


def test_a_claim_whose_connection_broke_is_known_to_be_lost(served: Database, postgresql: PostgresServer) -> None:
    with served.claim("engine") as claim:
        postgresql.break_connections("shared")
        with pytest.raises(Unavailable, match="claim"):
            claim.check()
        assert not claim.is_held
    with served.claim("engine") as again:
        assert again.is_held


def test_a_lock_whose_connection_broke_says_so_whenever_it_is_asked(
    served: Database, postgresql: PostgresServer
) -> None:
    hold = served.take("objects-0", alone=False)
    postgresql.break_connections("shared")
    for _ in range(3):
        with pytest.raises(Unavailable, match="broke off"):
            hold.check()
    hold.end()
    served.take("objects-0").end()


def test_a_look_at_a_database_that_does_not_answer_is_refused_in_words() -> None:
    database = Database("postgresql://kahua@127.0.0.1:1/kahua")
    with pytest.raises(Unavailable, match="does not answer"), database.look() as look:
        Prepared(select(1)).execute(look)
    database.close()


def test_two_that_wait_for_each_other_are_told_and_nothing_is_half_done(served: Database) -> None:
    with served.write() as session:
        ids = [create_project(session, actor="test", name=name).id for name in ("a", "b")]
    meeting = threading.Barrier(2)

    def lock_both(number: int) -> str:
        try:
            with served.write() as session:
                for place, one in enumerate(ids if number else ids[::-1]):
                    session.get_one(ProjectRow, one, with_for_update=True).title = f"by {number}"
                    session.flush()
                    if place == 0:
                        meeting.wait(10)
        except Collision:
            return "undone"
        return "done"

    assert sorted(at_once(lock_both, 2)) == ["done", "undone"]  # type: ignore[type-var]


def test_what_the_database_cannot_keep_is_refused(served: Database) -> None:
    with pytest.raises(InvalidInput), served.write() as session:
        ensure_project(session, name="liver").title = "a\0b"


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("mysql://kahua@localhost/kahua", MisconfiguredSite),
        ("postgresql://kahua@127.0.0.1:1/kahua", Unavailable),
    ],
)
def test_a_database_that_cannot_be_reached_is_said(url: str, error: type[Exception]) -> None:
    with pytest.raises(error) as refused, Database(url).read() as session:
        session.execute(select(1))
    assert "kahua@" not in str(refused.value)


def test_a_database_that_is_not_there_is_said(postgresql: PostgresServer) -> None:
    with pytest.raises(MisconfiguredSite, match="does not let"), Database(postgresql.url("none")).read() as session:
        session.execute(select(1))
