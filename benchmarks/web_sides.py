"""Kahua and Orthanc as DICOMweb servers, side by side, for the benchmarks of DICOMweb."""

import http.client
import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from harness import Samples, cpu_seconds, free_port, isolate, print_conditions, print_skipped, started, wait_for_port
from kahua.access import create_token, get_user
from kahua.settings import Settings, process_environment
from kahua.site import build_site, prepare_site
from kahua.testing.factory import ct_series, part10
from quick_client import QuickClient

OURS, PEER = "Kahua", "Orthanc"

#: Where Debian's package orthanc-dicomweb puts the plugin.
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")

#: How long the worker has for making metadata and previews of what was sent.
DERIVE_SECONDS = 120

BOUNDARY = "benchmark-boundary"
STOW_TYPE = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'


@dataclass
class Side:
    """A running DICOMweb server, one connection to it, and what was measured of it."""

    name: str
    pid: int
    port: int
    #: Path of the DICOMweb service.
    root: str
    folder: Path
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        self._quick = QuickClient(self.port)

    def reconnect(self) -> None:
        """Begin a new connection: servers close those that were idle."""
        self._connection.close()
        self._connection.connect()
        self._quick.close()

    def get(self, path: str, **headers: str) -> bytes:
        """Retrieve something; anything but 200 is an error."""
        return self._request("GET", path, None, headers)

    def ask(self, path: str, *, client: QuickClient | None = None, **headers: str) -> int:
        """Retrieve something by a client that costs next to nothing; give its length."""
        return len((client or self._quick).get(self.root + path, {**self.headers, **_named(headers)}))

    def store(self, body: bytes) -> bytes:
        """Send a multipart body of instances (STOW-RS)."""
        return self._request("POST", "/studies", body, {"Content-Type": STOW_TYPE, "Accept": "application/dicom+json"})

    def cpu(self) -> float:
        """Give the processor time used so far, in seconds."""
        return cpu_seconds(self.pid)

    def _request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        self._connection.request(method, self.root + path, body, {**self.headers, **_named(headers)})
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{self.name} answers {path} with {answer.status}: {content[:300]!r}")
        return content


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass
class Figures:
    """Time and processor time of one question to one side."""

    seconds: Samples = field(default_factory=Samples)
    cpu: Samples = field(default_factory=Samples)
    size: int = 0


def time_call(call: Callable[[], object], side: Side, figures: Figures, *, calls: int = 1, items: int = 1) -> None:
    """Make some calls one after another, and note the time of each, and the mean processor time, of one item."""
    side.reconnect()
    before = side.cpu()
    for _ in range(calls):
        begin = time.perf_counter()
        call()
        figures.seconds.add((time.perf_counter() - begin) / items)
    figures.cpu.add((side.cpu() - before) / calls / items)


def can_run(name: str, goal: str) -> bool:
    """Tell whether both sides can be run here, and say why if not; the network is made for them alone."""
    if shutil.which("Orthanc") is None or not PLUGIN.exists():
        print("Orthanc is in the packages orthanc and orthanc-dicomweb of Debian.")
        print_skipped(name, goal=goal, reason="no Orthanc with DICOMweb")
        return False
    if not isolate():
        print("Orthanc has no password here, and this system lets no network be made for it alone.")
        print_skipped(name, goal=goal, reason="no network namespace")
        return False
    return True


@contextmanager
def both(folder: Path, **orthanc_options: object) -> Iterator[dict[str, Side]]:
    """Start both sides, each on an empty folder of its own."""
    with kahua(folder / "kahua") as ours, orthanc(folder / "orthanc", **orthanc_options) as theirs:
        yield {OURS: ours, PEER: theirs}


@contextmanager
def kahua(folder: Path, *, database_url: str | None = None) -> Iterator[Side]:
    """Start a whole site, as people start it; requests carry an API token."""
    settings = Settings(data_dir=folder, database_url=database_url)
    token = _token(settings)
    environment = {**process_environment(), "KAHUA_LOG_LEVEL": "warning"}
    if database_url is not None:
        environment["KAHUA_DATABASE_URL"] = database_url
    command = [Path(sys.executable).with_name("kahua"), "--data-dir", folder, "up", "--port", "0", "--dicom-port", "0"]
    log = folder / "log"
    with started(command, log=log, env=environment) as pid:
        port = urlsplit(_wait_for_line(log, "Web")).port or 0
        wait_for_port(port)
        yield Side(
            name=OURS,
            pid=pid,
            port=port,
            root=f"/dicom-web/{settings.default_project}",
            folder=folder,
            headers={"Authorization": f"Bearer {token}"},
        )


@contextmanager
def orthanc(folder: Path, **options: object) -> Iterator[Side]:
    """Start Orthanc with its DICOMweb plugin; synced to the disk, as is its default."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    settings = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "DicomServerEnabled": False,
        "HttpPort": port,
        "KeepAlive": True,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        **options,
    }
    configuration = folder / "orthanc.json"
    configuration.write_text(json.dumps(settings))
    with started(["Orthanc", configuration], log=folder / "log") as pid:
        wait_for_port(port)
        yield Side(name=PEER, pid=pid, port=port, root="/dicom-web", folder=folder)


def ct_slices(count: int, *, seed: str) -> list[bytes]:
    """Make a CT series of 512 x 512 pixels with noise, and as many attributes as scanners write."""
    noise = np.random.default_rng(0)
    slices = []
    for instance in ct_series(slices=count, rows=8, columns=8, seed=seed, patient_id=seed):
        instance.Rows = instance.Columns = 512
        pixels = noise.normal(1000, 15, (512, 512)).astype(np.uint16)
        instance.PixelData = pixels.tobytes()
        block = instance.private_block(0x0029, "BENCHMARK", create=True)
        for number in range(80):
            block.add_new(number, "LO", f"Value of a private attribute {number}")
        slices.append(part10(instance))
    return slices


def multipart(instances: Iterable[bytes]) -> bytes:
    """Make the body of a STOW-RS request."""
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join([*(head + instance + b"\r\n" for instance in instances), f"--{BOUNDARY}--\r\n".encode()])


def fill(sides: Iterable[Side], instances: list[bytes]) -> None:
    """Store instances on every side, and wait until ours has derived what it derives."""
    for side in sides:
        side.reconnect()
        side.store(multipart(instances))
        if side.name == OURS:
            wait_until_derived(side)


def wait_until_derived(side: Side) -> None:
    """Wait until the worker has made metadata and previews of every series."""
    deadline = time.monotonic() + DERIVE_SECONDS
    with closing(sqlite3.connect(side.folder / "kahua.sqlite3")) as rows:
        while rows.execute("SELECT 1 FROM series WHERE derived_revision <> revision LIMIT 1").fetchone():
            if time.monotonic() > deadline:
                raise TimeoutError("The worker has not derived everything.")
            time.sleep(0.2)


def uids(side: Side) -> list[tuple[str, str, list[str]]]:
    """Give of every series its Study and Series Instance UID, and the UIDs of its instances in their order."""
    side.reconnect()
    found: dict[tuple[str, str], list[str]] = {}
    for row in json.loads(side.get("/instances?limit=1000", Accept="application/dicom+json")):
        study, series, instance = (row[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018"))
        found.setdefault((study, series), []).append(instance)
    return [(study, series, instances) for (study, series), instances in found.items()]


def conditions() -> None:
    """Say on what was measured, and with which versions."""
    said = subprocess.run(["Orthanc", "--version"], capture_output=True, text=True, check=True).stdout.split()
    print_conditions(kahua=version("kahua"), Orthanc=said[1])


def _token(settings: Settings) -> str:
    prepare_site(settings)
    site = build_site(settings)
    try:
        with site.database.write() as session:
            user = get_user(session, "admin")
            _, token = create_token(session, user_id=user.id, label="benchmark", days=timedelta(days=1).days)
        return token
    finally:
        site.close()


def _wait_for_line(log: Path, beginning: str) -> str:
    """Give the last word of the line that begins so, as soon as it is written."""
    for _ in range(600):
        for line in log.read_text().splitlines():
            if line.strip().startswith(beginning):
                return line.split()[-1]
        time.sleep(0.1)
    raise TimeoutError(log.read_text())
