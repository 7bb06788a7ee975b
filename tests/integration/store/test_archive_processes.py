"""Archives of several processes on one database and one object store, SQLite and PostgreSQL alike."""

import subprocess
import sys
from pathlib import Path

from sqlalchemy import func, select

from kahua.database import EventRow
from kahua.store import InstanceRow, SeriesRow, StudyRow, remove_series
from kahua.store.deletion.removal import missing
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


def test_processes_that_store_the_same_series_at_once_agree(tmp_path: Path, empty_database_url: str | None) -> None:
    url = empty_database_url
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
