"""Moving all objects to a bucket and back while instances come in, beside plain copies: `make bench NAME=move`.

The plain copy is what the S3 library does with the same files, without reading them again, while nothing comes in.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import obstore
from obstore.store import S3Store

from harness import Samples, print_conditions, print_skipped, print_table, print_verdict
from kahua.settings import process_environment
from kahua.testing.s3 import ACCESS_KEY, BUCKET, SECRET_KEY, S3Server, lacking, s3_server
from store_sides import Server, environment_of, kahua, make_instances

NAME = "move"
GOAL_TEXT = "none named"

#: Requests at once of the plain copy, as many as the mover's.
PARALLEL = 4

#: Instances of a package of the one who sends meanwhile, and how many there are of them.
PACKAGE = 10
PACKAGES = 250

PHASES = ("before, on the disk", "while moving to the bucket", "on the bucket", "while moving back", "after")


def main() -> None:
    """Measure, and print the table and the verdict."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--instances", type=int, default=300, help="instances that are moved, of 0.5 MB")
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    if reason := lacking():
        print_skipped(NAME, goal=GOAL_TEXT, reason=reason)
        return
    plain, moves = Samples(), {"to the bucket": Samples(), "back": Samples()}
    rates = {phase: Samples() for phase in PHASES}
    with tempfile.TemporaryDirectory(prefix="kahua-move-") as name, s3_server() as s3:
        folder = Path(name)
        moved = make_instances(folder / "in-moved", options.instances, seed="moved")
        for number in range(options.repeats):
            plain.add(copy_plainly(s3, moved))
            measure(s3, folder, f"run-{number}", moves, rates)
    report(plain, moves, rates, options.instances)


def copy_plainly(s3: S3Server, folder: Path) -> float:
    """Put files into the bucket; return MB/s."""
    bucket: Any = S3Store(
        BUCKET,
        prefix="plain",
        endpoint=s3.endpoint,
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
        client_options={"allow_http": True},
        virtual_hosted_style_request=False,
    )
    files = sorted(folder.iterdir())
    begin = time.monotonic()
    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(lambda file: obstore.put(bucket, file.name, file.read_bytes()), files))
    return sum(file.stat().st_size for file in files) / 1e6 / (time.monotonic() - begin)


def measure(s3: S3Server, folder: Path, run: str, moves: dict[str, Samples], rates: dict[str, Samples]) -> None:
    """Fill a site, and move there and back, while a sender goes on all the time."""
    place = folder / run
    place.mkdir()
    settings = {name: str(value) for name, value in s3.settings().items() if name != "object_store"}
    target = s3.place()
    with kahua("group", **settings)(place) as server:
        send(server, folder / "in-moved")
        with sending(server, folder / run / "in-others", run) as taken:
            rate(taken, rates[PHASES[0]])
            with rated(taken, rates[PHASES[1]]):
                moves["to the bucket"].add(move(place, settings, target))
            rate(taken, rates[PHASES[2]])
            with rated(taken, rates[PHASES[3]]):
                moves["back"].add(move(place, settings, "directory"))
            rate(taken, rates[PHASES[4]])


def move(place: Path, settings: dict[str, str], target: str) -> float:
    """Move all objects; return MB/s, the start of the command included."""
    environment = {**process_environment(), **environment_of(settings)}
    command = [sys.executable, "-m", "kahua", "--data-dir", place, "move-objects", target, "--yes"]
    begin = time.monotonic()
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    megabytes = float(said.partition("(")[2].partition(" MB")[0].replace(",", ""))
    return megabytes / (time.monotonic() - begin)


def send(server: Server, folder: Path) -> None:
    """Let DCMTK's sender send a folder."""
    subprocess.run(["dcmsend", "--no-halt", "127.0.0.1", str(server.port), "+sd", folder], check=True)


@contextmanager
def sending(server: Server, folder: Path, seed: str) -> Iterator[list[float]]:
    """Send packages for the time of the block; note when each instance was taken."""
    folder.mkdir()
    packages = [make_instances(folder / f"{number}", PACKAGE, seed=f"{seed} {number}") for number in range(PACKAGES)]
    taken: list[float] = []
    stop = threading.Event()

    def go_on() -> None:
        for package in packages:
            if stop.is_set():
                return
            send(server, package)
            taken.extend([time.monotonic()] * PACKAGE)
        if not stop.is_set():
            raise RuntimeError("There is nothing more to be sent: give more packages.")

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield taken
    finally:
        stop.set()
        thread.join()


def rate(taken: list[float], samples: Samples, *, seconds: float = 5.0) -> None:
    """Watch for some seconds how many instances are taken in each."""
    with rated(taken, samples):
        time.sleep(seconds)


@contextmanager
def rated(taken: list[float], samples: Samples) -> Iterator[None]:
    """Note how many instances a second are taken in the time of the block."""
    begin, before = time.monotonic(), len(taken)
    yield
    samples.add((len(taken) - before) / (time.monotonic() - begin))


def report(plain: Samples, moves: dict[str, Samples], rates: dict[str, Samples], instances: int) -> None:
    """Print the tables, and as the last line what it comes to."""
    print_conditions(kahua=version("kahua"), obstore=version("obstore"))
    print(f"{instances} instances of 0.5 MB; dcmsend sends all the time, packages of {PACKAGE}")
    rows = [["plain copy to the bucket, nothing comes in", plain.median], *([k, v.median] for k, v in moves.items())]
    print_table(["moving", "MB/s"], rows)
    print_table(["C-STORE", "instances/s"], [[phase, samples.median] for phase, samples in rates.items()])
    ratio = min(samples.median for samples in moves.values()) / plain.median
    print_verdict(
        NAME,
        figure=f"{moves['to the bucket'].median:.0f} MB/s to a bucket, {moves['back'].median:.0f} back, "
        f"{ratio:.2f} of a plain copy",
        goal=GOAL_TEXT,
        met=True,
    )


if __name__ == "__main__":
    main()
