"""A prepared statement does what SQLAlchemy's own execution does, on either database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import bindparam, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from kahua.access.tables import ProjectRow
from kahua.database import Base, Database, Prepared, now
from kahua.errors import Unavailable
from kahua.testing.site import temporary_database

PROJECTS = Base.metadata.tables[ProjectRow.__tablename__]
INSERT = Prepared(insert(PROJECTS).inline(), ("id", "name", "title", "description", "created_at"))
FIND = Prepared(select(PROJECTS.c.id, PROJECTS.c.title).where(PROJECTS.c.name == bindparam("name")))
WHEN = Prepared(select(PROJECTS.c.created_at, PROJECTS.c.title).where(PROJECTS.c.name == bindparam("name")))
RENAME = Prepared(
    update(PROJECTS)
    .where(PROJECTS.c.name == bindparam("which"))
    .values(title=PROJECTS.c.title + " again")
    .returning(PROJECTS.c.title)
)


@pytest.fixture
def database(tmp_path: Path, database_url: str | None) -> Iterator[Database]:
    database = temporary_database(tmp_path, database_url)
    yield database
    database.close()


def project(name: str) -> dict[str, object]:
    title = f"Title of {name}: 100 %"
    return {"id": f"id-{name}", "name": name, "title": title, "description": "", "created_at": now()}


def test_rows_go_in_and_come_out(database: Database) -> None:
    with database.write_rows() as connection:
        INSERT.execute_many(connection, [project("a"), project("b")])
        assert FIND.execute(connection, name="b") == [("id-b", "Title of b: 100 %")]
        assert FIND.execute(connection, name="c") == []
    with database.read() as session:
        row = session.scalars(select(ProjectRow).where(ProjectRow.name == "a")).one()
        assert row.created_at.tzinfo is not None


def test_what_the_statement_itself_holds_need_not_be_given(database: Database) -> None:
    with database.write_rows() as connection:
        INSERT.execute(connection, **project("a"))
        assert RENAME.execute(connection, which="a") == [("Title of a: 100 % again",)]


def test_errors_are_those_of_sqlalchemy_and_nothing_stays(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write_rows() as connection:
        INSERT.execute_many(connection, [project("a"), project("a")])
    with database.read() as session:
        assert session.scalars(select(ProjectRow.name).where(ProjectRow.name == "a")).all() == []


def test_a_look_gives_what_is_committed_in_the_types_of_its_columns(database: Database) -> None:
    with database.look() as look:
        assert WHEN.execute(look, name="a") == []
        with database.write_rows() as connection:
            INSERT.execute(connection, **project("a"))
            assert WHEN.execute(look, name="a") == []
        ((created_at, title),) = WHEN.execute(look, name="a")
    assert created_at.tzinfo is not None
    assert title == "Title of a: 100 %"


def test_a_session_of_an_open_transaction_answers_with_its_own_rows(database: Database) -> None:
    with database.write() as session:
        session.add(ProjectRow(**project("a")))
        session.flush()
        assert len(WHEN.execute(session, name="a")) == 1
        with database.look() as look:
            assert WHEN.execute(look, name="a") == []


def test_a_connection_that_was_looked_into_writes_in_transactions_afterwards(database: Database) -> None:
    with database.look() as look:
        FIND.execute(look, name="a")
    with pytest.raises(IntegrityError), database.write_rows() as connection:
        INSERT.execute_many(connection, [project("b"), project("a"), project("a")])
    with database.look() as look:
        assert FIND.execute(look, name="a") == []


def test_a_look_that_takes_too_long_is_given_up_with_a_way_out(tmp_path: Path, database_url: str | None) -> None:
    database = temporary_database(tmp_path, database_url)
    impatient = Database(database.url, look_seconds=0.2)
    endless = Prepared(text("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x % 9 + 1 FROM n) SELECT max(x) FROM n"))
    with pytest.raises(Unavailable) as refusal, impatient.look() as look:
        endless.execute(look)
    assert "narrower" in str(refusal.value.remedy)
    with impatient.look() as look:
        assert FIND.execute(look, name="a") == []
    impatient.close()
    database.close()
