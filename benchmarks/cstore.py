"""C-STORE from a stock sender: Kahua's receiver beside Orthanc.

Usage: python benchmarks/cstore.py [--instances 60] [--repeats 3]

Both sides receive the same CT slices (512 x 512, 16 bits) from unmodified ``dcmsend``, over one association and
over four at once, in turn, each time with an empty folder, after a few others to warm up. Times include the start
of the sender. What arrived is counted on both sides, and compared byte for byte on ours. "Durable" means synced to
the disk before the answer.
"""

import argparse
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np

from harness import (
    Samples,
    cpu_seconds,
    free_port,
    isolate,
    print_conditions,
    print_skipped,
    print_table,
    print_verdict,
    pss_bytes,
    started,
    wait_for_port,
)
from kahua.settings import Settings, process_environment
from kahua.site import prepare_site
from kahua.testing.factory import ct_series, part10

NAME = "cstore"
GOAL = 8.0
GOAL_TEXT = f"{GOAL:.0f} times Orthanc's instances/s, durable, over 1 and over 4 associations"
ASSOCIATIONS = (1, 4)

#: Instances that a side receives before it is measured: what happens once in the life of a server is not its rate.
WARM_UP = 5

#: Names of the sides that the last line compares.
OURS, PEER = "Kahua, durable", "Orthanc, defaults (durable)"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running receiver."""

    pid: int
    port: int
    #: Counts what has arrived, and fails if it is not what was sent.
    count: Callable[[], int]


@dataclass
class Side:
    """A receiver with its settings, and what was measured of it."""

    start: Callable[[Path], object]
    #: The sender's end of the connection without Nagle's algorithm, as few senders are configured.
    no_delay: bool = False
    rates: dict[int, Samples] = field(default_factory=lambda: {number: Samples() for number in ASSOCIATIONS})
    cpu: Samples = field(default_factory=Samples)
    memory: Samples = field(default_factory=Samples)


def main() -> None:
    """Measure, and print the table and the verdict."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--instances", type=int, default=60, help="instances of one association")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    for tool, package in (("dcmsend", "dcmtk"), ("Orthanc", "orthanc")):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed; it is in the package {package} of Debian.")
            print_skipped(NAME, goal=GOAL_TEXT, reason=f"no {tool}")
            return
    if not isolate():
        print("Orthanc listens on all addresses, and this system lets no network be made for it alone.")
        print_skipped(NAME, goal=GOAL_TEXT, reason="no network namespace")
        return
    with tempfile.TemporaryDirectory(prefix="kahua-cstore-") as folder:
        measure(Path(folder), options.instances, options.repeats)


def measure(folder: Path, instances: int, repeats: int) -> None:
    """Run all sides in turn."""
    warm_up = make_instances(folder / "in-warm", WARM_UP, seed="warm")
    numbers = range(max(ASSOCIATIONS))
    senders = [make_instances(folder / f"in-{number}", instances, seed=str(number)) for number in numbers]
    sides = {
        OURS: Side(kahua("group")),
        PEER: Side(orthanc()),
        "Kahua, durable, TCP_NODELAY sender": Side(kahua("group"), no_delay=True),
        "Orthanc, durable, TCP_NODELAY sender": Side(orthanc(), no_delay=True),
        "Kahua, not synced, TCP_NODELAY sender": Side(kahua("none"), no_delay=True),
        "Orthanc, not synced, 128 KB PDU, TCP_NODELAY": Side(
            orthanc(SyncStorageArea=False, MaximumPduLength=131072), no_delay=True
        ),
    }
    for repeat in range(repeats):
        for number, side in enumerate(sides.values()):
            for associations in ASSOCIATIONS:
                place = folder / f"run-{repeat}-{number}-{associations}"
                place.mkdir()
                measure_once(side, place, warm_up, senders[:associations])
                shutil.rmtree(place)
    report(sides, instances, repeats)


def make_instances(folder: Path, count: int, *, seed: str) -> Path:
    """Write a CT series with noise, which no one can compress."""
    folder.mkdir()
    noise = np.random.default_rng(0)
    for number, instance in enumerate(ct_series(slices=count, rows=8, columns=8, seed=seed)):
        instance.Rows = instance.Columns = 512
        instance.PixelData = noise.integers(0, 4096, (512, 512), dtype=np.uint16).tobytes()
        (folder / f"{number:04}.dcm").write_bytes(part10(instance))
    return folder


def measure_once(side: Side, place: Path, warm_up: Path, folders: list[Path]) -> None:
    """Start the side, send each folder over an association of its own, all at once, and note the figures."""
    sent = sum(len(list(folder.iterdir())) for folder in folders)
    with side.start(place) as server:  # type: ignore[attr-defined]
        send(server, [warm_up], no_delay=side.no_delay)
        before = cpu_seconds(server.pid)
        begin = time.monotonic()
        send(server, folders, no_delay=side.no_delay)
        seconds = time.monotonic() - begin
        used = cpu_seconds(server.pid) - before
        side.memory.add(pss_bytes(server.pid) / 1e6)
        if (arrived := server.count()) != sent + WARM_UP:
            raise RuntimeError(f"{sent + WARM_UP} instances were sent, {arrived} arrived.")
    side.rates[len(folders)].add(sent / seconds)
    side.cpu.add(1000 * used / sent)


def send(server: Server, folders: list[Path], *, no_delay: bool) -> None:
    """Let a sender for each folder run to its end."""
    environment = {**process_environment(), **({"TCP_NODELAY": "1"} if no_delay else {})}
    command = ["dcmsend", "--no-halt", "127.0.0.1", str(server.port), "+sd"]
    senders = [subprocess.Popen([*command, folder], env=environment) for folder in folders]
    statuses = [sender.wait() for sender in senders]
    if any(statuses):
        raise RuntimeError("dcmsend failed.")


def kahua(durability: str) -> Callable[[Path], object]:
    """Give a way to start Kahua's receiver as a process of its own, as a site does."""

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
        }
        command = [sys.executable, "-m", "kahua", "receive"]
        with started(command, log=place / "log", env=environment) as pid:
            wait_for_port(port)
            yield Server(pid=pid, port=port, count=lambda: count_ours(place))

    return start


def count_ours(place: Path) -> int:
    """Count the instances, after comparing every one with what was sent."""
    sent = {path.read_bytes() for folder in place.parent.glob("in-*") for path in folder.iterdir()}
    with sqlite3.connect(place / "kahua.sqlite3") as rows:
        keys = [key for (key,) in rows.execute("SELECT object_key FROM instances")]
    for key in keys:
        if (place / "objects" / key[:2] / key).read_bytes() not in sent:
            raise RuntimeError("What is stored differs from what was sent.")
    return len(keys)


def orthanc(**options: object) -> Callable[[Path], object]:
    """Give a way to start Orthanc with its defaults, or some other options."""

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
        with started(["Orthanc", configuration], log=place / "log") as pid:
            wait_for_port(port)
            wait_for_port(http)
            yield Server(pid=pid, port=port, count=lambda: count_theirs(http))

    return start


def count_theirs(port: int) -> int:
    """Ask Orthanc how many instances it has."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/statistics", timeout=30) as answer:
        return int(json.load(answer)["CountInstances"])


def report(sides: dict[str, Side], instances: int, repeats: int) -> None:
    """Print the table, and as the last line what it comes to."""
    said = subprocess.run(["Orthanc", "--version"], capture_output=True, text=True, check=True).stdout.split()
    print_conditions(kahua=version("kahua"), Orthanc=said[1])
    print(f"{instances} instances an association, {repeats} repeats in turn; instances/s: median (best)")
    rows = [
        (
            name,
            *(f"{side.rates[n].median:.0f} ({side.rates[n].best():.0f})" for n in ASSOCIATIONS),
            f"{side.cpu.median:.1f}",
            f"{side.memory.median:.0f}",
        )
        for name, side in sides.items()
    ]
    print_table(["receiver", "1 association", "4 associations", "CPU ms/inst", "PSS MB"], rows)
    ratios = [sides[OURS].rates[number].median / sides[PEER].rates[number].median for number in ASSOCIATIONS]
    cpu = sides[PEER].cpu.median / sides[OURS].cpu.median
    figure = f"{ratios[0]:.1f} and {ratios[1]:.1f} times, with {cpu:.1f} times less CPU an instance"
    print_verdict(NAME, figure=figure, goal=GOAL_TEXT, met=min(ratios) >= GOAL)


if __name__ == "__main__":
    main()
