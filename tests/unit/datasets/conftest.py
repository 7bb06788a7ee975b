"""An empty project."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kahua.access import create_project
from kahua.database import Database
from kahua.testing.site import temporary_database


@pytest.fixture
def database(tmp_path: Path, database_url: str | None) -> Iterator[Database]:
    database = temporary_database(tmp_path, database_url)
    yield database
    database.close()


@pytest.fixture
def project(database: Database) -> str:
    with database.write() as session:
        return create_project(session, actor="test", name="liver").id


@pytest.fixture
def other_project(database: Database) -> str:
    with database.write() as session:
        return create_project(session, actor="test", name="brain").id
