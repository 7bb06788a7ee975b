"""A program that stores instances until it is killed, and says which ones were acknowledged.

Started as ``python crashing.py FOLDER``. It imports everything once and forks a child for each line
that it reads, so that many kills cost little. Output: ``child PROCESS`` when the child begins to store,
then a line ``ack UID`` for every acknowledged instance, then ``dead``.
"""

import os
import sys
import threading
from pathlib import Path

from pydicom import Dataset

from kahua.store import Archive, MemoryData, Origin
from kahua.testing.archive import archive_in
from kahua.testing.factory import ct_series, data_set_bytes, part10

EXPLICIT = "1.2.840.10008.1.2.1"
SLICES = 60


def say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def store_one_by_one(archive: Archive, instances: list[Dataset]) -> None:
    for instance in instances:
        archive.store_dataset(
            "main",
            sop_class_uid=instance.SOPClassUID,
            sop_instance_uid=instance.SOPInstanceUID,
            transfer_syntax_uid=EXPLICIT,
            data=MemoryData(memoryview(data_set_bytes(instance))),
            origin=Origin(door="dimse", sender="CRASH"),
        )
        say(f"ack {instance.SOPInstanceUID}")


def store_files(archive: Archive, instances: list[Dataset], folder: Path) -> None:
    for start in range(0, SLICES, 10):
        group = instances[start : start + 10]
        paths = [folder / f"{instance.SOPInstanceUID}.dcm" for instance in group]
        for path, instance in zip(paths, group, strict=True):
            path.write_bytes(part10(instance))
        archive.store_files("main", paths, Origin(door="import", sender="CRASH"))
        say("\n".join(f"ack {instance.SOPInstanceUID}" for instance in group))


def store_until_killed(folder: Path, seed: str) -> None:
    inbox = folder / "inbox"
    inbox.mkdir(exist_ok=True)
    with archive_in(folder, durability="group") as archive:
        series = [ct_series(slices=SLICES, rows=8, columns=8, seed=f"{seed}-{number}") for number in range(3)]
        say(f"child {os.getpid()}")
        threads = [threading.Thread(target=store_one_by_one, args=(archive, instances)) for instances in series[:2]]
        threads.append(threading.Thread(target=store_files, args=(archive, series[2], inbox)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            store_until_killed(Path(sys.argv[1]), line.strip())
            os._exit(0)
        os.waitpid(child, 0)
        say("dead")


if __name__ == "__main__":
    main()
