"""C-STORE from a sender with little overhead, over four associations: Kahua's receiver beside Orthanc at its best.

Usage: python benchmarks/cstore_fast.py [--instances 60] [--repeats 3]

Whole messages are made before the clock runs; each association sends its own and waits for each answer, with
large PDUs and without Nagle's algorithm on either end. Orthanc gets the largest PDU that DCMTK takes and writes no
MD5 sums. Both sides are measured in turn, each time with an empty folder, synced to the disk before the answer and
not synced. What arrived is counted on both sides, and compared byte for byte on ours. A third side does the least
that keeps the promise (`least_receiver.py`): it is what this machine and Python ask for, whatever is built on them.
A fourth receives nothing: as many threads hash the same bytes and keep them as files, which any receiver must do.
"""

import argparse
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import repeat
from pathlib import Path

from pydicom import dcmread

from harness import Samples, cpu_seconds, isolate, print_conditions, print_skipped, print_table, print_verdict
from kahua.dicom import read_file_meta
from kahua.store.objects import DirectoryStore, content_key
from kahua.store.objects.directory import Durability
from kahua.testing.sender import EXPLICIT, MAX_PDU_BYTES, Sender, store_message
from store_sides import Start, kahua, least, make_instances, orthanc, orthanc_version

NAME = "cstore-fast"
DURABLE_GOAL, UNSYNCED_GOAL = 3.0, 4.0
GOAL_TEXT = f"{DURABLE_GOAL:.0f} times Orthanc's instances/s durable, {UNSYNCED_GOAL:.0f} times not synced"
ASSOCIATIONS = 4

#: Instances that a side receives before it is measured.
WARM_UP = 5

#: Options of Orthanc that make it fastest here.
BEST = {"MaximumPduLength": MAX_PDU_BYTES, "StoreMD5ForAttachments": False}

SUCCESS = 0


#: Measures a side once, in a folder of its own: with what warms it up, and what it gets after that.
Measure = Callable[[Path, list[bytes], list[list[bytes]]], tuple[float, float]]


@dataclass
class Side:
    """A way to keep what is sent, and what was measured of it: instances/s, and processor time of an instance in ms."""

    measure: Measure
    rates: Samples = field(default_factory=Samples)
    cpu: Samples = field(default_factory=Samples)

    def measure_once(self, place: Path, warm_up: list[bytes], sent: list[list[bytes]]) -> None:
        """Measure, and note the figures."""
        place.mkdir()
        count = sum(map(len, sent))
        seconds, cpu = self.measure(place, warm_up, sent)
        self.rates.add(count / seconds)
        self.cpu.add(1000 * cpu / count)


def main() -> None:
    """Measure, and print the table and the verdict."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--instances", type=int, default=60, help="instances of one association")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if shutil.which("Orthanc") is None:
        print("Orthanc is not installed; it is in the package orthanc of Debian.")
        print_skipped(NAME, goal=GOAL_TEXT, reason="no Orthanc")
        return
    if not isolate():
        print("Orthanc listens on all addresses, and this system lets no network be made for it alone.")
        print_skipped(NAME, goal=GOAL_TEXT, reason="no network namespace")
        return
    with tempfile.TemporaryDirectory(prefix="kahua-cstore-") as folder:
        measure(Path(folder), options.instances, options.repeats)


def measure(folder: Path, instances: int, repeats: int) -> None:
    """Run all sides in turn. What they wrote stays to the end: ext4 looks long for an inode after many were freed."""
    warm_up = messages_of(make_instances(folder / "in-warm", WARM_UP, seed="warm"))
    sent = [
        messages_of(make_instances(folder / f"in-{number}", instances, seed=str(number)))
        for number in range(ASSOCIATIONS)
    ]
    sides = {
        "Kahua, durable": Side(receiving(kahua("group"))),
        "Orthanc, durable": Side(receiving(orthanc(no_delay=True, **BEST))),
        "the least in Python, durable": Side(receiving(least("durable"))),
        "hash and files alone, durable": Side(keeping("full")),
        "Kahua, not synced": Side(receiving(kahua("none"))),
        "Orthanc, not synced": Side(receiving(orthanc(no_delay=True, **BEST, SyncStorageArea=False))),
        "the least in Python, not synced": Side(receiving(least("unsynced"))),
        "hash and files alone, not synced": Side(keeping("none")),
    }
    for turn in range(repeats):
        for number, side in enumerate(sides.values()):
            side.measure_once(folder / f"run-{turn}-{number}", warm_up, sent)
    report(sides, instances, repeats)


def messages_of(folder: Path) -> list[bytes]:
    """Make the C-STORE messages of a folder."""
    return [message_of(path) for path in sorted(folder.iterdir())]


def message_of(path: Path) -> bytes:
    """Make the C-STORE message of a file."""
    uid = dcmread(path, specific_tags=["SOPInstanceUID"], stop_before_pixels=True).SOPInstanceUID
    with path.open("rb") as file:
        file.seek(read_file_meta(file).data_offset)
        return store_message(uid, file.read())


def receiving(start: Start) -> Measure:
    """Measure a receiver: it is started, and the messages of each association are sent, all at once."""

    def measure(place: Path, warm_up: list[bytes], sent: list[list[bytes]]) -> tuple[float, float]:
        with start(place) as server:
            send(server.port, [warm_up])
            before = cpu_seconds(server.pid)
            begin = time.monotonic()
            send(server.port, sent)
            seconds = time.monotonic() - begin
            cpu = cpu_seconds(server.pid) - before
            count = sum(map(len, sent)) + WARM_UP
            if (arrived := server.count()) != count:
                raise RuntimeError(f"{count} instances were sent, {arrived} arrived.")
        return seconds, cpu

    return measure


def keeping(durability: Durability) -> Measure:
    """Measure the object store alone."""

    def measure(place: Path, warm_up: list[bytes], sent: list[list[bytes]]) -> tuple[float, float]:
        store = DirectoryStore(place, durability=durability)
        keep(store, warm_up)
        cpu, begin = time.process_time(), time.monotonic()
        with ThreadPoolExecutor(len(sent)) as threads:
            list(threads.map(keep, repeat(store), sent))
        return time.monotonic() - begin, time.process_time() - cpu

    return measure


def keep(store: DirectoryStore, objects: list[bytes]) -> None:
    """Keep objects, each under the key of its bytes."""
    for each in objects:
        store.put(content_key(EXPLICIT, [each]), [each])


def send(port: int, batches: list[list[bytes]]) -> None:
    """Send each batch over an association of its own."""
    failures: list[BaseException] = []

    def run(batch: list[bytes]) -> None:
        try:
            with Sender(("127.0.0.1", port)) as sender:
                if any(sender.store(message) != SUCCESS for message in batch):
                    raise ConnectionError("An instance was refused.")
                sender.release()
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(batch,)) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError("A sender failed.") from failures[0]


def report(sides: dict[str, Side], instances: int, repeats: int) -> None:
    """Print the table, and as the last line what it comes to."""
    print_conditions(kahua=version("kahua"), Orthanc=orthanc_version())
    print(f"{ASSOCIATIONS} associations, {instances} instances each, {repeats} repeats in turn; medians")
    rows = [
        (name, f"{side.rates.median:.0f} ({side.rates.best():.0f})", f"{side.cpu.median:.1f}")
        for name, side in sides.items()
    ]
    print_table(["receiver", "instances/s (best)", "CPU ms/inst"], rows)
    rates = {name: side.rates.median for name, side in sides.items()}
    durable = rates["Kahua, durable"] / rates["Orthanc, durable"]
    unsynced = rates["Kahua, not synced"] / rates["Orthanc, not synced"]
    figure = f"{durable:.1f} times durable and {unsynced:.1f} times not synced"
    print_verdict(NAME, figure=figure, goal=GOAL_TEXT, met=durable >= DURABLE_GOAL and unsynced >= UNSYNCED_GOAL)


if __name__ == "__main__":
    main()
