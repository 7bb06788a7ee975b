"""Archives that are killed at any moment, and on disks that fill up; and what must be true of them afterwards.

As a program (``python -m kahua.testing.crashes``) it is a site's receiving side that is made to be killed. It
imports everything once and forks a child for each folder that it reads from its input, so that a kill costs
little. A child receives by DIMSE, and stores by STOW-RS requests of its own. Output: ``port PROCESS PORT`` when
it receives, then a line ``ack UID`` for every instance that a STOW-RS request was told to be stored, then ``dead``.
"""

import io
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Self

from sqlalchemy import func, select, text

from kahua.database import Database
from kahua.dicom import read_file_meta
from kahua.errors import KahuaError
from kahua.logs import configure_logs
from kahua.settings import load_settings
from kahua.store import Archive, DirectoryStore, InstanceRow, SeriesRow, content_key, missing
from kahua.store.dicomweb.stow import StowRequest
from kahua.store.dimse import Receiver, Route
from kahua.testing.archive import archive_in
from kahua.testing.factory import ct_series, data_set_bytes, part10
from kahua.testing.sender import Sender, store_message

#: Associations that send at once, and parts of a STOW-RS request.
SENDERS = 2
PARTS = 3

#: Latest moment of a kill after the receiver is there, in seconds.
LATEST = 0.12

#: Pixels along a side of small and of large slices.
SIDES = (8, 8, 8, 400)

#: UID that stands in the templates where each instance has its own.
_PLACE = f"1.2.3.{10**11}"

#: Numbers of what comes by STOW-RS begin here.
STOW_NUMBERS = 5 * 10**10

#: Most bytes that a full disk has left, at first.
MOST_LEFT = 400_000


def uid_of(number: int) -> str:
    """Give the SOP Instance UID of an instance by its number."""
    return f"1.2.3.{10**11 + number}"


def data_set_of(number: int) -> bytes:
    """Give the data set of an instance by its number: small ones, and now and then a large one."""
    return _template(SIDES[number % len(SIDES)]).replace(_PLACE.encode(), uid_of(number).encode())


def file_of(number: int) -> bytes:
    """Give the Part 10 file of an instance by its number."""
    return _template_file(SIDES[number % len(SIDES)]).replace(_PLACE.encode(), uid_of(number).encode())


@cache
def _template(side: int) -> bytes:
    return data_set_bytes(ct_series(slices=1, rows=side, columns=side, seed=f"crash-{side}", SOPInstanceUID=_PLACE)[0])


@cache
def _template_file(side: int) -> bytes:
    return part10(ct_series(slices=1, rows=side, columns=side, seed=f"crash-{side}", SOPInstanceUID=_PLACE)[0])


@dataclass
class Campaign:
    """Many kills of archives in one folder, and what was acknowledged before them."""

    nursery: subprocess.Popen[str]
    folder: Path
    moments: random.Random
    #: The folder is on a disk of its own, which may be filled.
    may_fill: bool = False
    numbers: Iterator[int] = field(default_factory=count)
    acknowledged: set[str] = field(default_factory=set)
    kills: int = 0
    fills: int = 0

    def __enter__(self) -> Self:
        with _archive(self.folder):
            pass  # the tables are made, so that the kills meet the storing
        return self

    def __exit__(self, *_error: object) -> None:
        self._ballast.unlink(missing_ok=True)

    def kill_one(self) -> None:
        """Let an archive receive, and kill it after a while; now and then its disk is full meanwhile."""
        full = self.may_fill and self.moments.random() < 1 / 3
        if full:
            self._fill()
        process, port = self._start()
        senders = [threading.Thread(target=self._send, args=(port,)) for _ in range(SENDERS)]
        for sender in senders:
            sender.start()
        time.sleep(self.moments.uniform(0, LATEST))
        os.kill(process, signal.SIGKILL)
        for sender in senders:
            sender.join()
        self._take_acknowledgements()
        self._ballast.unlink(missing_ok=True)
        self.kills += 1
        self.fills += full

    def check(self) -> int:
        """See that nothing is lost, half, or left over that is not found and mended; return the number of orphans."""
        with _archive(self.folder) as archive:
            check_rows(archive, self.acknowledged)
            make_old(self.folder)
            found = len(list(archive.orphans()))
            mended = archive.mend()
            if mended != found or list(archive.orphans()):
                raise AssertionError(f"{found} orphans were found, {mended} mended, and some are left.")
            check_rows(archive, self.acknowledged)
            check_objects(archive)
        with _archive(self.folder) as archive:  # which cleans up what is old
            DirectoryStore(self.folder / "objects").clean(older_than_seconds=60)
            left = [*archive.staging.folder.iterdir(), *(self.folder / "objects" / "incoming").iterdir()]
            if left:
                raise AssertionError(f"{left} belong to nothing and stay.")
        return found

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def _fill(self) -> None:
        status = os.statvfs(self.folder)
        size = status.f_bavail * status.f_frsize - self.moments.randrange(MOST_LEFT)
        with self._ballast.open("wb") as file, suppress(OSError):  # the file itself may take the last bytes
            os.posix_fallocate(file.fileno(), 0, max(1, size))

    def _start(self) -> tuple[int, int]:
        assert self.nursery.stdin is not None
        self.nursery.stdin.write(f"{self.folder} {STOW_NUMBERS + 1000 * next(self.numbers)}\n")
        self.nursery.stdin.flush()
        word, process, port = self._line().split()
        assert word == "port"
        return int(process), int(port)

    def _send(self, port: int) -> None:
        with suppress(ConnectionError, TimeoutError), Sender(("127.0.0.1", port)) as sender:
            while True:
                number = next(self.numbers) if self.moments.random() < 0.9 else 1
                if sender.store(store_message(uid_of(number), data_set_of(number))) == 0:
                    self.acknowledged.add(uid_of(number))

    def _take_acknowledgements(self) -> None:
        while (line := self._line()) != "dead":
            self.acknowledged.update(line.split()[1:])

    def _line(self) -> str:
        assert self.nursery.stdout is not None
        return self.nursery.stdout.readline().strip()


@contextmanager
def nursery() -> Iterator[subprocess.Popen[str]]:
    """Start the program that is killed."""
    command = [sys.executable, "-m", "kahua.testing.crashes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        yield process
        assert process.stdin is not None
        process.stdin.close()


def check_rows(archive: Archive, acknowledged: set[str]) -> None:
    """See that every acknowledged instance is there, whole, and that the rows agree with one another."""
    with archive.database.read() as session:
        rows = session.scalars(select(InstanceRow)).all()
        counted = session.execute(
            select(InstanceRow.series_id, func.count(), func.sum(InstanceRow.size)).group_by(InstanceRow.series_id)
        ).all()
        series = {row.id: (row.instance_count, row.size) for row in session.scalars(select(SeriesRow))}
        if archive.database.is_sqlite:
            assert session.execute(text("PRAGMA integrity_check")).scalar() == "ok"
            assert session.execute(text("PRAGMA foreign_key_check")).all() == []
    lost = acknowledged - {row.sop_instance_uid for row in rows}
    assert not lost, f"{len(lost)} acknowledged instances are lost: {sorted(lost)[:5]}"
    assert {series_id: (number, size) for series_id, number, size in counted} == series
    assert list(missing(archive.database, archive.objects)) == []
    for row in rows:
        content = archive.objects.read(row.object_key)
        assert len(content) == row.size
        assert read_file_meta(io.BytesIO(content)).data_offset == row.data_offset
        assert content_key(row.transfer_syntax_uid, [content[row.data_offset :]]) == row.object_key


def check_objects(archive: Archive) -> None:
    """See that there is no object without a row."""
    with archive.database.read() as session:
        known = set(session.scalars(select(InstanceRow.object_key)))
    assert set(archive.objects.keys()) == known


def make_old(folder: Path) -> None:
    """Make all files look as if they had lain there for long."""
    for path in folder.rglob("*"):
        if path.is_file() or path.parent.name == "staging":
            os.utime(path, (0, 0))


@contextmanager
def _archive(folder: Path) -> Iterator[Archive]:
    with archive_in(folder, durability="group", min_free_bytes=1) as archive:
        yield archive


def _say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def _stow_for_ever(archive: Archive, first: int) -> None:
    for start in count(first, PARTS):
        numbers = range(start, start + PARTS)
        body = _multipart([file_of(number) for number in numbers])
        with suppress(KahuaError):  # the disk is full
            stored = _stow(archive, body)
            _say(" ".join(["ack", *stored]))


def _multipart(files: Iterable[bytes]) -> bytes:
    head = b"--b\r\nContent-Type: application/dicom\r\n\r\n"
    return b"".join([*(head + file + b"\r\n" for file in files), b"--b--\r\n"])


def _stow(archive: Archive, body: bytes) -> list[str]:
    request = StowRequest(archive=archive, project_id="main", sender="crash", study_uid=None, boundary="b")
    try:
        for start in range(0, len(body), 10_000):
            request.feed(body[start : start + 10_000])
        return [accepted.sop_instance_uid for accepted in request.finish().accepted]
    finally:
        request.close()


def _receive_until_killed(folder: Path, first: int) -> None:
    settings = load_settings(data_dir=folder, dicom_port=0, min_free_bytes=1)
    database, objects = Database.in_folder(folder), DirectoryStore(folder / "objects")
    archive = Archive.from_settings(settings, database=database, objects=objects)
    receiver = Receiver(settings, archive, lambda _caller: Route(project_id="main"))
    receiver.start()
    _say(f"port {os.getpid()} {receiver.address[1]}")
    _stow_for_ever(archive, first)


def _warm_up() -> None:
    """Do once what else every child would do for the first time."""
    with tempfile.TemporaryDirectory() as folder, _archive(Path(folder)) as archive:
        for number in range(len(SIDES)):
            _stow(archive, _multipart([file_of(number)]))


def main() -> None:
    """Fork a child for every folder on the input."""
    configure_logs("critical", component="crashes")
    _warm_up()
    for line in sys.stdin:
        folder, first = line.split()
        child = os.fork()
        if child == 0:
            try:
                _receive_until_killed(Path(folder), int(first))
            except BaseException:  # noqa: BLE001 - a child that ends by itself must say why
                traceback.print_exc()
            finally:
                os._exit(1)
        os.waitpid(child, 0)
        _say("dead")


if __name__ == "__main__":
    main()
