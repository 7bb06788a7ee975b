"""A clock that leaps keeps nothing waiting for years, and lets nothing go before its time."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from kahua.access import Role, find_project
from kahua.database import Database, EventRow, announce, deliver_events, now
from kahua.events import Event, InstanceSetAside, Lane, Subscription
from kahua.site import Site
from kahua.site.leaps import HELD_SECONDS, Leaps
from kahua.site.waits import end_long_waits
from kahua.store import TrashRow, delete_series
from kahua.testing.series import add_series
from kahua.testing.site import add_person, temporary_database, temporary_site

YEAR = timedelta(days=365)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = temporary_site(tmp_path)
    add_person(site.database, "ada", main=Role.MANAGER)
    yield site
    site.close()


@pytest.fixture
def database(tmp_path: Path, database_url: str | None) -> Iterator[Database]:
    database = temporary_database(tmp_path, database_url)
    yield database
    database.close()


class SetClock(Leaps):
    """The clock of a machine, and one that nobody sets."""

    def __init__(self) -> None:
        self.wall = self.steady = 1e9
        super().__init__()

    def _wall(self) -> float:
        return self.wall

    def _steady(self) -> float:
        return self.steady

    def go_on(self, seconds: float) -> None:
        self.wall, self.steady = self.wall + seconds, self.steady + seconds


def test_a_clock_that_goes_on_is_believed(database: Database) -> None:
    clock = SetClock()
    for _ in range(10):
        clock.go_on(7 * 24 * 3600)
        clock.wall += 30
        assert not clock.is_in_doubt(database)


def test_a_clock_that_leapt_ahead_is_in_doubt_for_a_day(database: Database) -> None:
    clock = SetClock()
    assert not clock.is_in_doubt(database)
    clock.wall += YEAR.total_seconds()
    for _ in range(2):
        assert clock.is_in_doubt(database)
        clock.go_on(HELD_SECONDS / 2)
    assert not clock.is_in_doubt(database)


def test_a_clock_that_is_a_year_ahead_when_the_site_starts_is_in_doubt(database: Database) -> None:
    assert not SetClock().is_in_doubt(database)
    for _ in range(3):  # it starts again and again
        clock = SetClock()
        clock.wall += YEAR.total_seconds()
        assert clock.is_in_doubt(database)
        clock.go_on(HELD_SECONDS / 4)
        assert clock.is_in_doubt(database)
    clock.go_on(HELD_SECONDS / 4)
    assert not clock.is_in_doubt(database)


def test_a_clock_that_is_set_right_is_believed_at_once(database: Database) -> None:
    assert not SetClock().is_in_doubt(database)
    clock = SetClock()
    clock.wall += YEAR.total_seconds()
    assert clock.is_in_doubt(database)
    clock.go_on(HELD_SECONDS / 2)
    clock.wall -= YEAR.total_seconds()
    assert not clock.is_in_doubt(database)


def test_a_clock_that_leapt_back_makes_nothing_old(database: Database) -> None:
    assert not SetClock().is_in_doubt(database)
    clock = SetClock()
    clock.wall -= YEAR.total_seconds()
    assert not clock.is_in_doubt(database)
    clock.wall += YEAR.total_seconds()
    assert clock.is_in_doubt(database), "it was a year behind, and is ahead of what it said then"


def test_a_site_that_starts_a_year_ahead_empties_no_trash(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.tidy()
    with site.database.write() as session:
        project = find_project(session, "main").id
        delete_series(session, project, add_series(session, project).id, actor="ada", keep=True)
    clock = SetClock()
    clock.wall = time.time() + YEAR.total_seconds()
    monkeypatch.setattr("kahua.store.deletion.trash.now", lambda: now() + YEAR)
    monkeypatch.setattr("kahua.store.workitems.removal.now", lambda: now() + YEAR)
    replace(site, leaps=clock).tidy()
    with site.database.read() as session:
        assert len(session.scalars(select(TrashRow)).all()) == 1
    clock.go_on(HELD_SECONDS)
    replace(site, leaps=clock).tidy()
    with site.database.read() as session:
        assert session.scalars(select(TrashRow)).all() == []


def test_events_of_a_time_that_was_none_are_delivered(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as ahead, site.database.write() as session:
        ahead.setattr("kahua.database.outbox.now", lambda: now() + YEAR)
        announce(session, InstanceSetAside(project_id="main", series_id="s"))
    heard: list[Event] = []
    hears = [Subscription(event=InstanceSetAside, consumer="test", handle=heard.append, lane=Lane.QUICK)]
    assert deliver_events(site.database, hears) == 0
    assert end_long_waits(site.database) == 1
    assert deliver_events(site.database, hears) == 1
    assert len(heard) == 1


def test_what_waits_for_its_next_try_is_not_hurried(site: Site) -> None:
    with site.database.write() as session:
        announce(session, InstanceSetAside(project_id="main", series_id="s"))
        session.scalars(select(EventRow)).one().not_before = now() + timedelta(minutes=10)
    assert end_long_waits(site.database) == 0
