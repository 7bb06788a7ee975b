"""Whether the clock of the machine can be believed, as far as a process can see."""

import time

from kahua.logs import get_logger

#: A clock is corrected by less than this; beyond, it leaps.
LEAP_SECONDS = 3600.0

#: What goes for its age stays this long after a leap ahead: so long have people to set the clock right.
HELD_SECONDS = 24 * 3600.0

#: Goes on while the machine sleeps, where there is such a clock.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

log = get_logger()


class Leaps:
    """Watches the clock of the machine beside one that nobody sets."""

    def __init__(self) -> None:
        self._offset = self._measure()
        self._held_until = 0.0

    def is_in_doubt(self) -> bool:
        """Whether the clock has leapt ahead not long ago, so that nothing is old only because it says so."""
        offset, before = self._measure(), self._offset
        self._offset = offset
        if offset - before > LEAP_SECONDS:
            log.warning("the clock leapt ahead; for a day nothing is removed for its age", seconds=int(offset - before))
            self._held_until = self._steady() + HELD_SECONDS
        return self._steady() < self._held_until

    def _measure(self) -> float:
        return self._wall() - self._steady()

    def _wall(self) -> float:
        return time.time()

    def _steady(self) -> float:
        return time.clock_gettime(_STEADY)
