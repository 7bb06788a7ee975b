"""Every state of a workitem × every wish, by PS3.4 table CC.1.1-2; on both databases, also at the same moment."""

import threading

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from kahua.database import Database
from kahua.errors import InvalidInput, KahuaError, NotFound, StateConflict
from kahua.store import Archive
from kahua.store.workitems import worklist
from kahua.store.workitems.documents import text_of, words
from kahua.store.workitems.removal import remove_ended
from kahua.store.workitems.states import CHANGES, State
from kahua.testing.workitems import new_workitem, performed, state, transaction

UID = "2.25.1001"
LOCK = "2.25.7"


@pytest.fixture
def database(archive: Archive) -> Database:
    return archive.database


def create(database: Database, uid: str = UID, **changes: object) -> None:
    with database.write() as session:
        worklist.create(
            session,
            "main",
            new_workitem(**changes),
            uid=uid,
            creator="ada",
            creator_id="a",  # type: ignore[arg-type]
        )


def change(database: Database, wanted: str, lock: str = LOCK) -> str:
    with database.write() as session:
        return worklist.change_state(session, "main", UID, state(wanted, lock), user="robot")


def bring_to(database: Database, wanted: State) -> None:
    create(database)
    if wanted is State.SCHEDULED:
        return
    change(database, "IN PROGRESS")
    if wanted is State.COMPLETED:
        with database.write() as session:
            worklist.update(session, "main", UID, performed(), transaction_uid=LOCK)
    if wanted is not State.IN_PROGRESS:
        change(database, wanted)


def state_of(database: Database) -> str:
    with database.read() as session:
        row = worklist.find_workitem(session, "main", UID)
        assert text_of(worklist.document_of(row), "00741000") == row.state
        return row.state


#: Status of PS3.4 for a change with the right Transaction UID; empty: it is done.
EXPECTED = {
    ("SCHEDULED", "IN PROGRESS"): "",
    ("SCHEDULED", "SCHEDULED"): "C303",
    ("SCHEDULED", "COMPLETED"): "C310",
    ("SCHEDULED", "CANCELED"): "C310",
    ("IN PROGRESS", "IN PROGRESS"): "C302",
    ("IN PROGRESS", "SCHEDULED"): "C303",
    ("IN PROGRESS", "COMPLETED"): "C304",
    ("IN PROGRESS", "CANCELED"): "",
    ("COMPLETED", "IN PROGRESS"): "C300",
    ("COMPLETED", "SCHEDULED"): "C303",
    ("COMPLETED", "COMPLETED"): "B306",
    ("COMPLETED", "CANCELED"): "C300",
    ("CANCELED", "IN PROGRESS"): "C300",
    ("CANCELED", "SCHEDULED"): "C303",
    ("CANCELED", "COMPLETED"): "C300",
    ("CANCELED", "CANCELED"): "B304",
}


@pytest.mark.parametrize(("before", "wanted"), EXPECTED)
def test_each_change_of_state_is_done_refused_or_needless(database: Database, before: str, wanted: str) -> None:
    bring_to(database, State(before))
    status = EXPECTED[before, wanted]
    if status.startswith("C"):
        with pytest.raises(StateConflict) as refused:
            change(database, wanted)
        assert refused.value.details["dicom_status"] == status
        assert state_of(database) == before
    else:
        assert bool(change(database, wanted)) is status.startswith("B")
        assert state_of(database) == wanted


def test_the_table_has_every_pair_of_states() -> None:
    assert set(CHANGES) == {(one, other) for one in State for other in State} == set(EXPECTED)


@pytest.mark.parametrize("before", list(State))
@pytest.mark.parametrize("wanted", ["IN PROGRESS", "COMPLETED", "CANCELED"])
def test_without_the_right_transaction_uid_nothing_changes(database: Database, before: State, wanted: str) -> None:
    bring_to(database, before)
    wrong = ["", "no uid"] if before is State.SCHEDULED else ["", "no uid", "2.25.8"]
    for lock in wrong:
        with pytest.raises(InvalidInput) as refused:
            change(database, wanted, lock)
        assert refused.value.details["dicom_status"] == "C301"
    assert state_of(database) == before


def test_of_many_performers_that_claim_at_the_same_moment_one_wins(database: Database) -> None:
    create(database)
    barrier, outcomes = threading.Barrier(8), []

    def claim() -> None:
        barrier.wait()
        try:
            change(database, "IN PROGRESS", transaction())
            outcomes.append("won")
        except KahuaError as error:
            outcomes.append(str(error.details["dicom_status"]))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["C301"] * 7 + ["won"]


def test_of_many_who_create_the_same_workitem_at_the_same_moment_one_wins(database: Database) -> None:
    barrier, outcomes = threading.Barrier(4), []

    def make() -> None:
        barrier.wait()
        try:
            create(database)
            outcomes.append("won")
        except StateConflict as error:
            outcomes.append(str(error.details["dicom_status"]))

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["0111"] * 3 + ["won"]


def test_a_cancellation_is_done_where_nobody_performs_and_refused_where_the_performer_is_deaf(
    database: Database,
) -> None:
    create(database)
    request = {"00741238": words("LT", "Not needed")}
    with database.write() as session:
        assert worklist.request_cancellation(session, "main", UID, request, requester="ada") == ""
    with database.read() as session:
        document = worklist.document_of(worklist.find_workitem(session, "main", UID))
    (progress,) = document["00741002"]["Value"]
    assert text_of(progress, "00741238") == "Not needed"
    assert text_of(progress, "00404052")
    assert text_of(progress["0074100E"]["Value"][0], "00080100") == "110513"
    with database.write() as session:
        assert "CANCELED" in worklist.request_cancellation(session, "main", UID, {}, requester="ada")


@pytest.mark.parametrize(("before", "status"), [(State.IN_PROGRESS, "C312"), (State.COMPLETED, "C311")])
def test_a_cancellation_that_is_in_vain_is_refused(database: Database, before: State, status: str) -> None:
    bring_to(database, before)
    with pytest.raises(StateConflict) as refused, database.write() as session:
        worklist.request_cancellation(session, "main", UID, {}, requester="ada")
    assert refused.value.details["dicom_status"] == status


def test_what_is_missing_at_completion_is_named(database: Database) -> None:
    bring_to(database, State.IN_PROGRESS)
    with pytest.raises(StateConflict, match=r"Performed Station Name Code Sequence \(0040,4028\)"):
        change(database, "COMPLETED")
    for tag in performed()["00741216"]["Value"][0]:
        given = performed()
        del given["00741216"]["Value"][0][tag]
        with database.write() as session:
            worklist.update(session, "main", UID, given, transaction_uid=LOCK)
        with pytest.raises(StateConflict, match=rf"\({tag[:4]},{tag[4:]}\)"):
            change(database, "COMPLETED")


def updates(session: Session, given: dict[str, object], lock: str = "") -> None:
    worklist.update(session, "main", UID, given, transaction_uid=lock)


def test_an_update_needs_the_lock_once_there_is_one_and_none_before(database: Database) -> None:
    create(database)
    label = {"00741204": words("LO", "Another")}
    with database.write() as session:
        updates(session, label)
    with pytest.raises(StateConflict) as refused, database.write() as session:
        updates(session, label, LOCK)
    assert refused.value.details["dicom_status"] == "C310"
    change(database, "IN PROGRESS")
    for lock in ("", "2.25.8"):
        with pytest.raises(InvalidInput), database.write() as session:
            updates(session, label, lock)
    with database.write() as session:
        updates(session, label, LOCK)
    change(database, "CANCELED")
    with pytest.raises(InvalidInput), database.write() as session:
        updates(session, label, LOCK)


@pytest.mark.parametrize(
    ("tag", "element"),
    [
        ("00100020", words("LO", "P2")),
        ("00741000", words("CS", "COMPLETED")),
        ("00741200", words("CS", "SOON")),
        ("00404041", {"vr": "CS"}),
        ("00404005", words("DT", "tomorrow")),
        ("00741204", {"vr": "LO"}),
    ],
)
def test_what_an_update_must_not_change_is_refused_by_name(
    database: Database, tag: str, element: dict[str, object]
) -> None:
    create(database)
    with pytest.raises(InvalidInput, match=rf"\({tag[:4]},{tag[4:]}\)"), database.write() as session:
        updates(session, {tag: element})


@pytest.mark.parametrize("tag", ["00741200", "00741204", "00404005", "00404041"])
def test_a_new_workitem_without_what_it_needs_is_refused_by_name(database: Database, tag: str) -> None:
    with pytest.raises(InvalidInput, match=rf"\({tag[:4]},{tag[4:]}\)"):
        create(database, **{f"t{tag}": {"vr": "CS"}})


@pytest.mark.parametrize(
    ("tag", "element"),
    [
        ("00741000", words("CS", "IN PROGRESS")),
        ("00081195", words("UI", "1.2")),
        ("00741002", {"vr": "SQ", "Value": [{}]}),
        ("00741216", performed()["00741216"]),
    ],
)
def test_a_new_workitem_that_says_what_comes_later_is_refused(
    database: Database, tag: str, element: dict[str, object]
) -> None:
    with pytest.raises(InvalidInput):
        create(database, **{f"t{tag}": element})


def test_a_workitem_of_another_project_is_not_there(database: Database) -> None:
    create(database)
    with pytest.raises(NotFound), database.read() as session:
        worklist.find_workitem(session, "other", UID)


@pytest.fixture
def aged(database: Database) -> Database:
    bring_to(database, State.CANCELED)
    with database.write() as session:
        session.execute(text("UPDATE workitems SET changed_at = '2020-01-01 00:00:00'"))
    return database


def test_a_workitem_that_ended_long_ago_is_removed(aged: Database) -> None:
    create(aged, "2.25.1002")
    remove_ended(aged, days=30)
    with aged.read() as session:
        assert worklist.find_workitem(session, "main", "2.25.1002")
        with pytest.raises(NotFound):
            worklist.find_workitem(session, "main", UID)
