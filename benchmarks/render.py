"""Frames, instances, pictures and thumbnails as viewers ask for them, beside Orthanc: `make bench NAME=render`.

A viewer asks for each image of a series once, in order; that is the main figure. What is asked for again comes from
somebody's memory, and is measured apart. Both servers are started anew when everything is stored, so that neither
remembers what it received; the files are in the memory of the operating system.
"""

import argparse
import posixpath
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import print_table, print_verdict
from quick_client import QuickClient
from web_sides import OURS, PEER, Figures, Side, both, can_run, conditions, ct_slices, fill, time_call, uids

NAME = "render"
GOALS = {"frame": 3.0, "rendered": 1.5, "thumbnail of a series": 10.0}
GOAL_TEXT = "each once: frame 3, rendered 1.5, thumbnail of a series 10 times faster than Orthanc"

#: Instances of a series.
INSTANCES = 24

#: Series of a gallery, and instances of each of them.
GALLERY, FEW = 8, 3

#: Clients that ask at the same time, each for its share of a series.
CLIENTS = 8

ONCE, AGAIN = "each once", "the same again"
TOGETHER = f"frame, {CLIENTS} clients"
SHELF = "thumbnail of a series"

#: What is asked for: what stands behind the address of an instance, and the accepted type.
QUESTIONS = {
    "frame": ("/frames/1", 'multipart/related; type="application/octet-stream"; transfer-syntax=*'),
    TOGETHER: ("/frames/1", 'multipart/related; type="application/octet-stream"; transfer-syntax=*'),
    "instance": ("", 'multipart/related; type="application/dicom"; transfer-syntax=*'),
    "rendered": ("/rendered", "image/jpeg"),
    "thumbnail": ("/thumbnail", "image/jpeg"),
    SHELF: ("/../../thumbnail", "image/webp, image/jpeg"),
}

#: The version of Orthanc that is beside us knows no thumbnails: it draws one instance of the series.
SMALL = ("/rendered?viewport=128,128", "image/jpeg")
INSTEAD = {(PEER, "thumbnail"): SMALL, (PEER, SHELF): SMALL}


def main() -> None:
    """Measure, and print the table and the verdict."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if not can_run(NAME, GOAL_TEXT):
        return
    with tempfile.TemporaryDirectory(prefix="kahua-render-") as folder:
        with both(Path(folder)) as sides:
            for number in range((len(QUESTIONS) - 1) * options.repeats + 1):
                fill(sides.values(), ct_slices(INSTANCES, seed=f"render-{number}"))
            for number in range(options.repeats):
                seeds = [f"gallery-{number}-{place}" for place in range(GALLERY)]
                fill(sides.values(), [instance for seed in seeds for instance in ct_slices(FEW, seed=seed)])
        with both(Path(folder)) as sides:
            measure(sides, options.repeats)


def measure(sides: dict[str, Side], repeats: int) -> None:
    """Ask every side for the same things in turn, of a series that nobody has asked for."""
    figures = {(what, when, name): Figures() for what in QUESTIONS for when in (ONCE, AGAIN) for name in sides}
    series = paths_of_all(sides[OURS])
    unseen = iter([paths for paths in series if len(paths) == INSTANCES])
    shelves = [paths[FEW // 2] for paths in series if len(paths) == FEW]
    warm_up(sides, next(unseen))
    for number in range(repeats):
        for what in QUESTIONS:
            paths = shelves[number * GALLERY : (number + 1) * GALLERY] if what == SHELF else next(unseen)
            for when in (ONCE, AGAIN):
                for name, side in sides.items():
                    look_through(side, what, paths, figures[what, when, name])
    report(figures, repeats)


def paths_of_all(side: Side) -> list[list[str]]:
    """Give the paths of all instances, series by series."""
    return [
        [f"/studies/{study}/series/{series}/instances/{instance}" for instance in instances]
        for study, series, instances in uids(side)
    ]


def warm_up(sides: dict[str, Side], paths: list[str]) -> None:
    """Have each side do everything once: processes and libraries are loaded with the first request."""
    for side in sides.values():
        for what in QUESTIONS:
            look_through(side, what, paths[:CLIENTS], Figures())


def look_through(side: Side, what: str, paths: list[str], figures: Figures) -> None:
    """Ask a side for something of each instance; note the time of each."""
    tail, accept = INSTEAD.get((side.name, what), QUESTIONS[what])

    def ask(share: list[str], client: QuickClient | None = None) -> None:
        for path in share:
            figures.size = side.ask(posixpath.normpath(path + tail), client=client, Accept=accept)

    def ask_together() -> None:
        clients = [QuickClient(side.port) for _ in range(CLIENTS)]
        with ThreadPoolExecutor(CLIENTS) as threads:
            list(threads.map(ask, (paths[number::CLIENTS] for number in range(CLIENTS)), clients))
        for client in clients:
            client.close()

    if what == TOGETHER:
        time_call(ask_together, side, figures, items=len(paths))
    else:
        one_by_one = iter(paths)
        time_call(lambda: ask([next(one_by_one)]), side, figures, calls=len(paths))


def report(figures: dict[tuple[str, str, str], Figures], repeats: int) -> None:
    """Print the table, and as the last line what it comes to."""
    conditions()
    print(f"512 x 512 pixels, 16 bits; {INSTANCES} instances a series, {repeats} series of each kind in turn")
    times = {(what, when): ratio(figures, what, when) for what, when, _ in figures}
    rows = [
        (
            f"{what}, {when}, {name}",
            f"{1000 * each.seconds.median:.2f}",
            f"{1000 * each.seconds.best(highest=False):.2f}",
            f"{1000 * each.cpu.median:.2f}",
            f"{each.size / 1000:.1f}",
            f"{times[what, when]:.1f}" if name == PEER else "",
        )
        for (what, when, name), each in figures.items()
    ]
    print_table(["what", "ms", "best", "CPU ms", "KB", "times"], rows)
    figure = ", ".join(f"{what} {times[what, ONCE]:.1f}" for what in GOALS) + " times"
    met = all(times[what, ONCE] >= goal for what, goal in GOALS.items())
    print_verdict(NAME, figure=figure, goal=GOAL_TEXT, met=met)


def ratio(figures: dict[tuple[str, str, str], Figures], what: str, when: str) -> float:
    """How many times faster ours is."""
    return figures[what, when, PEER].seconds.median / figures[what, when, OURS].seconds.median


if __name__ == "__main__":
    main()
