"""Transactions on SQLite or PostgreSQL."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DatabaseError, InterfaceError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from sqlalchemy.orm import Session
from sqlalchemy.pool import PoolProxiedConnection

from kahua.database import postgresql
from kahua.database.holds import ConnectionHold, FileHold, Hold
from kahua.database.memory import Memory
from kahua.database.statements import Look, Prepared, raw_connection
from kahua.errors import MisconfiguredSite, OutOfSpace, Unavailable
from kahua.waiting import may_wait

#: How long a writer waits for another process that writes, in seconds.
BUSY_SECONDS = 30

#: How long a look may take. What an index leads to takes a thousandth of it.
LOOK_SECONDS = 15.0

#: Steps of SQLite's machine between two looks at the clock: some milliseconds.
STEPS = 100_000

#: Words of SQLite for files that it may not write, and for disks that fail or have become read-only.
_NOT_WRITABLE = ("readonly", "unable to open", "disk I/O error")

_BEGIN_WRITING, _BEGIN_READING = Prepared(text("BEGIN IMMEDIATE")), Prepared(text("BEGIN"))


class Database:
    """The rows of a site.

    `write` opens a transaction that may change rows, `read` one that may not. A committed transaction
    is durable. On SQLite a writing transaction takes the write lock at its begin, so that it cannot
    fail half-way because another process wrote first. On PostgreSQL many write at once, each seeing what
    the others have committed: whoever decides by what a row says locks it (`with_for_update`), and who
    makes what may be there only once is ready for an `IntegrityError`. One that is not `durable` may lose
    its last transactions in a power cut. A look ends after `look_seconds`.
    """

    def __init__(self, url: str, *, durable: bool = True, look_seconds: float = LOOK_SECONDS) -> None:
        self.url = url
        self._look_seconds = look_seconds
        self.is_sqlite = url.startswith("sqlite")
        self.engine = _create_engine(url, durable=durable)
        self._writer = self.engine.execution_options(kahua_write=True)
        self._looker = self.engine if self.is_sqlite else postgresql.connect(url, look_seconds=look_seconds)
        #: What was read a moment ago; no other database tells so cheaply whether it still holds.
        self._memory = Memory(self._connected_apart) if self.is_sqlite else None

    @classmethod
    def in_folder(cls, folder: Path, *, durable: bool = True) -> "Database":
        """Open the SQLite database of a data folder; the file is made with the first write."""
        return cls(f"sqlite:///{folder.resolve() / 'kahua.sqlite3'}", durable=durable)

    @contextmanager
    def write(self, *, alone: bool = False) -> Iterator[Session]:
        """Open a transaction that is committed at the end, or rolled back when an error leaves the block.

        One that is `alone` waits for those that write, and none begins to write before it ends; on
        SQLite every one is.
        """
        may_wait()
        with _clear_errors(), Session(self._writer, expire_on_commit=False) as session, session.begin():
            if not self.is_sqlite:
                postgresql.begin_writing(session.connection(), alone=alone)
            yield session

    @contextmanager
    def write_rows(self) -> Iterator[Connection]:
        """Open what `write` opens, without a session: for the path of every received instance."""
        may_wait()
        with _clear_errors(), self._writer.begin() as connection:
            if not self.is_sqlite:
                postgresql.begin_writing(connection, alone=False)
            yield connection

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a transaction that sees one state of the database and changes nothing.

        It ends by closing, which rolls back but, unlike a rollback, leaves the rows that were read usable.
        """
        may_wait()
        with _clear_errors(), Session(self.engine, expire_on_commit=False) as session:
            yield session

    def look(self) -> Look:
        """Take a connection for the few prepared statements that a request asks, without a transaction.

        Raises
        ------
        Unavailable
            It takes too long, as the search for a word in every row of a large site does.
        """
        return Look(self._looker.dialect, self._connected, self._memory, _explain)

    @contextmanager
    def _connected(self) -> Iterator[PoolProxiedConnection]:
        """Take a connection to look; the time that it has begins now."""
        may_wait()
        connection = raw_connection(self._looker)
        try:
            with _ended_after(self._look_seconds, connection) if self.is_sqlite else nullcontext():
                yield connection
        finally:
            connection.close()

    def _connected_apart(self) -> PoolProxiedConnection:
        """Take a connection that nobody else uses, and that waits for nobody."""
        may_wait()
        connection = raw_connection(self.engine)
        connection.detach()
        connection.cursor().execute("PRAGMA busy_timeout=0")
        return connection

    @property
    def remembers(self) -> bool:
        """Whether a look may be answered without waiting."""
        return self._memory is not None

    @contextmanager
    def claim(self, name: str) -> Iterator[postgresql.Claim]:
        """Try to be the only one, on any machine, who does the thing of that name; it ends with the block.

        It ends with the process and with its connection, too: then another may have it. A SQLite database
        has one worker, held by a lock on the data folder, and therefore every claim succeeds.
        """
        if self.is_sqlite:
            yield postgresql.Claim(None, name)
            return
        with _clear_errors(), self.engine.connect() as connection:
            claim = postgresql.Claim(connection.execution_options(isolation_level="AUTOCOMMIT"), name)
            try:
                yield claim
            finally:
                claim.end()

    def take(self, name: str, *, alone: bool = True) -> Hold:
        """Wait for a lock, and hold it until its `end`, or until this process ends."""
        hold = self._take(name, alone=alone, wait=True)
        if hold is None:
            raise AssertionError("Who waits for a lock has it.")
        return hold

    def take_now(self, name: str, *, alone: bool = True) -> Hold | None:
        """Take a lock, unless another process has it."""
        return self._take(name, alone=alone, wait=False)

    @contextmanager
    def hold(self, name: str) -> Iterator[Hold]:
        """Hold a lock alone for the time of the block; within a transaction nobody may ask for one."""
        hold = self.take(name)
        try:
            yield hold
        finally:
            hold.end()

    def _take(self, name: str, *, alone: bool, wait: bool) -> Hold | None:
        may_wait()
        if not self.is_sqlite:
            with _clear_errors():
                return ConnectionHold.take(self.engine, name, alone=alone, wait=wait)
        folder = Path(self.engine.url.database or "").parent / "locks"
        return FileHold.take(folder / name, alone=alone, wait=wait)

    def forget_deleted(self) -> None:
        """Let what was deleted leave the file of the write-ahead log, too, as far as nobody reads or writes now.

        Within the database file it was written over by zeros when it was deleted (`secure_delete`). PostgreSQL does
        both in its own time, by its vacuum.
        """
        if self.is_sqlite:
            connection = self.engine.raw_connection()  # beside every transaction
            try:
                for pragma in ("busy_timeout=1000", "wal_checkpoint(TRUNCATE)", f"busy_timeout={BUSY_SECONDS * 1000}"):
                    connection.cursor().execute(f"PRAGMA {pragma}")
            finally:
                connection.close()

    def close(self) -> None:
        """Close all connections."""
        if self._memory is not None:
            self._memory.close()
        self.engine.dispose()
        self._looker.dispose()


def _create_engine(url: str, *, durable: bool) -> Engine:
    if not url.startswith("sqlite"):
        return postgresql.connect(url, durable=durable)
    # The connection that was used last is used next: it still has in memory what it read.
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}, pool_use_lifo=True)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # this module begins transactions, not the driver
        synchronous = f"synchronous={'FULL' if durable else 'NORMAL'}"
        for pragma in ("journal_mode=WAL", synchronous, "foreign_keys=ON", "temp_store=MEMORY", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("kahua_write", False)
        (_BEGIN_WRITING if writing else _BEGIN_READING).execute(connection)

    return engine


@contextmanager
def _ended_after(seconds: float, connection: PoolProxiedConnection) -> Iterator[None]:
    """Interrupt what SQLite does for longer."""
    end = time.monotonic() + seconds
    driver: Any = connection.dbapi_connection
    driver.set_progress_handler(lambda: time.monotonic() > end, STEPS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)


@contextmanager
def _clear_errors() -> Iterator[None]:
    """Say in a sentence what the driver says in its own words."""
    try:
        yield
    except (DatabaseError, InterfaceError, NoConnectionLeft) as error:
        _explain(error)
        raise


def _explain(error: BaseException) -> None:
    """Raise an error of the driver as a sentence, if there is one for it; nothing for any other error."""
    if isinstance(error, NoConnectionLeft):
        raise Unavailable("Too many ask the database at the same moment; try again.") from error
    if not isinstance(error, DatabaseError | InterfaceError):
        return
    if hasattr(error.orig, "sqlstate"):
        if (clear := postgresql.clear_error(error)) is not None:
            raise clear from error
        return
    reason = str(error.orig)
    if "disk is full" in reason or "No space left" in reason:
        raise OutOfSpace("The disk of the database is full; nothing was changed.") from error
    if "interrupted" in reason:
        raise postgresql.TookTooLong from error
    if "locked" in reason:
        raise Unavailable("The database is busy with another writer; try again.") from error
    if any(words in reason for words in _NOT_WRITABLE):
        raise Unavailable(
            f"The database cannot be written ({reason}); nothing was changed.",
            remedy="Look whether the disk is in order, and whether this user may write in the data folder.",
        ) from error
    if "not a database" in reason or "malformed" in reason:
        raise MisconfiguredSite(
            f"The database cannot be read ({reason}).",
            setting="data_dir",
            remedy="Restore kahua.sqlite3 from a backup.",
        ) from error


def ping(database: Database) -> None:
    """Ask the database for an answer.

    Raises
    ------
    Unavailable
        It does not answer.
    """
    with database.read() as session:
        session.execute(text("SELECT 1"))
