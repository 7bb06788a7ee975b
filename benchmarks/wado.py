"""WADO-RS of a whole series, beside a static file of the same size and beside Orthanc: `make bench NAME=wado`."""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from harness import free_port, print_table, print_verdict, started, wait_for_port
from web_sides import OURS, PEER, Figures, Side, both, can_run, conditions, ct_slices, fill, time_call, uids

NAME = "wado"
GOAL = 0.8
GOAL_TEXT = f"{GOAL} of the MB/s of a static file from granian"
INSTANCES = 100
STATIC = "granian, one static file"
DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'


def main() -> None:
    """Measure, and print the table and the verdict."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    if not can_run(NAME, GOAL_TEXT):
        return
    with tempfile.TemporaryDirectory(prefix="kahua-wado-") as place, both(Path(place)) as sides:
        instances = ct_slices(INSTANCES, seed="wado")
        fill(sides.values(), instances)
        file = Path(place) / "static"
        file.write_bytes(b"".join(instances))
        with static(file) as static_side:
            measure({**sides, STATIC: static_side}, instances, options.repeats)


@contextmanager
def static(file: Path) -> Iterator[Side]:
    """Serve one file."""
    port = free_port()
    program = Path(__file__).with_name("static_server.py")
    with started([sys.executable, program, str(port), file], log=file.with_name("log"), cwd=program.parent) as pid:
        wait_for_port(port)
        yield Side(name=STATIC, pid=pid, port=port, root="", folder=file.parent)


def measure(sides: dict[str, Side], instances: list[bytes], repeats: int) -> None:
    """Ask every side for the series in turn."""
    figures = {name: Figures() for name in sides}
    ((study, series, _),) = uids(sides[OURS])
    path = f"/studies/{study}/series/{series}"
    for name, side in sides.items():
        side.reconnect()
        check(name, side.get(path, Accept=DICOM), instances)
    for _ in range(repeats):
        for name, side in sides.items():
            time_call(partial(ask, side, path, figures[name]), side, figures[name], calls=3)
    report(figures, repeats)


def check(name: str, body: bytes, instances: list[bytes]) -> None:
    """Fail if the pixels of an instance are missing."""
    for instance in instances:
        if instance[-100_000:] not in body:
            raise RuntimeError(f"{name} does not give every instance.")


def ask(side: Side, path: str, figure: Figures) -> None:
    """Ask for the series."""
    figure.size = len(side.get(path, Accept=DICOM))


def report(figures: dict[str, Figures], repeats: int) -> None:
    """Print the table, and as the last line what it comes to."""
    conditions()
    print(f"{INSTANCES} instances of 0.53 MB, {repeats} repeats in turn; the client reads in Python")
    rows = [
        (
            name,
            f"{each.size / each.seconds.median / 1e6:.0f}",
            f"{each.size / each.seconds.best(highest=False) / 1e6:.0f}",
            f"{1000 * each.cpu.median:.0f}",
        )
        for name, each in figures.items()
    ]
    print_table(["server", "MB/s", "best", "CPU ms"], rows)
    rate = {name: each.size / each.seconds.median for name, each in figures.items()}
    share = rate[OURS] / rate[STATIC]
    figure = f"{share:.2f} of a static file, {rate[OURS] / rate[PEER]:.1f} times Orthanc"
    print_verdict(NAME, figure=figure, goal=GOAL_TEXT, met=share >= GOAL)


if __name__ == "__main__":
    main()
