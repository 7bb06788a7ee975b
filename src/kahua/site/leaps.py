"""Whether the clock of the machine can be believed, as far as a site can see."""

import time
from datetime import UTC, datetime, timedelta

from kahua.database import ClockRow, Database
from kahua.logs import get_logger

#: A clock is corrected by less than this; beyond, it leaps.
LEAP_SECONDS = 3600.0

#: What goes for its age stays until the site has run for so long after a leap: so long have people to set the clock.
HELD_SECONDS = 24 * 3600.0

#: Goes on while the machine sleeps, where there is such a clock.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

#: Id of the one row.
_ONLY = 1

log = get_logger()


class Leaps:
    """Watches the clock of the machine beside one that nobody sets, and beside what the database remembers.

    While no process of the site runs nobody counts the time: then a clock that went ahead cannot be told from a
    long pause, and both are doubted.
    """

    def __init__(self) -> None:
        self._asked_at = self._steady()

    def is_in_doubt(self, database: Database) -> bool:
        """Whether the clock has leapt ahead not long ago, so that nothing is old only because it says so."""
        steady = self._steady()
        passed, self._asked_at = steady - self._asked_at, steady
        moment = datetime.fromtimestamp(self._wall(), UTC)
        with database.write() as session:
            row = session.get(ClockRow, _ONLY, with_for_update=True)
            if row is None:
                session.add(ClockRow(id=_ONLY, seen_at=moment))
                return False
            row.doubted_seconds += passed
            leap = (moment - row.seen_at - timedelta(seconds=row.doubted_seconds)).total_seconds()
            if leap <= LEAP_SECONDS or row.doubted_seconds >= HELD_SECONDS:
                row.seen_at, row.doubted_seconds = moment, 0.0
                return False
        log.warning("the clock is far ahead of what it said last; nothing is removed for its age", seconds=int(leap))
        return True

    def _wall(self) -> float:
        return time.time()

    def _steady(self) -> float:
        return time.clock_gettime(_STEADY)
