"""A site that serves real HTTP by the server it is shipped with, on a free port."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kahua.access import Role, create_token, get_user
from kahua.api import create_application
from kahua.testing.serving import free_port, served
from kahua.testing.site import add_person, temporary_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    site = temporary_site(Path(tmp_path_factory.mktemp("site")), port=free_port())
    add_person(site.database, "curator", liver=Role.CURATOR, brain=Role.CURATOR)
    add_person(site.database, "manager", liver=Role.MANAGER)
    yield site
    site.archive.close()
    site.database.close()


@pytest.fixture(scope="module")
def token(site: Any) -> str:
    return token_of(site, "curator")


def token_of(site: Any, person: str) -> str:
    with site.database.write() as session:
        _, secret = create_token(session, user_id=get_user(session, person).id, label="test", days=1)
    return secret


@pytest.fixture(scope="module")
def address(site: Any) -> Iterator[str]:
    """Address under which the site answers."""
    with served(create_application(site), site.settings.port):
        yield site.settings.url
