"""Who is subscribed to what, and which reports wait for them; on both databases."""

from typing import Any

import orjson
import pytest
from sqlalchemy import select, text

from kahua.database import Database
from kahua.errors import InvalidInput, NotAllowed, NotFound, StateConflict
from kahua.store.workitems import reports, worklist
from kahua.store.workitems.documents import code_item, sequence, words
from kahua.store.workitems.removal import remove_ended
from kahua.store.workitems.subscriptions import (
    find_subscriber,
    subscribe,
    subscribe_to_all,
    suspend,
    unsubscribe,
)
from kahua.store.workitems.tables import EventReportRow, SubscriptionRow
from kahua.testing.workitems import new_workitem

UID, OTHER = "2.25.1001", "2.25.1002"


def create(database: Database, uid: str = UID, **changes: Any) -> None:
    with database.write() as session:
        worklist.create(session, "main", new_workitem(**changes), uid=uid, creator="ada", creator_id="a")


def heard(database: Database, title: str = "ROBOT") -> list[tuple[int, str]]:
    """Give kind and workitem of the reports that wait for a subscriber."""
    with database.read() as session:
        subscriber = find_subscriber(session, "main", title, user="ada")
        rows = reports.waiting(session, [subscriber.id], limit=10_000)
        found = [orjson.loads(row.report) for row in rows]
    return [(each["00001002"]["Value"][0], each["00001000"]["Value"][0]) for each in found]


def to_all(database: Database, title: str = "ROBOT", *, locked: bool = False, **filters: str) -> None:
    with database.write() as session:
        subscribe_to_all(session, "main", title, user="ada", locked=locked, filters=list(filters.items()))


def to_one(database: Database, uid: str = UID, *, locked: bool = False) -> None:
    with database.write() as session:
        subscribe(session, "main", uid, "ROBOT", user="ada", locked=locked)


def test_who_subscribes_to_one_workitem_hears_how_it_stands_and_of_no_other(database: Database) -> None:
    create(database)
    to_one(database)
    create(database, OTHER)
    assert heard(database) == [(reports.STATE_REPORT, UID)]


def test_who_subscribes_to_all_hears_of_those_that_are_there_and_of_new_ones(database: Database) -> None:
    create(database)
    to_all(database)
    assert heard(database) == []  # without a lock, nothing is told of how things stand
    create(database, OTHER)
    with database.write() as session:
        worklist.request_cancellation(session, "main", UID, {}, requester="ada")
    assert heard(database) == [(1, OTHER), (1, UID), (1, UID)]


def test_who_locks_all_is_told_of_each(database: Database) -> None:
    create(database)
    create(database, OTHER)
    to_all(database, locked=True)
    assert sorted(heard(database)) == [(1, UID), (1, OTHER)]


def test_a_filter_holds_for_those_that_are_there_and_for_new_ones(database: Database) -> None:
    create(database, UID, t00741200=words("CS", "HIGH"))
    create(database, OTHER)
    to_all(database, ScheduledProcedureStepPriority="HIGH")
    create(database, "2.25.1003")
    create(database, "2.25.1004", t00741200=words("CS", "HIGH"))
    with database.read() as session:
        assert len(session.scalars(select(SubscriptionRow.workitem_id)).all()) == 2
    assert heard(database) == [(1, "2.25.1004")]


def test_a_station_that_is_named_is_told(database: Database) -> None:
    to_all(database)
    create(database, UID, t00404025=sequence(code_item("CT1", "99TEST", "CT 1")))
    assert heard(database) == [(1, UID), (reports.ASSIGNED, UID)]


def test_a_suspended_subscriber_hears_only_of_what_it_knows(database: Database) -> None:
    to_all(database)
    create(database)
    with database.write() as session:
        suspend(session, "main", "ROBOT", user="ada")
    create(database, OTHER)
    assert heard(database) == [(1, UID)]
    with pytest.raises(NotFound), database.write() as session:
        suspend(session, "main", "ROBOT", user="ada")


def test_the_end_of_a_subscription_to_all_ends_every_one_and_forgets_what_waits(database: Database) -> None:
    create(database)
    to_one(database)
    to_all(database)
    with database.write() as session:
        unsubscribe(session, "main", "1.2.840.10008.5.1.4.34.5", "ROBOT", user="ada")
    with database.read() as session:
        for table in (SubscriptionRow.workitem_id, EventReportRow.id):
            assert session.scalars(select(table)).all() == []


def test_a_locked_workitem_is_kept_until_the_lock_is_lifted(database: Database) -> None:
    create(database)
    to_one(database, locked=True)
    with database.write() as session:
        worklist.request_cancellation(session, "main", UID, {}, requester="ada")
        session.execute(text("UPDATE workitems SET changed_at = '2020-01-01 00:00:00'"))
    remove_ended(database, days=30)
    with database.read() as session:
        worklist.find_workitem(session, "main", UID)
    to_one(database, locked=False)
    remove_ended(database, days=30)
    with pytest.raises(NotFound), database.read() as session:
        worklist.find_workitem(session, "main", UID)


def test_what_waits_is_forgotten_beyond_a_number_oldest_first(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "MAX_WAITING", 3)
    to_all(database)
    for number in range(5):
        create(database, f"2.25.{number}")
    assert heard(database) == [(1, "2.25.2"), (1, "2.25.3"), (1, "2.25.4")]


def test_a_cancellation_is_told_to_who_is_subscribed(database: Database) -> None:
    create(database)
    with database.write() as session:
        worklist.claim(session, worklist.find_workitem(session, "main", UID, lock=True), "2.25.7", performer="robot")
    with pytest.raises(StateConflict), database.write() as session:
        worklist.request_cancellation(session, "main", UID, {}, requester="ada")
    to_one(database)
    with database.write() as session:
        worklist.request_cancellation(session, "main", UID, {}, requester="ada")
    assert heard(database)[-1] == (reports.CANCEL_REQUESTED, UID)


@pytest.mark.parametrize("title", ["", "   ", "A" * 17, "A\\B", "A\nB", "ÄÖ"])
def test_what_is_no_ae_title_is_refused(database: Database, title: str) -> None:
    with pytest.raises(InvalidInput):
        to_all(database, title)


def test_a_title_belongs_to_its_user_and_to_its_project(database: Database) -> None:
    to_all(database)
    with pytest.raises(NotAllowed), database.read() as session:
        find_subscriber(session, "main", "ROBOT", user="eve")
    with pytest.raises(NotFound), database.read() as session:
        find_subscriber(session, "other", "ROBOT", user="ada")
    with database.write() as session:
        subscribe_to_all(session, "other", "ROBOT", user="eve", locked=False)
    create(database)
    with database.read() as session:
        foreign = find_subscriber(session, "other", "ROBOT", user="eve")
        assert reports.waiting(session, [foreign.id], limit=10) == []
