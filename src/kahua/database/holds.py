"""Locks by name, across processes: what is held ends with the process that holds it, however that ends."""

import fcntl
import os
import threading
import weakref
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection
from sqlalchemy.engine import Engine

from kahua.database import postgresql
from kahua.errors import Unavailable


class Hold(Protocol):
    """A lock that is held until `end`: by one alone, or by many together."""

    def check(self) -> None:
        """See that it was held all the time until now.

        Raises
        ------
        Unavailable
            It was not: another may have had it meanwhile.
        """

    def end(self) -> None:
        """Give it up; a second time changes nothing."""


class FileHold:
    """A lock on a file: for processes of one machine."""

    def __init__(self, handle: int) -> None:
        self._close = weakref.finalize(self, os.close, handle)

    @classmethod
    def take(cls, path: Path, *, alone: bool, wait: bool) -> "FileHold | None":
        """Take the lock; None if another has it and this one would not wait.

        Raises
        ------
        Unavailable
            The file cannot be made: the disk has no room or fails.
        """
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(
                f"The data folder cannot be written: {error.strerror}.", remedy="Look whether its disk is in order."
            ) from error
        try:
            fcntl.flock(handle, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(handle)
            return None
        return cls(handle)

    def check(self) -> None:
        """Nothing takes it away."""

    def end(self) -> None:
        """Give it up."""
        self._close()


class ConnectionHold:
    """A lock of PostgreSQL, for processes of many machines: it ends with its connection, too."""

    def __init__(self, connection: Connection, name: str, *, alone: bool) -> None:
        self._connection = connection
        self._name = name
        self._alone = alone
        self._lock = threading.Lock()

    @classmethod
    def take(cls, engine: Engine, name: str, *, alone: bool, wait: bool) -> "ConnectionHold | None":
        """Take the lock; None if another has it and this one would not wait."""
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            if postgresql.hold(connection, name, alone=alone, wait=wait):
                return cls(connection, name, alone=alone)
        except BaseException:
            connection.close()
            raise
        connection.close()
        return None

    def check(self) -> None:
        """See that the connection lives.

        Raises
        ------
        Unavailable
            It does not.
        """
        with self._lock:
            postgresql.check_held(self._connection)

    def end(self) -> None:
        """Give it up."""
        with self._lock:
            if not self._connection.closed:
                postgresql.end_hold(self._connection, self._name, alone=self._alone)
                self._connection.close()
