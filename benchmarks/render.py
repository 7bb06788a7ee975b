"""A frame, a rendered frame and a thumbnail, beside Orthanc: `make bench NAME=render`."""

import argparse
import tempfile
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

from harness import print_table, print_verdict
from web_sides import OURS, PEER, Figures, Side, both, can_run, conditions, ct_slices, fill, time_call, uids

NAME = "render"
GOALS = {"frame": 3.0, "rendered": 1.5, "thumbnail": 10.0}
GOAL_TEXT = "frame 3, rendered 1.5, thumbnail 10 times faster than Orthanc"
INSTANCES = 20
OCTETS = 'multipart/related; type="application/octet-stream"'

#: Requests of one measurement.
CALLS = 40


def main() -> None:
    """Measure, and print the table and the verdict."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if not can_run(NAME, GOAL_TEXT):
        return
    with tempfile.TemporaryDirectory(prefix="kahua-render-") as folder, both(Path(folder)) as sides:
        fill(sides.values(), ct_slices(INSTANCES, seed="render"))
        measure(sides, options.repeats)


def measure(sides: dict[str, Side], repeats: int) -> None:
    """Ask every side for the same things in turn, of one instance after another."""
    figures = {(what, name): Figures() for what in GOALS for name in sides}
    study, series, instances = uids(sides[OURS])
    for _ in range(repeats):
        for what in GOALS:
            for name, side in sides.items():
                paths = cycle(f"/studies/{study}/series/{series}/instances/{instance}" for instance in instances)
                figure = figures[what, name]
                time_call(question(side, what, paths.__next__, figure), side, figure, calls=CALLS)
    report(figures, repeats)


def question(side: Side, what: str, next_path: Callable[[], str], figure: Figures) -> Callable[[], None]:
    """Give the call that asks a side for something of the next instance."""
    if what == "frame":
        path, accept = "/frames/1", OCTETS
    elif what == "rendered":
        path, accept = "/rendered", "image/jpeg"
    elif side.name == OURS:
        path, accept = "/thumbnail", "image/jpeg"
    else:
        path, accept = "/rendered?viewport=128,128", "image/jpeg"  # this version of Orthanc knows no thumbnails

    def ask() -> None:
        figure.size = len(side.get(next_path() + path, Accept=accept))

    return ask


def report(figures: dict[tuple[str, str], Figures], repeats: int) -> None:
    """Print the table, and as the last line what it comes to."""
    conditions()
    print(f"512 x 512 pixels, 16 bits; {CALLS} requests one after another, {repeats} repeats in turn")
    rows = [
        (
            f"{what}, {name}",
            f"{1000 * each.seconds.median:.2f}",
            f"{1000 * each.seconds.best(highest=False):.2f}",
            f"{1000 * each.cpu.median:.2f}",
            f"{each.size / 1000:.1f}",
        )
        for (what, name), each in figures.items()
    ]
    print_table(["what", "ms", "best", "CPU ms", "KB"], rows)
    ratios = {what: figures[what, PEER].seconds.median / figures[what, OURS].seconds.median for what in GOALS}
    figure = ", ".join(f"{what} {ratio:.1f}" for what, ratio in ratios.items()) + " times"
    print_verdict(NAME, figure=figure, goal=GOAL_TEXT, met=all(ratios[what] >= goal for what, goal in GOALS.items()))


if __name__ == "__main__":
    main()
