"""The migrations make exactly the tables that the code declares."""

import importlib
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

import kahua
from kahua.access import ensure_project, find_project
from kahua.database import Base, Database, check_schema, migrate
from kahua.errors import MisconfiguredSite

PACKAGE = Path(kahua.__file__).parent

for tables in PACKAGE.glob("*/tables.py"):
    importlib.import_module(f"kahua.{tables.parent.name}.tables")


@pytest.fixture
def database(tmp_path: Path, empty_database_url: str | None) -> Database:
    return Database(empty_database_url) if empty_database_url else Database.in_folder(tmp_path)


def test_an_empty_database_gets_the_tables_that_the_code_declares(database: Database) -> None:
    migrate(database)
    with database.read() as session:
        context = MigrationContext.configure(session.connection(), opts={"compare_type": True})
        differences = compare_metadata(context, Base.metadata)
    database.close()
    assert differences == [], "write a migration: tools/migration.py"


def test_migrating_again_changes_nothing(database: Database) -> None:
    migrate(database)
    with database.write() as session:
        ensure_project(session, name="liver")
    migrate(database)
    with database.read() as session:
        assert find_project(session, "liver")
    database.close()


def test_a_database_of_a_newer_version_is_refused_and_left_alone(database: Database) -> None:
    migrate(database)
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(MisconfiguredSite, match="9999") as refused:
        migrate(database)
    assert "newer version" in (refused.value.remedy or "")
    with database.read() as session:
        assert session.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
    database.close()


def test_a_migration_that_fails_leaves_the_database_as_it_was(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction holds every table: none is made, and the next start tries anew."""
    from alembic.operations import Operations

    created = Operations.create_table

    def fail_in_the_end(self: Operations, name: str, *columns: object, **options: object) -> object:
        if name == "attempts":
            raise OSError("the disk is full")
        return created(self, name, *columns, **options)

    with database.read() as session:
        assert inspect(session.connection()).get_table_names() == []
    monkeypatch.setattr(Operations, "create_table", fail_in_the_end)
    with pytest.raises(OSError, match="disk"):
        migrate(database)
    with database.read() as session:
        assert inspect(session.connection()).get_table_names() == []
    monkeypatch.undo()
    migrate(database)
    with database.read() as session:
        assert inspect(session.connection()).has_table("attempts")
    database.close()


def test_a_database_that_lacks_a_migration_is_named_and_what_to_do(database: Database) -> None:
    with pytest.raises(MisconfiguredSite, match="schema none") as refused:
        check_schema(database)
    assert "kahua up" in (refused.value.remedy or "")
    migrate(database)
    check_schema(database)
    database.close()
