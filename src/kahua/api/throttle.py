"""A brake on guessing passwords."""

import threading
import time
from collections import OrderedDict, deque

from kahua.errors import TooMuch

#: Failures are forgotten after this time.
WINDOW_SECONDS = 15 * 60

#: Failures under one name, and from one address, before the next tries are refused.
MAX_FAILURES_PER_NAME = 10
MAX_FAILURES_PER_ADDRESS = 50

#: Names and addresses remembered; the one that failed longest ago is forgotten first.
MAX_REMEMBERED = 10_000


class Throttle:
    """Counts failed sign-ins by name and by address, in this process."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, *, name: str, address: str) -> None:
        """Let a try pass.

        Raises
        ------
        TooMuch
            There were too many failures; says after how many seconds the next try may come.
        """
        moment = time.monotonic()
        with self._lock:
            wait = max(
                self._wait(("name", name), MAX_FAILURES_PER_NAME, moment),
                self._wait(("address", address), MAX_FAILURES_PER_ADDRESS, moment),
            )
        if wait:
            raise TooMuch("Too many failed sign-ins.", remedy=f"Try again in {wait} seconds.", retry_after=wait)

    def failed(self, *, name: str, address: str) -> None:
        """Count a failure."""
        moment = time.monotonic()
        with self._lock:
            for key in (("name", name), ("address", address)):
                self._failures.setdefault(key, deque(maxlen=MAX_FAILURES_PER_ADDRESS)).append(moment)
                self._failures.move_to_end(key)
            while len(self._failures) > MAX_REMEMBERED:
                self._failures.popitem(last=False)

    def succeeded(self, *, name: str) -> None:
        """Forget the failures under a name."""
        with self._lock:
            self._failures.pop(("name", name), None)

    def _wait(self, key: tuple[str, str], limit: int, moment: float) -> int:
        failures = self._failures.get(key, deque())
        while failures and failures[0] <= moment - WINDOW_SECONDS:
            failures.popleft()
        if len(failures) < limit:
            return 0
        return int(failures[-limit] + WINDOW_SECONDS - moment) + 1
