"""The engine, in that one of a site's workers whose turn it is."""

import threading
import time
from contextlib import ExitStack

from kahua.database import Claim
from kahua.logs import get_logger
from kahua.site import Site

#: Pause between two looks whether it is this worker's turn, or still is.
LOOK_SECONDS = 2.0

log = get_logger()


class EngineTurn:
    """Starts the engine when no other worker of the site has it; the others stand by.

    On SQLite there is no other worker, and the engine refuses to start where one has the data folder.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._claim: Claim | None = None
        self._stack = ExitStack()
        self._look_at = 0.0

    @property
    def is_mine(self) -> bool:
        """Whether the engine runs here."""
        return self._claim is not None

    def look(self) -> None:
        """Take the turn if it is free.

        Raises
        ------
        Unavailable
            The turn may have been lost. The worker must end: tasks go on without it, and its successor, here or
            elsewhere, reads from the rows what is to be done.
        """
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_SECONDS
        if self._claim is not None:
            self._claim.check()
            return
        claim = self._stack.enter_context(self._site.database.claim("engine"))
        if claim.is_held:
            self._claim = claim
            self._begin()
        else:
            self._stack.close()

    def stop(self) -> None:
        """Stop the engine, and let another worker have the turn."""
        self._stack.close()
        self._claim = None

    def _begin(self) -> None:
        engine = self._site.engine()
        engine.start()
        self._stack.callback(engine.stop)
        log.info("engine started")
        # Extensions whose installation was cut short; it may take minutes, and uv goes on by itself when this process
        # ends.
        threading.Thread(target=self._site.extensions.build_pending, name="extensions", daemon=True).start()
