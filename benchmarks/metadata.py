"""Metadata of a series of 100 instances, beside Orthanc: `make bench NAME=metadata`."""

import argparse
import gzip
import json
import tempfile
from functools import partial
from pathlib import Path

from harness import print_table, print_verdict
from web_sides import OURS, PEER, Figures, Side, both, can_run, conditions, ct_slices, fill, time_call, uids

NAME = "metadata"
GOAL = 100.0
GOAL_TEXT = f"{GOAL:.0f} times faster than Orthanc"
INSTANCES = 100

#: How often each side is asked in one measurement: ours answers faster than processor time is counted.
CALLS = {OURS: 100, PEER: 1}


#: Browsers take compressed answers.
WANTED = {"Accept": "application/dicom+json", "Accept_Encoding": "gzip"}


def main() -> None:
    """Measure, and print the table and the verdict."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    if not can_run(NAME, GOAL_TEXT):
        return
    with tempfile.TemporaryDirectory(prefix="kahua-metadata-") as folder, both(Path(folder)) as sides:
        fill(sides.values(), ct_slices(INSTANCES, seed="metadata"))
        measure(sides, options.repeats)


def measure(sides: dict[str, Side], repeats: int) -> None:
    """Ask every side in turn."""
    figures = {OURS: Figures(), PEER: Figures()}
    ((study, series, _),) = uids(sides[OURS])
    path = f"/studies/{study}/series/{series}/metadata"
    for name, side in sides.items():
        side.reconnect()
        content = side.get(path, **WANTED)
        plain = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
        if len(json.loads(plain)) != INSTANCES:
            raise RuntimeError(f"{name} does not give the metadata of every instance.")
        figures[name].size = len(plain)
    for _ in range(repeats):
        for name, side in sides.items():
            ask = partial(side.ask, path, **WANTED)
            time_call(ask, side, figures[name], calls=CALLS[name])
    report(figures, repeats)


def report(figures: dict[str, Figures], repeats: int) -> None:
    """Print the table, and as the last line what it comes to."""
    conditions()
    print(f"{INSTANCES} instances, {repeats} repeats in turn")
    rows = [
        (
            name,
            f"{1000 * each.seconds.median:.2f}",
            f"{1000 * each.seconds.best(highest=False):.2f}",
            f"{1000 * each.cpu.median:.2f}",
            f"{each.size / 1e6:.2f}",
        )
        for name, each in figures.items()
    ]
    print_table(["server", "ms", "best", "CPU ms", "MB of JSON"], rows)
    ratio = figures[PEER].seconds.median / figures[OURS].seconds.median
    print_verdict(NAME, figure=f"{ratio:.0f} times", goal=GOAL_TEXT, met=ratio >= GOAL)


if __name__ == "__main__":
    main()
