"""Of the workers of a site, one has the engine."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kahua.cli import engine_turn
from kahua.cli.engine_turn import EngineTurn
from kahua.errors import Unavailable
from kahua.settings import Settings
from kahua.site import Site, build_site
from kahua.testing.postgresql import PostgresServer


@pytest.fixture
def sites(tmp_path: Path, postgresql: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Site]]:
    """Two machines on one database."""
    monkeypatch.setattr(engine_turn, "LOOK_SECONDS", 0.0)
    with postgresql.migrated_database() as url:
        sites = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            sites.append(build_site(Settings(data_dir=tmp_path / name, database_url=url, durability="none")))
        yield sites
        await_extensions()
        for site in sites:
            site.close()


def await_extensions() -> None:
    """Wait for the threads that finish installations."""
    for thread in threading.enumerate():
        if thread.name == "extensions":
            thread.join()


def test_one_worker_has_the_engine_and_another_takes_it_over(sites: list[Site]) -> None:
    first, second = (EngineTurn(site) for site in sites)
    for turn in (first, second):
        turn.look()
    assert (first.is_mine, second.is_mine) == (True, False)
    first.look()
    second.look()
    assert (first.is_mine, second.is_mine) == (True, False)
    first.stop()
    second.look()
    assert second.is_mine
    second.stop()


def test_a_worker_whose_connection_broke_gives_up_rather_than_being_the_second(
    sites: list[Site], postgresql: PostgresServer
) -> None:
    turn = EngineTurn(sites[0])
    turn.look()
    await_extensions()  # what they do is not the matter here
    postgresql.break_connections("shared")
    with pytest.raises(Unavailable):
        turn.look()
    other = EngineTurn(sites[1])
    other.look()
    assert other.is_mine
    for each in (turn, other):
        each.stop()
