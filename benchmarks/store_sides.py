"""What the benchmarks of C-STORE share: the series that is sent, and the two receivers."""

import json
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness import free_port, started, wait_for_port
from kahua.settings import Settings, process_environment
from kahua.site import prepare_site
from kahua.testing.factory import ct_series, part10


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running receiver."""

    pid: int
    port: int
    #: Counts what has arrived, and fails if it is not what was sent.
    count: Callable[[], int]


#: Starts a receiver in a folder, for the time of a `with` block.
Start = Callable[[Path], AbstractContextManager[Server]]


def make_instances(folder: Path, count: int, *, seed: str) -> Path:
    """Write a CT series with noise, which no one can compress."""
    folder.mkdir()
    noise = np.random.default_rng(0)
    for number, instance in enumerate(ct_series(slices=count, rows=8, columns=8, seed=seed)):
        instance.Rows = instance.Columns = 512
        instance.PixelData = noise.integers(0, 4096, (512, 512), dtype=np.uint16).tobytes()
        (folder / f"{number:04}.dcm").write_bytes(part10(instance))
    return folder


def kahua(durability: str, **settings: str) -> Start:
    """Give a way to start Kahua's receiver as a process of its own, as a site does, with these settings."""

    @contextmanager
    def start(place: Path) -> Iterator[Server]:
        port = free_port()
        prepare_site(Settings(data_dir=place))
        environment = {
            **process_environment(),
            "KAHUA_DATA_DIR": str(place),
            "KAHUA_DICOM_PORT": str(port),
            "KAHUA_DURABILITY": durability,
            "KAHUA_LOG_LEVEL": "warning",
            **environment_of(settings),
        }
        command = [sys.executable, "-m", "kahua", "receive"]
        with started(command, log=place / "log", env=environment) as pid:
            wait_for_port(port)
            yield Server(pid=pid, port=port, count=lambda: count_ours(place))

    return start


def environment_of(settings: Mapping[str, str]) -> dict[str, str]:
    """Give settings as variables of the environment."""
    return {f"KAHUA_{name.upper()}": value for name, value in settings.items()}


def count_ours(place: Path) -> int:
    """Count the instances, after comparing every one with what was sent."""
    sent = {path.read_bytes() for folder in place.parent.glob("in-*") for path in folder.iterdir()}
    with sqlite3.connect(place / "kahua.sqlite3") as rows:
        keys = [key for (key,) in rows.execute("SELECT object_key FROM instances")]
    for key in keys:
        if (place / "objects" / key[:2] / key).read_bytes() not in sent:
            raise RuntimeError("What is stored differs from what was sent.")
    return len(keys)


def least(durability: str) -> Start:
    """Give a way to start the receiver that does the least it can, `durable` or `unsynced`."""

    @contextmanager
    def start(place: Path) -> Iterator[Server]:
        port = free_port()
        command = [sys.executable, Path(__file__).parent / "least_receiver.py", str(port), place, durability]
        with started(command, log=place / "log", env=process_environment()) as pid:
            wait_for_port(port)
            yield Server(pid=pid, port=port, count=lambda: count_least(place))

    return start


def count_least(place: Path) -> int:
    """Count its rows, which must all have their files."""
    with sqlite3.connect(place / "rows.sqlite3") as rows:
        found = rows.execute("SELECT object_key, size FROM instances").fetchall()
    return sum((place / key).stat().st_size == size for key, size in found)


def orthanc(*, no_delay: bool = False, **options: object) -> Start:
    """Give a way to start Orthanc with its defaults, or without Nagle's algorithm, or with some other options."""

    @contextmanager
    def start(place: Path) -> Iterator[Server]:
        port, http = free_port(), free_port()
        settings = {
            "StorageDirectory": str(place / "storage"),
            "IndexDirectory": str(place / "index"),
            "DicomPort": port,
            "HttpPort": http,
            "DicomCheckCalledAet": False,
            "DicomAlwaysAllowStore": True,
            "DicomAlwaysAllowEcho": True,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "Plugins": [],
            **options,
        }
        configuration = place / "orthanc.json"
        configuration.write_text(json.dumps(settings))
        environment = {**process_environment(), **({"TCP_NODELAY": "1"} if no_delay else {})}
        with started(["Orthanc", configuration], log=place / "log", env=environment) as pid:
            wait_for_port(port)
            wait_for_port(http)
            yield Server(pid=pid, port=port, count=lambda: count_theirs(http))

    return start


def count_theirs(port: int) -> int:
    """Ask Orthanc how many instances it has."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/statistics", timeout=30) as answer:
        return int(json.load(answer)["CountInstances"])


def orthanc_version() -> str:
    """Ask Orthanc what it is."""
    said = subprocess.run(["Orthanc", "--version"], capture_output=True, text=True, check=True).stdout
    return said.split()[1]
