"""All objects move to a bucket and back while a site receives, shows, deletes and erases, and while it is killed."""

import hashlib
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import Dataset
from sqlalchemy import select

from kahua.database import Database
from kahua.dicom import read_file_meta
from kahua.errors import Unavailable
from kahua.store import DirectoryStore, InstanceRow, ObjectStore, placement_of
from kahua.store.deletion.removal import KEY_COLUMNS
from kahua.store.objects import FetchedFiles
from kahua.testing.factory import ct_series, part10
from kahua.testing.s3 import ACCESS_KEY, SECRET_KEY, S3Server, lacking, s3_server

from .conftest import StartSite, client_of
from .peers import dcmtk, send, write_files
from .running import KAHUA, Client, RunningSite, wait_for

DICOM = {"Accept": 'multipart/related; type="application/dicom"'}


@pytest.fixture
def own_s3() -> Iterator[S3Server]:
    """A server that may be killed."""
    if reason := lacking():
        pytest.skip(reason)
    with s3_server() as server:
        yield server


def bucket(s3: S3Server, place: str, folder: Path) -> ObjectStore:
    from kahua.store.objects.s3 import S3Store  # late: the extra may be missing

    name, _, prefix = place.removeprefix("s3://").partition("/")
    return S3Store(
        name,
        prefix,
        endpoint=s3.endpoint,
        region="us-east-1",
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
        fetched=FetchedFiles(folder, most_bytes=1_000_000_000),
    )


class Mover:
    """The command that moves, in a process of its own."""

    def __init__(self, site: RunningSite, target: str, *options: str) -> None:
        command = [KAHUA, "--data-dir", site.folder, "move-objects", target, "--yes", *options]
        self.process = subprocess.Popen(
            command, env=site.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def said(self) -> str:
        """Wait for its end, which must be a good one."""
        output, _ = self.process.communicate(timeout=240)
        assert self.process.returncode == 0, output
        return output

    def pause(self) -> None:
        """Let it do nothing more, with all that it holds."""
        self.process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


class Traffic:
    """What people and devices do with a site all the time."""

    def __init__(self, site: RunningSite, client: Client) -> None:
        self.site = site
        self.client = client
        self.kept: dict[str, list[Dataset]] = {}
        self.erased: list[Dataset] = []
        self.deleted: list[Dataset] = []
        self.number = 0

    def receive(self) -> str:
        """Take one series by C-STORE or by STOW-RS."""
        self.number += 1
        name = f"live {self.number}"
        series = ct_series(slices=3, seed=name, patient_id=name.upper())
        if self.number % 2:
            send(self.site, series)
        else:
            self.stow(series)
        self.client.wait_for_series(series[0].SeriesInstanceUID, instances=3)
        self.kept[name] = series
        return name

    def receive_at_once(self, folder: Path) -> None:
        """Take four series at the same time, each from a `dcmsend` of its own."""
        self.number += 1
        crowd = {name: ct_series(slices=3, seed=name) for name in (f"crowd {self.number} {each}" for each in range(4))}
        folders = [write_files(folder / name, series) for name, series in crowd.items()]
        with ThreadPoolExecutor(len(folders)) as pool:
            list(pool.map(lambda each: dcmtk("dcmsend", self.site, each), folders))
        for series in crowd.values():
            self.client.wait_for_series(series[0].SeriesInstanceUID, instances=3)
        self.kept |= crowd

    def stow(self, series: list[Dataset]) -> None:
        head = b"--edge\r\nContent-Type: application/dicom\r\n\r\n"
        answer = self.client.http.post(
            "/dicom-web/main/studies",
            content=b"\r\n".join(head + part10(instance) for instance in series) + b"\r\n--edge--\r\n",
            headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=edge'},
        )
        assert answer.status_code == 200, answer.text

    def look(self, name: str) -> None:
        """Retrieve a series in several ways, byte for byte."""
        series = self.kept[name]
        address = address_of(series[0])
        whole = self.client.http.get(address, headers=DICOM)
        assert whole.is_success, whole.text
        assert all(instance.PixelData in whole.content for instance in series)
        first = f"{address}/instances/{series[0].SOPInstanceUID}"
        frame = self.client.http.get(f"{first}/frames/1", headers={"Accept": "multipart/related; type=*/*"})
        assert series[0].PixelData in frame.content
        part = self.client.http.get(first, headers={"Accept": "application/dicom", "Range": "bytes=132-199"})
        assert (part.status_code, len(part.content)) == (206, 68), part.text
        assert self.client.http.get(f"{address}/metadata").is_success
        assert self.client.http.get(f"{first}/rendered", headers={"Accept": "image/jpeg"}).is_success

    def delete(self, name: str) -> None:
        """Delete a series: it is in the trash."""
        series = self.kept.pop(name)
        assert self.client.http.delete(address_of(series[0])).status_code == 204
        self.deleted += series

    def erase(self, name: str) -> None:
        """Erase a series for ever."""
        series = self.kept.pop(name)
        said = self.site.kahua("erase", "--series", series[0].SeriesInstanceUID, "--yes")
        assert said.returncode == 0, said.stderr
        self.erased += series

    def turn(self) -> None:
        """Do everything once."""
        names = [self.receive() for _ in range(4)]
        with tempfile.TemporaryDirectory() as folder:
            self.receive_at_once(Path(folder))
        for name in list(self.kept)[:2] + names:
            self.look(name)
        self.delete(names[0])
        self.erase(names[1])


def address_of(instance: Dataset) -> str:
    return f"/dicom-web/main/studies/{instance.StudyInstanceUID}/series/{instance.SeriesInstanceUID}"


@contextmanager
def going_on(action: Callable[[], None]) -> Iterator[None]:
    """Do something again and again for the time of the block."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            action()

    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(work)
        try:
            yield
        finally:
            stop.set()
            worker.result()


def check_all_are_at(site: RunningSite, store: ObjectStore, traffic: Traffic) -> None:
    """See that a place has all objects that rows name, and no others, each with the bytes that its key says."""
    database = Database.in_folder(site.folder)

    def settled() -> bool:
        """What was discarded is deleted by and by: here at once."""
        assert site.kahua("doctor", "--mend", "--json").returncode in (0, 1)
        with database.read() as session:
            named = {key for column in KEY_COLUMNS for key in session.scalars(select(column)) if key}
        return set(store.keys()) == named

    wait_for(settled, "all objects that rows name, and no others")
    with database.read() as session:
        rows = session.scalars(select(InstanceRow)).all()
    database.close()
    uids = {row.sop_instance_uid for row in rows}
    assert {each.SOPInstanceUID for series in traffic.kept.values() for each in series} <= uids
    assert not {each.SOPInstanceUID for each in traffic.erased} & uids
    keys = {row.object_key for row in rows}
    for row in rows:
        with store.local_file(row.object_key) as path, path.open("rb") as file:
            syntax = read_file_meta(file).transfer_syntax_uid
            content = path.read_bytes()
        assert len(content) == row.size
        assert hashlib.sha256(f"{syntax}\n".encode() + content[row.data_offset :]).hexdigest() == row.object_key
    bytes_there = [store.read(key) for key in set(store.keys()) - keys]
    assert not [each for each in traffic.erased if any(named(each) in content for content in bytes_there)]
    assert all(any(named(each) in content for content in bytes_there) for each in traffic.deleted)


def named(instance: Dataset) -> bytes:
    """Give what only this instance has."""
    return str(instance.SOPInstanceUID).encode()


def is_readable(store: ObjectStore) -> bool:
    """Tell whether a server that was killed has found again what it had."""
    try:
        for key in store.keys():  # noqa: SIM118 - a port, not a dictionary
            store.read(key)
    except Unavailable:
        return False
    return True


def phase_of(site: RunningSite) -> str:
    database = Database.in_folder(site.folder)
    with database.read() as session:
        phase = placement_of(session, "directory").phase
    database.close()
    return phase


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def filled_site(start_site: StartSite, s3: S3Server) -> tuple[RunningSite, Traffic]:
    """Start a site that knows a bucket and keeps its objects in a folder, with some series in it."""
    site = start_site(**{name: value for name, value in s3.settings().items() if name != "object_store"})
    traffic = Traffic(site, client_of(site))
    for number in range(4):
        series = ct_series(slices=12, rows=128, columns=128, seed=f"before {number}", patient_id=f"BEFORE {number}")
        send(site, series)
        traffic.client.wait_for_series(series[0].SeriesInstanceUID, preview=True, instances=12)
        traffic.kept[f"before {number}"] = series
    return site, traffic


def test_all_objects_move_to_a_bucket_and_back_while_the_site_works(
    start_site: StartSite, own_s3: S3Server, tmp_path: Path
) -> None:
    place = own_s3.place()
    site, traffic = filled_site(start_site, own_s3)

    dry = site.kahua("move-objects", place, "--dry-run")
    assert "objects would be moved from directory to s3://" in dry.stdout, dry.stderr
    with going_on(traffic.turn):
        mover = Mover(site, place, "--rate", "0.01")  # it has some minutes to go
        wait_for(lambda: phase_of(site) == "copying", "the move")
        mover.pause()
        said = site.kahua("doctor").stdout
        assert f"Objects are moving from directory to {place}: copying" in said
        assert "Nobody goes on with it" not in said
        refused = site.kahua("move-objects", place, "--yes")
        assert "by another process" in refused.stderr
        mover.kill()
        assert "Nobody goes on with it" in site.kahua("doctor").stdout
    assert files_of(site.folder / "objects")
    site.kill()
    own_s3.kill()
    own_s3.start()
    wait_for(lambda: is_readable(bucket(own_s3, place, tmp_path)), "the server's volumes")
    site.start()
    traffic.client = traffic.client.at(site)
    with going_on(traffic.turn):
        said = Mover(site, place).said()
    assert f'object_store = "{place}"' in said
    check_all_are_at(site, bucket(own_s3, place, tmp_path), traffic)
    assert files_of(site.folder / "objects") == []
    assert "object_store still says directory" in site.kahua("doctor").stdout

    site.stop()
    refused = site.kahua("up", "--port", "0", "--dicom-port", "0")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1), refused.stderr
    assert f"The objects of this site are at {place}, not at directory." in refused.stderr
    site.settings["KAHUA_OBJECT_STORE"] = place
    site.start()
    traffic.client = traffic.client.at(site)
    with going_on(traffic.turn):
        Mover(site, "directory").said()
    check_all_are_at(site, DirectoryStore(site.folder / "objects"), traffic)
    assert list(bucket(own_s3, place, tmp_path).keys()) == []
    assert "Every object is as it was stored." in site.kahua("doctor", "--thorough").stdout
    for name in list(traffic.kept)[-3:]:
        traffic.look(name)
    traffic.client.http.close()


def test_a_bucket_that_dies_in_the_middle_of_a_move_is_said_and_the_move_goes_on(
    start_site: StartSite, own_s3: S3Server, tmp_path: Path
) -> None:
    place = own_s3.place()
    site, traffic = filled_site(start_site, own_s3)
    mover = Mover(site, place, "--rate", "0.05")
    wait_for(lambda: any(bucket(own_s3, place, tmp_path).keys()), "the first objects")
    own_s3.kill()
    output, _ = mover.process.communicate(timeout=240)
    assert mover.process.returncode == 1, output
    assert "Traceback" not in output
    assert "does not answer as it should" in output
    for name in traffic.kept:
        traffic.look(name)  # what is here is given, with or without the bucket
    own_s3.start()
    wait_for(lambda: is_readable(bucket(own_s3, place, tmp_path)), "the server's volumes")
    Mover(site, place).said()
    check_all_are_at(site, bucket(own_s3, place, tmp_path), traffic)
    assert files_of(site.folder / "objects") == []
    traffic.client.http.close()
