"""What is particular to PostgreSQL: connecting, locks by name, and its errors in a sentence."""

import hashlib
from contextlib import suppress

from sqlalchemy import BigInteger, Connection, bindparam, create_engine, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    DBAPIError,
    InterfaceError,
    OperationalError,
    PendingRollbackError,
)

from kahua.errors import InvalidInput, KahuaError, MisconfiguredSite, OutOfSpace, ResourceBusy, Unavailable
from kahua.logs import get_logger

#: Connections that one process keeps, and opens beyond that for a while.
POOL_SIZE = 10
POOL_OVERFLOW = 30

#: How long a connection may take to come about.
CONNECT_SECONDS = 10

#: A connection of which nothing comes back over the network is given up after about this long, whether something was
#: sent and is not acknowledged, or an answer is awaited. A statement that merely takes its time is not hindered.
SILENT_SECONDS = 30
_SILENCE = {
    "tcp_user_timeout": SILENT_SECONDS * 1000,
    "keepalives_idle": SILENT_SECONDS // 3,
    "keepalives_interval": SILENT_SECONDS // 6,
    "keepalives_count": 4,
}

#: Codes (SQLSTATE) that say that a transaction was undone for the sake of another.
_COLLISIONS = {"40001", "40P01"}

#: Codes that say that there is no room.
_NO_ROOM = {"53100", "58030"}

#: Code of a statement that took longer than it may.
_TOOK_TOO_LONG = "57014"

#: Words of a refused connection, for which there is no code: they do not help by themselves when tried again.
_NOT_LET_IN = ("does not exist", "authentication failed", "no pg_hba.conf entry", "permission denied")

_KEY = bindparam("key", type_=BigInteger)
_LOCK_SHARED = text("SELECT pg_advisory_xact_lock_shared(:key)").bindparams(_KEY)
_LOCK_ALONE = text("SELECT pg_advisory_xact_lock(:key)").bindparams(_KEY)
_TRY_CLAIM = text("SELECT pg_try_advisory_lock(:key)").bindparams(_KEY)
_END_CLAIM = text("SELECT pg_advisory_unlock(:key)").bindparams(_KEY)

#: Errors of a connection that broke off: when that is noticed, and whenever it is used again.
_BROKEN_OFF = (DBAPIError, PendingRollbackError)

#: Statements that take a lock of a session, by whether it is for one alone, and whether they wait for it.
_HOLD = {
    (alone, wait): text(f"SELECT pg_{try_}advisory_lock{shared}(:key)").bindparams(_KEY)
    for alone, shared in ((True, ""), (False, "_shared"))
    for wait, try_ in ((True, ""), (False, "try_"))
}
_END_SHARED = text("SELECT pg_advisory_unlock_shared(:key)").bindparams(_KEY)

log = get_logger()


class TookTooLong(Unavailable):
    """Too much would have to be looked through; the question was given up."""

    def __init__(self) -> None:
        super().__init__(
            "Too much would have to be looked through for this; it was given up.",
            remedy="Ask a narrower question: name the patient, the study or the accession number, or the beginning of"
            " a value instead of a part of it.",
        )


class Collision(ResourceBusy):
    """Others changed the same rows at this moment; nothing was changed, try again."""


def connect(url: str, *, durable: bool = True, look_seconds: float | None = None) -> Engine:
    """Make the engine for an address such as ``postgresql://user:password@host/name``.

    With `look_seconds` it is one for reading: without transactions, and no statement takes longer than that.

    Raises
    ------
    MisconfiguredSite
        The address is another one, or the library is not installed.
    """
    scheme, separator, rest = url.partition("://")
    if scheme not in ("postgresql", "postgres") or not separator:
        raise MisconfiguredSite(
            "The address of the database begins neither with postgresql:// nor with sqlite://.",
            setting="database_url",
            remedy="Write postgresql://USER:PASSWORD@HOST/NAME, or leave it out to use SQLite.",
        )
    options = [] if durable else ["-c synchronous_commit=off"]
    if look_seconds is not None:
        options += ["-c default_transaction_read_only=on", f"-c statement_timeout={look_seconds * 1000:.0f}"]
    try:
        return create_engine(
            f"postgresql+psycopg://{rest}",
            **({} if look_seconds is None else {"isolation_level": "AUTOCOMMIT"}),
            pool_pre_ping=True,
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
            connect_args={
                "connect_timeout": CONNECT_SECONDS,
                **_SILENCE,
                "application_name": "kahua",
                "options": " ".join(options),
            },
        )
    except ImportError as error:
        raise MisconfiguredSite(
            "PostgreSQL needs a library that is not installed.",
            setting="database_url",
            remedy="Install it with `pip install 'kahua[postgres]'`.",
        ) from error


def begin_writing(connection: Connection, *, alone: bool) -> None:
    """Let a transaction write beside others, or alone.

    The first thing that a transaction does: who waits here holds nothing that others wait for.
    """
    connection.execute(_LOCK_ALONE if alone else _LOCK_SHARED, {"key": _lock_key("writers")})


class Claim:
    """Whether this process is the one that does a thing."""

    def __init__(self, connection: Connection | None, name: str) -> None:
        self._connection = connection
        self._key = {"key": _lock_key(name)}
        self.is_held = connection is None or bool(connection.scalar(_TRY_CLAIM, self._key))

    def check(self) -> None:
        """See that the claim is still held.

        Raises
        ------
        Unavailable
            The connection that held it is gone, so that another process may have the claim now.
        """
        if self._connection is None or not self.is_held:
            return
        try:
            self._connection.execute(text("SELECT 1"))
        except _BROKEN_OFF as error:
            self.is_held = False
            raise Unavailable("The connection to the database broke off, and with it the claim.") from error

    def end(self) -> None:
        """Give it up."""
        if self._connection is not None and self.is_held:
            self._connection.execute(_END_CLAIM, self._key)
        self.is_held = False


def hold(connection: Connection, name: str, *, alone: bool, wait: bool) -> bool:
    """Take a lock that the connection holds until it ends; tell whether it has it."""
    answer = connection.scalar(_HOLD[alone, wait], {"key": _lock_key(name)})
    return wait or bool(answer)


def check_held(connection: Connection) -> None:
    """See that a connection, and with it what it holds, still lives.

    Raises
    ------
    Unavailable
        It does not.
    """
    try:
        connection.execute(text("SELECT 1"))
    except _BROKEN_OFF as error:
        raise Unavailable("The connection to the database broke off; try again.") from error


def end_hold(connection: Connection, name: str, *, alone: bool) -> None:
    """Give up what `hold` took; a connection that is gone holds nothing."""
    with suppress(*_BROKEN_OFF):
        connection.execute(_END_CLAIM if alone else _END_SHARED, {"key": _lock_key(name)})


def clear_error(error: DatabaseError | InterfaceError) -> KahuaError | None:
    """Say in a sentence what went wrong; None if it is none of the expected things."""
    code = getattr(error.orig, "sqlstate", None)
    if isinstance(error, DataError):
        return InvalidInput("A value is too large, or holds a character that the database cannot keep.")
    if code == _TOOK_TOO_LONG:
        return TookTooLong()
    if code in _COLLISIONS:
        return Collision()
    if code in _NO_ROOM:
        return OutOfSpace("The disk of the database is full; nothing was changed.")
    if any(words in str(error.orig) for words in _NOT_LET_IN):
        return MisconfiguredSite(
            "The database does not let this site in.",
            setting="database_url",
            remedy="Look whether the database exists, and whether user and password are right.",
        )
    if isinstance(error, OperationalError | InterfaceError):
        log.warning("database in trouble", sqlstate=code, kind=type(error.orig).__name__)
        return Unavailable("The database does not answer; try again.")
    return None


def _lock_key(name: str) -> int:
    """Number of a lock, as PostgreSQL wants it: 64 bits with sign."""
    return int.from_bytes(hashlib.sha256(f"kahua {name}".encode()).digest()[:8], signed=True)
