"""An archive in a temporary folder."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import text

from kahua.database import Database
from kahua.store import Archive
from kahua.testing.archive import archive_in

MakeArchive = Callable[..., Archive]


@pytest.fixture
def make_archive(tmp_path: Path, database_url: str | None) -> Iterator[MakeArchive]:
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(archive_in(tmp_path, database_url, **settings))


@pytest.fixture
def archive(make_archive: MakeArchive) -> Archive:
    return make_archive()


@pytest.fixture
def database(archive: Archive) -> Database:
    return archive.database


@pytest.fixture
def count(tmp_path: Path, database_url: str | None) -> Callable[[str], int]:
    """Count the rows of a table."""

    def rows(table: str) -> int:
        database = Database(database_url) if database_url else Database.in_folder(tmp_path)
        with database.read() as session:
            number: int = session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608 - ours
        database.close()
        return number

    return rows
