"""The audit log cannot be changed unnoticed."""

import pytest
from sqlalchemy import delete, update

from kahua.access import AuditEntryRow, entries, record, verify_audit_chain
from kahua.database import Database, now


@pytest.fixture
def written(database: Database) -> Database:
    for number in range(5):
        with database.write() as session:
            record(session, actor="ada", action="test", subject=f"thing {number}", number=number, part=0.1)
    return database


def test_untouched_log_is_intact(written: Database) -> None:
    with written.read() as session:
        verdict = verify_audit_chain(session)
    assert verdict.intact
    assert verdict.entries == 5


def test_empty_log_is_intact(database: Database) -> None:
    with database.read() as session:
        assert verify_audit_chain(session).intact


@pytest.mark.parametrize(
    "change",
    [{"actor": "eve"}, {"subject": "another"}, {"details": {}}, {"action": "x"}, {"project_id": "p"}, {"at": now()}],
)
def test_changed_entry_is_found(written: Database, change: dict[str, object]) -> None:
    with written.write() as session:
        session.execute(update(AuditEntryRow).where(AuditEntryRow.sequence == 3).values(**change))
    with written.read() as session:
        verdict = verify_audit_chain(session)
    assert (verdict.intact, verdict.broken_at) == (False, 3)


@pytest.mark.parametrize("sequence", [1, 3, 5])
def test_removed_entry_is_found(written: Database, sequence: int) -> None:
    with written.write() as session:
        session.execute(delete(AuditEntryRow).where(AuditEntryRow.sequence == sequence))
    with written.read() as session:
        assert not verify_audit_chain(session).intact


def test_refused_act_leaves_no_entry(database: Database) -> None:
    def act() -> None:
        with database.write() as session:
            record(session, actor="ada", action="test", subject="thing")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        act()
    with database.read() as session:
        assert entries(session) == []


def test_hostile_subject_is_kept_as_text(database: Database) -> None:
    with database.write() as session:
        record(session, actor="a\x00b", action="test", subject="<img onerror>\x00" + "x" * 500, text="\x00\r\n\x1b")
    with database.read() as session:
        (entry,) = entries(session)
        assert verify_audit_chain(session).intact
    assert entry.actor == "a\ufffdb"
    assert len(entry.subject) == 200


def test_pages_go_back_in_time(written: Database) -> None:
    with written.read() as session:
        first = entries(session, limit=2)
        second = entries(session, before=first[-1].sequence, limit=2)
    assert [entry.sequence for entry in (*first, *second)] == [5, 4, 3, 2]
