"""A small site with people and two projects, and clients for each of them."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from kahua.access import Role
from kahua.api import create_application
from kahua.database import Database
from kahua.site import Site
from kahua.testing.site import DATABASE_FILE, add_person, temporary_database, temporary_site


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File of a database with everybody, made once."""
    folder = tmp_path_factory.mktemp("people")
    database = temporary_database(folder)
    add_everybody(database)
    database.close()
    return folder / DATABASE_FILE


def add_everybody(database: Database) -> None:
    add_person(database, "ada", is_administrator=True)
    for role in Role:
        add_person(database, role.value, liver=role)
    add_person(database, "stranger", brain=Role.MANAGER)


@pytest.fixture
def site(tmp_path: Path, people: Path, backends: dict[str, Any]) -> Iterator[Site]:
    shutil.copy(people, tmp_path)
    site = temporary_site(tmp_path, **backends)
    if backends:
        add_everybody(site.database)
    yield site
    site.close()


@pytest.fixture
def application(site: Site) -> FastAPI:
    return create_application(site)
