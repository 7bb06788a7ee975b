"""What another process takes away from a person is gone with the next request."""

from collections.abc import Iterator

import pytest

from kahua.testing.postgresql import PostgresServer

from .conftest import StartSite, client_of
from .running import Client, RunningSite


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, start_site: StartSite) -> Iterator[RunningSite]:
    """Start a site of its own on each kind of database."""
    if request.param == "sqlite":
        yield start_site()
        return
    server: PostgresServer = request.getfixturevalue("postgresql")
    with server.database() as url:
        site = start_site(database_url=url)
        yield site
        site.stop()


def test_tokens_and_roles_that_another_process_takes_away_end_with_the_next_request(either: RunningSite) -> None:
    administrator = client_of(either)
    for command in (
        ("user", "add", "eve"),
        ("project", "add", "secret"),
        ("project", "grant", "secret", "eve", "viewer"),
    ):
        said = either.kahua(*command)
        assert said.returncode == 0, said.stderr
    token = either.kahua("user", "token", "eve", "--label", "script").stdout.strip()
    eve = Client(either, token, "secret")
    addresses = ("/api/projects/secret/series", "/dicom-web/secret/studies")

    def statuses() -> list[int]:
        return [eve.http.get(address).status_code for address in addresses]

    for _ in range(3):
        assert set(statuses()) <= {200, 204}
    assert either.kahua("project", "revoke", "secret", "eve").returncode == 0
    assert statuses() == [404, 404], "a project of others is not there"
    assert either.kahua("project", "grant", "secret", "eve", "viewer").returncode == 0
    assert set(statuses()) <= {200, 204}
    assert either.kahua("user", "deactivate", "eve", "--yes").returncode == 0
    assert statuses() == [401, 401]
    assert administrator.http.get("/api/me").is_success
    for client in (eve, administrator):
        client.http.close()
