"""What was read is remembered until anybody commits anything, in whatever process."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import bindparam, insert, select

from kahua.access.tables import ProjectRow
from kahua.database import Base, Database, Prepared, now
from kahua.database.memory import MAX_ANSWER_BYTES, UNKNOWN, Memory
from kahua.testing.site import DATABASE_FILE, temporary_database
from kahua.waiting import WouldWait, at_once, moment

PROJECTS = Base.metadata.tables[ProjectRow.__tablename__]
INSERT = Prepared(insert(PROJECTS).inline(), ("id", "name", "title", "description", "created_at"))
TITLE = select(PROJECTS.c.title).where(PROJECTS.c.name == bindparam("name"))
BRIEF, ASKED = Prepared(TITLE, brief=True), Prepared(TITLE)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = temporary_database(tmp_path)
    add(database, "a")
    yield database
    database.close()


def add(database: Database, name: str, title: str = "Liver") -> None:
    with database.write_rows() as connection:
        INSERT.execute(connection, id=name, name=name, title=title, description="", created_at=now())


def rename(database: Database, title: str) -> None:
    with database.write() as session:
        session.get_one(ProjectRow, "a").title = title


def title_of(database: Database, statement: Prepared = BRIEF) -> list[tuple[str]]:
    with database.look() as look:
        return statement.execute(look, name="a")


def test_only_what_is_brief_is_asked_where_nothing_may_wait(database: Database) -> None:
    with pytest.raises(WouldWait), at_once():
        title_of(database)  # there is no connection yet
    assert title_of(database) == [("Liver",)]
    for _ in range(2):
        with at_once():
            assert title_of(database) == [("Liver",)]
    with pytest.raises(WouldWait), at_once():
        title_of(database, ASKED)


def test_a_moment_sees_one_version_and_the_next_moment_the_next(database: Database) -> None:
    title_of(database)
    with at_once():
        assert title_of(database) == [("Liver",)]
        with at_once_ended():
            rename(database, "Lung")
        assert title_of(database) == [("Liver",)]
    with at_once():
        assert title_of(database) == [("Lung",)]


@contextmanager
def at_once_ended() -> Iterator[None]:
    """Let something wait in the midst of a moment, as another thread might."""
    present = moment()
    assert present is not None
    present.__exit__()
    yield
    present.__enter__()


def test_what_was_asked_before_is_not_asked_again(database: Database) -> None:
    asked: list[str] = []
    with database.look() as look:
        for _ in range(3):
            assert look.brief("text", ["a"], lambda _: asked.append("a") or [("row",)]) == [("row",)]  # type: ignore[func-returns-value]
    assert asked == ["a"]


def test_a_database_that_was_slow_is_not_asked_where_nothing_may_wait(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    title_of(database)
    add(database, "b")
    monkeypatch.setattr("kahua.database.memory.SLOW_SECONDS", -1.0)
    with at_once():
        assert title_of(database) == [("Liver",)]
    add(database, "c")
    with pytest.raises(WouldWait), at_once():
        title_of(database)
    assert title_of(database) == [("Liver",)]


def test_other_values_are_another_question(database: Database) -> None:
    add(database, "b", "Lung")
    with database.look() as look:
        assert [BRIEF.execute(look, name=name) for name in "abab"] == [[("Liver",)], [("Lung",)]] * 2


def test_what_this_process_commits_is_seen_at_once(database: Database) -> None:
    title_of(database)
    with database.write() as session:
        session.get_one(ProjectRow, "a").title = "Lung"
        session.flush()
        with at_once():
            assert title_of(database) == [("Liver",)]  # it is not committed yet
    with at_once():
        assert title_of(database) == [("Lung",)]


#: Another process, which knows nothing of this one.
CHANGE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("UPDATE projects SET title = ?", sys.argv[2:])
"""


def test_what_another_process_commits_is_seen_at_once(database: Database, tmp_path: Path) -> None:
    for title in ("Lung", "Brain", "Heart"):
        title_of(database)
        subprocess.run([sys.executable, "-c", CHANGE, tmp_path / DATABASE_FILE, title], check=True)
        assert title_of(database) == [(title,)]


def test_rows_of_an_open_transaction_are_not_remembered(database: Database) -> None:
    with database.write() as session:
        session.get_one(ProjectRow, "a").title = "Lung"
        session.flush()
        assert BRIEF.execute(session, name="a") == [("Lung",)]
        session.rollback()
    assert title_of(database) == [("Liver",)]


def test_what_came_between_version_and_answer_is_not_lost(database: Database) -> None:
    """The answer is newer than its version says: that is found out with the next question."""
    with database.look() as look:
        BRIEF.execute(look, name="b")
        with database.write() as session:
            session.get_one(ProjectRow, "a").title = "Lung"
        assert BRIEF.execute(look, name="a") == [("Lung",)]
    with database.write() as session:
        session.get_one(ProjectRow, "a").title = "Brain"
    assert title_of(database) == [("Brain",)]


def test_large_answers_are_not_kept(database: Database) -> None:
    memory = Memory(database.engine.raw_connection)
    version = memory.version()
    memory.keep(version, "small", [("x",)])
    memory.keep(version, "large", [("x" * MAX_ANSWER_BYTES,)])
    assert memory.get(version, "small") == [("x",)]
    assert memory.get(version, "large") is None
    memory.close()


def test_memory_is_bounded(database: Database) -> None:
    memory = Memory(database.engine.raw_connection, max_bytes=10_000)
    version = memory.version()
    for number in range(100):
        memory.keep(version, number, [("x" * 1000,)])
    kept = [number for number in range(100) if memory.get(version, number)]
    assert kept[-1] == 99
    assert len(kept) < 10
    memory.close()


def test_nothing_is_remembered_of_a_database_that_cannot_say_its_version(tmp_path: Path) -> None:
    database = temporary_database(tmp_path)
    memory = Memory(database.engine.raw_connection)
    assert memory.version() != UNKNOWN
    (tmp_path / DATABASE_FILE).write_bytes(b"no database" * 1000)
    (tmp_path / f"{DATABASE_FILE}-wal").write_bytes(b"")
    memory.keep(UNKNOWN, "question", [("answer",)])
    assert memory.get(UNKNOWN, "question") is None
    memory.close()
    database.close()


def test_a_server_remembers_nothing(tmp_path: Path, database_url: str | None) -> None:
    database = temporary_database(tmp_path, database_url)
    assert database.remembers == (database_url is None)
    database.close()
