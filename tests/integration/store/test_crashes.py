"""Killed at any moment, the archive has every instance that it acknowledged, and no half one."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from kahua.dicom import write_file_meta
from kahua.store import Archive, InstanceRow, SeriesRow, content_key
from kahua.store.removal import missing
from kahua.testing.archive import archive_in

KILLS = 24

#: Latest moment of a kill after the child began to store, in seconds.
LATEST = 0.5


@pytest.fixture
def nursery(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    program = Path(__file__).with_name("crashing.py")
    with subprocess.Popen(
        [sys.executable, str(program), str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def kill_one(nursery: subprocess.Popen[str], seed: str, delay: float) -> list[str]:
    """Let a child store, kill it after a while, and return what it had acknowledged."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write(f"{seed}\n")
    nursery.stdin.flush()
    child = int(nursery.stdout.readline().removeprefix("child "))
    timer = threading.Timer(delay, os.kill, (child, signal.SIGKILL))
    timer.start()
    acknowledged = []
    while (line := nursery.stdout.readline().strip()) != "dead":
        acknowledged.append(line.removeprefix("ack "))
    timer.cancel()
    return acknowledged


def check(archive: Archive, acknowledged: set[str]) -> None:
    with archive.database.read() as session:
        rows = session.scalars(select(InstanceRow)).all()
        counted = session.execute(
            select(InstanceRow.series_id, func.count(), func.sum(InstanceRow.size)).group_by(InstanceRow.series_id)
        ).all()
        series = {row.id: (row.instance_count, row.size) for row in session.scalars(select(SeriesRow))}
    assert acknowledged <= {row.sop_instance_uid for row in rows}
    assert {series_id: (number, size) for series_id, number, size in counted} == series
    assert list(missing(archive.database, archive.objects)) == []
    for row in rows:
        content = archive.objects.read(row.object_key)
        meta = write_file_meta(
            sop_class_uid=row.sop_class_uid,
            sop_instance_uid=row.sop_instance_uid,
            transfer_syntax_uid=row.transfer_syntax_uid,
        )
        assert content[: row.data_offset] == meta
        assert content_key(row.transfer_syntax_uid, [content[row.data_offset :]]) == row.object_key


def test_every_acknowledged_instance_survives_a_kill_at_any_moment(
    nursery: subprocess.Popen[str], tmp_path: Path
) -> None:
    moments = random.Random(20240229)  # noqa: S311 - the same moments in every run, as far as the machine is the same
    acknowledged: set[str] = set()
    with archive_in(tmp_path):
        pass  # the tables are made, so that the kills meet the storing
    for number in range(KILLS):
        acknowledged.update(kill_one(nursery, f"round-{number}", moments.uniform(0, LATEST)))
    with archive_in(tmp_path) as archive:
        check(archive, acknowledged)
        assert len(acknowledged) > KILLS
        for path in archive.staging.folder.parent.joinpath("objects").rglob("*"):
            if path.is_file():
                os.utime(path, (0, 0))
        archive.mend()
        check(archive, acknowledged)
        assert list(archive.orphans()) == []
