"""What tests of several components share: a database of either kind."""

from collections.abc import Iterator
from typing import Any

import pytest

import kahua.datasets.tables
import kahua.extensions.tables
import kahua.store.tables
import kahua.workflows.tables  # noqa: F401 - importing a component's tables registers them
from kahua.testing import s3 as s3_for_tests
from kahua.testing.postgresql import PostgresServer, lacking, postgres_server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresServer]:
    """Start a PostgreSQL server when the first test needs one."""
    if reason := lacking():
        pytest.skip(reason)
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def s3() -> Iterator[s3_for_tests.S3Server]:
    """Start an S3 server when the first test needs one."""
    if reason := s3_for_tests.lacking():
        pytest.skip(reason)
    with s3_for_tests.s3_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """Give the address of an empty, migrated database; None stands for SQLite in the data folder."""
    if request.param == "sqlite":
        yield None
        return
    server: PostgresServer = request.getfixturevalue("postgresql")
    with server.migrated_database() as url:
        yield url


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backends" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("elsewhere")
        also = mark is not None and mark.kwargs.get("also", True)
        metafunc.parametrize("backends", ["embedded", "elsewhere"] if also else ["embedded"], indirect=True)


@pytest.fixture
def backends(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """Give settings that say where a site keeps everything: in its data folder, or in PostgreSQL and on S3.

    The second is for modules with the mark ``elsewhere``, but not for their tests with ``elsewhere(also=False)``.
    """
    if request.param == "embedded":
        yield {}
        return
    server: PostgresServer = request.getfixturevalue("postgresql")
    bucket: s3_for_tests.S3Server = request.getfixturevalue("s3")
    with server.migrated_database() as url:
        yield {"database_url": url, **bucket.settings()}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def any_database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """Give the address of a database without tables, for all tests of a module; None as above."""
    if request.param == "sqlite":
        yield None
        return
    server: PostgresServer = request.getfixturevalue("postgresql")
    with server.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """Give the address of a database without tables, for one test; None as above."""
    if request.param == "sqlite":
        yield None
        return
    server: PostgresServer = request.getfixturevalue("postgresql")
    with server.database() as url:
        yield url
