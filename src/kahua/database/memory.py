"""Few rows, given without waiting: those that were read a moment ago, and those that a quick disk holds."""

import sqlite3
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection

from kahua.waiting import Moment, WouldWait, moment

#: Bytes of all answers that are kept, and of the largest of them; about, for the overhead of Python is estimated.
MAX_BYTES = 16_000_000
MAX_ANSWER_BYTES = 64_000

#: A brief statement takes some 20 microseconds. After one that took as long as this, in seconds, where nothing may
#: wait, no other is asked there for a while: the disk is slow, or busy.
SLOW_SECONDS = 0.02
PAUSE_SECONDS = 10.0

#: Overhead of a row, and of a value.
_ROW_BYTES, _VALUE_BYTES = 100, 50

#: Version of a database that cannot say it.
UNKNOWN = -1

Rows = list[tuple[Any, ...]]


class Memory:
    """Keeps what was read of a SQLite database for as long as nobody commits anything to it.

    SQLite tells a connection whether any other one, of whatever process, has committed since (`PRAGMA data_version`).
    As long as none has, what was read is what would be read: nothing here is ever out of date.
    """

    def __init__(self, connect: Callable[[], PoolProxiedConnection], *, max_bytes: int = MAX_BYTES) -> None:
        self._connect = connect
        self._max = max_bytes
        self._lock = threading.Lock()
        #: A connection that never writes: its own commits it would not be told of.
        self._connection: PoolProxiedConnection | None = None
        self._version = UNKNOWN
        #: In which block that waits for nothing the version was asked for last: within it, it is not asked for again.
        self._moment: Moment | None = None
        self._answers: dict[Hashable, Rows] = {}
        self._size = 0
        self._pause_ends = 0.0

    def version(self) -> int:
        """Give the version of the database at this moment; what was read of another one is forgotten."""
        present = moment()
        with self._lock:
            if present is None or present is not self._moment:
                self._note(self._asked())
                self._moment = present
            return self._version

    def get(self, version: int, key: Hashable) -> Rows | None:
        """Give what was read of a version, if it is here."""
        with self._lock:
            return self._answers.get(key) if version == self._version != UNKNOWN else None

    def keep(self, version: int, key: Hashable, rows: Rows) -> None:
        """Keep what was read after `version` was asked for; what was committed in between does no harm."""
        size = _size(rows)
        if size > MAX_ANSWER_BYTES:
            return
        with self._lock:
            if version != self._version or version == UNKNOWN or key in self._answers:
                return
            if self._size + size > self._max:
                self._forget()
            self._answers[key] = rows
            self._size += size

    def ask(self, ask: Callable[[PoolProxiedConnection], Rows]) -> Rows:
        """Ask something brief where nothing may wait.

        Raises
        ------
        WouldWait
            The database was slow a moment ago, or cannot answer.
        """
        with self._lock:
            begin = time.monotonic()
            if self._connection is None or begin < self._pause_ends:
                raise WouldWait
            try:
                rows = ask(self._connection)
            except DBAPIError as error:  # who may wait asks again, and says what is wrong
                raise WouldWait from error
            if time.monotonic() - begin > SLOW_SECONDS:
                self._pause_ends = begin + PAUSE_SECONDS
            return rows

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            self._forget()

    def _asked(self) -> int:
        if self._connection is None:
            self._connection = self._connect()
        try:
            ((version,),) = self._connection.cursor().execute("PRAGMA data_version")
        except sqlite3.Error:  # whoever asks the database itself now meets it, too
            return UNKNOWN
        return int(version)

    def _note(self, version: int) -> None:
        if version != self._version:
            self._forget()
            self._version = version

    def _forget(self) -> None:
        self._answers, self._size = {}, 0


def _size(rows: Sequence[Sequence[Any]]) -> int:
    texts = [len(value) for row in rows for value in row if isinstance(value, str | bytes)]
    return sum(texts) + sum([_ROW_BYTES + _VALUE_BYTES * len(row) for row in rows])
