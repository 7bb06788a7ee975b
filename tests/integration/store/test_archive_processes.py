"""Archives of several processes on one database and one object store, SQLite and PostgreSQL alike."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from kahua.database import EventRow
from kahua.store import InstanceRow, SeriesRow, StudyRow, remove_series
from kahua.store.removal import missing
from kahua.testing.archive import archive_in
from kahua.testing.factory import ct_series, part10

PROCESSES = 4

#: Stores all files of a folder, each process in an order of its own, in groups of three.
PROGRAM = """
import random, sys
from pathlib import Path
from kahua.store import Accepted, Origin
from kahua.testing.archive import archive_in
folder, inbox, seed, url = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4] or None
paths = sorted(inbox.iterdir())
random.Random(seed).shuffle(paths)
with archive_in(folder, url) as archive:
    for start in range(0, len(paths), 3):
        for result in archive.store_files("main", paths[start : start + 3], Origin(door="import", sender=seed)):
            assert isinstance(result, Accepted), result
"""


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a PostgreSQL of its own, reached by a socket in a folder."""
    pytest.importorskip("psycopg", reason="needs the extra postgres")
    initdb, server = shutil.which("initdb"), shutil.which("postgres")
    if initdb is None or server is None:
        pytest.skip("needs PostgreSQL")
    folder = tmp_path_factory.mktemp("postgresql")
    data = Path("/tmp") / f"kahua-{folder.parent.name}-{folder.name}"  # noqa: S108 - a socket's path must be short
    owner = {"user": "postgres"} if os.geteuid() == 0 else {}  # the server refuses to run as root
    data.mkdir(mode=0o777)
    data.chmod(0o777)
    try:
        subprocess.run([initdb, "-D", data / "data", "-U", "kahua", "-A", "trust"], check=True, cwd="/", **owner)
        with subprocess.Popen(
            [server, "-D", data / "data", "-k", data, "-c", "listen_addresses="], cwd="/", **owner
        ) as process:
            url = f"postgresql://kahua@/postgres?host={data}"
            _wait_for(url)
            yield url
            process.terminate()
    finally:
        shutil.rmtree(data, ignore_errors=True)


def _wait_for(url: str) -> None:
    import psycopg

    for _ in range(200):
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("PostgreSQL does not start.")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("postgresql") if request.param == "postgresql" else None


def test_processes_that_store_the_same_series_at_once_agree(tmp_path: Path, url: str | None) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for number, instance in enumerate(ct_series(slices=30, rows=8, columns=8)):
        (inbox / f"{number}.dcm").write_bytes(part10(instance))
    with archive_in(tmp_path, url):
        pass
    children = [
        subprocess.Popen([sys.executable, "-c", PROGRAM, tmp_path, inbox, str(seed), url or ""])
        for seed in range(PROCESSES)
    ]
    assert [child.wait(120) for child in children] == [0] * PROCESSES
    with archive_in(tmp_path, url) as archive:
        with archive.database.read() as session:
            series = session.scalars(select(SeriesRow)).one()
            assert series.instance_count == session.scalar(select(func.count(InstanceRow.id))) == 30
            assert series.size == session.scalar(select(func.sum(InstanceRow.size)))
            assert session.scalar(select(func.count(StudyRow.id))) == 1
            revisions = [row.payload["revision"] for row in session.scalars(select(EventRow))]
        assert sorted(revisions) == list(range(1, series.revision + 1))
        assert list(missing(archive.database, archive.objects)) == []
        with archive.database.write() as session:
            remove_series(session, "main", series.id)
        assert archive.collect() == 30
