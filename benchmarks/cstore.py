"""C-STORE from a stock sender: Kahua's receiver beside Orthanc.

Usage: python benchmarks/cstore.py [--instances 60] [--repeats 3]

Both sides receive the same CT slices (512 x 512, 16 bits) from unmodified ``dcmsend``, over one association and
over four at once, in turn, each time with an empty folder, after a few others to warm up. Times include the start
of the sender. What arrived is counted on both sides, and compared byte for byte on ours. "Durable" means synced to
the disk before the answer.
"""

import argparse
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from harness import (
    Samples,
    cpu_seconds,
    isolate,
    print_conditions,
    print_skipped,
    print_table,
    print_verdict,
    pss_bytes,
)
from kahua.settings import process_environment
from store_sides import Server, Start, kahua, make_instances, orthanc, orthanc_version

NAME = "cstore"
GOAL = 8.0
GOAL_TEXT = f"{GOAL:.0f} times Orthanc's instances/s, durable, over 1 and over 4 associations"
ASSOCIATIONS = (1, 4)

#: Instances that a side receives before it is measured: what happens once in the life of a server is not its rate.
WARM_UP = 5

#: Names of the sides that the last line compares.
OURS, PEER = "Kahua, durable", "Orthanc, defaults (durable)"


@dataclass
class Side:
    """A receiver with its settings, and what was measured of it."""

    start: Start
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
    """Run all sides in turn. What they wrote stays to the end: ext4 looks long for an inode after many were freed."""
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
    report(sides, instances, repeats)


def measure_once(side: Side, place: Path, warm_up: Path, folders: list[Path]) -> None:
    """Start the side, send each folder over an association of its own, all at once, and note the figures."""
    sent = sum(len(list(folder.iterdir())) for folder in folders)
    with side.start(place) as server:
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


def report(sides: dict[str, Side], instances: int, repeats: int) -> None:
    """Print the table, and as the last line what it comes to."""
    print_conditions(kahua=version("kahua"), Orthanc=orthanc_version())
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
