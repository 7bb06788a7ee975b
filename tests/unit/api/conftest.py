"""A small site with people and two projects, and clients for each of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from kahua.access import Role
from kahua.api import create_application
from kahua.testing.site import add_person, temporary_site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Any]:
    site = temporary_site(tmp_path)
    add_person(site.database, "ada", is_administrator=True)
    for role in Role:
        add_person(site.database, role.value, liver=role)
    add_person(site.database, "stranger", brain=Role.MANAGER)
    yield site
    site.database.close()


@pytest.fixture
def application(site: Any) -> FastAPI:
    return create_application(site)
