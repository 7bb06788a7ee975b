"""Whether a process can work at this moment, for machines that ask again and again."""

import threading
import time

from kahua.database import Database
from kahua.database.engine import ping
from kahua.errors import KahuaError, OutOfSpace, Unavailable
from kahua.logs import get_logger
from kahua.store import ObjectStore

#: The object store is asked once in so many seconds, however often machines ask.
KEPT_SECONDS = 5.0

log = get_logger()


class Readiness:
    """Asks the database, and now and then the object store."""

    def __init__(self, database: Database, objects: ObjectStore) -> None:
        self._database = database
        self._objects = objects
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._is_fine = True

    def check(self) -> None:
        """See whether both can be used; why not is for the log and for the doctor, not for everybody.

        Raises
        ------
        Unavailable
            One cannot.
        """
        ping(self._database)
        with self._lock:
            if time.monotonic() >= self._asked_at + KEPT_SECONDS:
                self._is_fine = self._ask()
                self._asked_at = time.monotonic()
        if not self._is_fine:
            raise Unavailable("The object store cannot be used.", remedy="`kahua doctor` says why.")

    def _ask(self) -> bool:
        try:
            self._objects.check()
        except OutOfSpace:
            return True  # what is there can still be read
        except KahuaError as error:
            log.warning("object store cannot be used", code=error.code, reason=error.message)
            return False
        return True
