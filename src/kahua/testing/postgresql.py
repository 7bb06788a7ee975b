"""A PostgreSQL server for tests: Debian's, in a temporary folder, reached by a socket in it."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kahua.database import Database, migrate

#: Where Debian keeps the programs of each version; others have them on the search path.
DEBIAN_FOLDER = Path("/usr/lib/postgresql")

#: Longest time that the server takes to answer.
START_SECONDS = 30

#: The server keeps nothing beyond the tests: it need not wait for the disk.
OPTIONS = ("listen_addresses=", "fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")

#: Texts are ordered as in a language, not by their bytes: what relies on an order of bytes fails here.
ORDER = ("--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")

#: Deletes all rows, whatever refers to them, and lets all numbers begin at 1 again.
EMPTY = """
DO $$
DECLARE name text;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
    FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' LOOP
        EXECUTE format('ALTER SEQUENCE %I RESTART', name);
    END LOOP;
END $$
"""

#: Cuts off everybody else who is connected with the database.
CUT_OFF = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass(kw_only=True)
class PostgresServer:
    """A server in a folder; it can be stopped and started again."""

    #: Folder of its socket and its data.
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None
    #: Names of the databases that are there to be used again.
    _made: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = [part for option in OPTIONS for part in ("-c", option)]
        command = [program("postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder), *options]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd="/", stdout=log, stderr=log, **_owner())  # noqa: S603 - ours
        _await(self, self.process)

    def stop(self) -> None:
        """Stop it and cut off who is connected, as a restart does; what was committed stays."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)  # SIGTERM would wait for those who are connected
            self.process.wait()

    def url(self, database: str) -> str:
        """Address of a database, as in the setting ``database_url``."""
        return f"postgresql://kahua@/{database}?host={self.folder}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """Make an empty database for the time of a block, and give its address."""
        name = f"test_{secrets.token_hex(6)}"
        self._execute("postgres", f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self._execute("postgres", f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def migrated_database(self) -> Iterator[str]:
        """Give the address of a database with the newest schema and no rows, for the time of a block.

        It is the same one every time, emptied afterwards: that is much faster than to make a new one.
        """
        if not self._made:
            self._execute("postgres", "CREATE DATABASE shared")
            database = Database(self.url("shared"))
            migrate(database)
            database.close()
            self._made.append("shared")
        try:
            yield self.url("shared")
        finally:
            self._execute("shared", EMPTY)

    def break_connections(self, database: str) -> None:
        """Cut off everybody who is connected with a database, as a restart of the server would."""
        self._execute(database, CUT_OFF)

    def _execute(self, database: str, statement: str) -> None:
        with _connect(self.url(database)) as connection:
            connection.execute(statement)


def lacking() -> str | None:
    """Say what is missing to start a server; None if nothing is."""
    if not (program("initdb") and program("postgres")):
        return "needs PostgreSQL (Debian's package postgresql)"
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "needs the extra postgres"
    return None


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Start a server in a folder of its own, and end it with the block.

    As root it is run by the user ``postgres``, for it refuses to run as root.
    """
    folder = Path(tempfile.mkdtemp(prefix="kahua-pg-"))  # not below pytest's: the path of a socket must be short
    try:
        if _owner():
            shutil.chown(folder, "postgres")
        data = folder / "data"
        initdb = [program("initdb"), "-D", str(data), "-U", "kahua", "-A", "trust", "-E", "UTF8", "-N", *ORDER]
        subprocess.run(initdb, check=True, cwd="/", stdout=subprocess.DEVNULL, **_owner())  # noqa: S603 - ours
        server = PostgresServer(folder=folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _owner() -> dict[str, Any]:
    """Say as whom it runs: not as root."""
    return {"user": "postgres"} if os.geteuid() == 0 else {}


def program(name: str) -> str:
    """Give the path of one of PostgreSQL's programs; empty if it is not here."""
    versions = sorted(DEBIAN_FOLDER.glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    return next((str(folder / name) for folder in versions if (folder / name).exists()), shutil.which(name) or "")


def _connect(url: str) -> Any:
    import psycopg  # late: it belongs to an extra

    return psycopg.connect(url, autocommit=True)


def _await(server: PostgresServer, process: "subprocess.Popen[bytes]") -> None:
    import psycopg

    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            _connect(server.url("postgres")).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise
            time.sleep(0.05)
        else:
            return
