"""An empty database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kahua.database import Database
from kahua.testing.site import temporary_database


@pytest.fixture
def database(tmp_path: Path, database_url: str | None) -> Iterator[Database]:
    database = temporary_database(tmp_path, database_url)
    yield database
    database.close()
