"""Windows of pulls, with a clock that leaps and local times that go on or back."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from kahua.store.remote.times import Times

NIGHT = "19:00-06:00"


@pytest.fixture(autouse=True)
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the machine be where clocks go on in the night to 29 March, and back in the night to 25 October 2026."""
    with monkeypatch.context() as there:
        there.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        yield
    time.tzset()


class SetClock(Times):
    """The clock of a machine, and one that nobody sets."""

    def __init__(self, moment: str) -> None:
        self.clock, self.steady = datetime.fromisoformat(moment), 0.0
        super().__init__()

    def _read_clock(self) -> datetime:
        return self.clock

    def _read_steady(self) -> float:
        return self.steady

    def leap(self, hours: float) -> None:
        self.clock += timedelta(hours=hours)

    def open_hours(self, window: str, *, until: float) -> list[float]:
        """Let time go by in quarters of an hour, and give those at which a pull might go on."""
        found = []
        for quarter in range(int(until * 4)):
            if self.are_within([window]):
                found.append(quarter / 4)
            self.clock, self.steady = self.clock + timedelta(minutes=15), self.steady + 900
        return found


def quarters(*spans: tuple[float, float], begin: float = 0, end: float = 1000) -> list[float]:
    hours = [quarter / 4 for first, last in spans for quarter in range(int(first * 4), int(last * 4))]
    return [hour for hour in hours if begin <= hour < end]


@pytest.mark.parametrize("leap", [9, -9, 1, -1, 30, -30])
def test_a_clock_that_leaps_lets_nothing_begin_in_the_day_and_nothing_sleep_for_ever(leap: float) -> None:
    clock = SetClock("2026-01-15T12:00+01:00")
    clock.leap(leap)
    nights = [(day * 24 + 7.0, day * 24 + 18.0) for day in range(-3, 6)]
    as_set = [(begin - leap, end - leap) for begin, end in nights]
    found = clock.open_hours(NIGHT, until=72)
    assert [hour for hour in found if hour < 24] == sorted({*quarters(*nights, end=24)} & {*quarters(*as_set)})
    assert [hour for hour in found if hour >= 24] == quarters(*as_set, begin=24, end=72), "people left it at that"


def test_a_leap_is_seen_though_nobody_asked_for_days() -> None:
    clock = SetClock("2026-01-15T12:00+01:00")
    clock.steady += 3 * 86_400
    clock.leap(3 * 24 + 8)
    assert clock.open_hours(NIGHT, until=24) == quarters((7, 10))


def test_a_clock_that_is_set_right_again_is_believed_at_once() -> None:
    clock = SetClock("2026-01-15T10:00+01:00")
    clock.leap(10)
    assert clock.open_hours(NIGHT, until=2) == []
    clock.leap(-10)
    assert clock.open_hours("11:00-13:00", until=2) == quarters((0, 1))


def test_a_clock_that_is_corrected_a_little_is_believed() -> None:
    clock = SetClock("2026-01-15T18:59+01:00")
    clock.leap(1 / 30)
    assert clock.are_within([NIGHT])


@pytest.mark.parametrize(
    ("evening", "window", "expected"),
    [
        ("2026-03-28T18:00+01:00", NIGHT, quarters((1, 11), (24, 35))),
        ("2026-10-24T18:00+02:00", NIGHT, quarters((1, 13), (26, 37))),
        ("2026-03-28T18:00+01:00", "02:15-02:45", quarters((31.25, 31.75))),
        ("2026-10-24T18:00+02:00", "02:15-02:45", quarters((8.25, 8.75), (9.25, 9.75), (33.25, 33.75))),
    ],
    ids=["an hour less", "an hour more", "a time that there is not", "a time that there is twice"],
)
def test_the_local_time_may_go_on_or_back_in_a_night(evening: str, window: str, expected: list[float]) -> None:
    assert SetClock(evening).open_hours(window, until=40) == expected
