"""An archive in a temporary folder."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

import kahua.access.tables
import kahua.datasets.tables
import kahua.extensions.tables
import kahua.store.tables
import kahua.workflows.tables  # noqa: F401 - registers the tables
from kahua.access.tables import ProjectRow
from kahua.database import Database, migrate, now
from kahua.settings import Settings
from kahua.store import Archive, DirectoryStore

MakeArchive = Callable[..., Archive]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.in_folder(tmp_path)
    migrate(database)
    with database.write() as session:
        for name in ("main", "other"):
            session.add(ProjectRow(id=name, name=name, title=name, created_at=now()))
    yield database
    database.close()


@pytest.fixture
def objects(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "objects", durability="none")


@pytest.fixture
def make_archive(tmp_path: Path, database: Database, objects: DirectoryStore) -> Iterator[MakeArchive]:
    made = []

    def make(**settings: object) -> Archive:
        archive = Archive.from_settings(Settings(data_dir=tmp_path, **settings), database=database, objects=objects)
        made.append(archive)
        return archive

    yield make
    for archive in made:
        archive.close()


@pytest.fixture
def archive(make_archive: MakeArchive) -> Archive:
    return make_archive()


@pytest.fixture
def count(database: Database) -> Callable[[str], int]:
    """Count the rows of a table."""

    def rows(table: str) -> int:
        with database.read() as session:
            return session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608 - a name of ours

    return rows
