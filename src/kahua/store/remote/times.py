"""What time of the day it is, by a clock that may have been set while the site runs."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from kahua.database import now
from kahua.store.remote.windows import is_open

#: A clock is corrected by less than this; beyond, it leaps.
LEAP: Final = timedelta(minutes=10)

#: So long after a leap both times count: somebody may have set the clock wrong, or right.
DOUBTED_SECONDS: Final = 24 * 3600.0

#: Goes on while the machine sleeps, where there is such a clock.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Times:
    """Watches the clock of the machine beside one that nobody sets.

    The local time may go on or back by an hour in a night without that: the clock itself counts in UTC.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._clock, self._steady = self._read_clock(), self._read_steady()
        self._ahead, self._doubted_from = timedelta(), self._steady

    def are_within(self, windows: Sequence[str]) -> bool:
        """Say whether one of the windows is open, whichever of the possible times it is."""
        return all(is_open(windows, moment) for moment in self.possible())

    def possible(self) -> Sequence[datetime]:
        """Give the local time; for a day after the clock has leapt, also what it would be without."""
        with self._lock:
            clock, steady = self._read_clock(), self._read_steady()
            leap = clock - self._clock - timedelta(seconds=steady - self._steady)
            self._clock, self._steady = clock, steady
            if abs(leap) >= LEAP:
                self._ahead, self._doubted_from = self._ahead + leap, steady
            elif steady - self._doubted_from >= DOUBTED_SECONDS:
                self._ahead = timedelta()
            found = [clock] if abs(self._ahead) < LEAP else [clock, clock - self._ahead]
        return [moment.astimezone() for moment in found]

    def _read_clock(self) -> datetime:
        return now()

    def _read_steady(self) -> float:
        return time.clock_gettime(_STEADY)
