"""Work that may take a long time, beside the worker's own: pictures, fetching from and sending to peers."""

import threading
from collections.abc import Callable

from kahua.errors import KahuaError
from kahua.logs import get_logger

#: Pause after a look that found nothing to do, or that failed, in seconds.
PAUSE_SECONDS = 1.0

log = get_logger()


class Background:
    """Does one step after the other in a thread of its own until it is stopped; a step says whether it did anything."""

    def __init__(self, name: str, step: Callable[[], int], *, pause: float = PAUSE_SECONDS) -> None:
        self._name = name
        self._step = step
        self._pause = pause
        self._stop = threading.Event()
        # A peer may keep the thread waiting for minutes; what it has begun is done again after the next start.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Begin no further step."""
        self._stop.set()

    def stop(self, *, seconds: float) -> None:
        """Begin no further step, and wait a while for the one that is under way."""
        self.ask_to_stop()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                busy = self._step()
            except KahuaError as error:
                log.warning("no progress", work=self._name, code=error.code, reason=error.message)
                busy = 0
            except Exception:  # the outermost edge of this thread: it must go on
                log.exception("step failed", work=self._name)
                busy = 0
            if not busy:
                self._stop.wait(self._pause)
