"""A clock that leaps keeps nothing waiting for years, and lets nothing go before its time."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from kahua.access import Role
from kahua.database import EventRow, announce, deliver_events, now
from kahua.events import Event, InstanceSetAside, Lane, Subscription
from kahua.site import Site
from kahua.site.leaps import HELD_SECONDS, Leaps
from kahua.site.waits import end_long_waits
from kahua.testing.site import add_person, temporary_site

YEAR = timedelta(days=365)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = temporary_site(tmp_path)
    add_person(site.database, "ada", main=Role.MANAGER)
    yield site
    site.close()


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


def test_a_clock_that_goes_on_is_believed() -> None:
    clock = SetClock()
    for _ in range(10):
        clock.go_on(7 * 24 * 3600)
        clock.wall += 30
        assert not clock.is_in_doubt()


def test_a_clock_that_leapt_ahead_is_in_doubt_for_a_day() -> None:
    clock = SetClock()
    clock.wall += YEAR.total_seconds()
    assert clock.is_in_doubt()
    clock.wall -= YEAR.total_seconds()
    clock.go_on(HELD_SECONDS / 2)
    assert clock.is_in_doubt()
    clock.go_on(HELD_SECONDS)
    assert not clock.is_in_doubt()


def test_a_clock_that_leapt_back_makes_nothing_old() -> None:
    clock = SetClock()
    clock.wall -= YEAR.total_seconds()
    assert not clock.is_in_doubt()


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
