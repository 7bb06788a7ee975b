"""STOW-RS: storing a series in one request, beside Orthanc, both synced to the disk: `make bench NAME=stow`."""

import argparse
import tempfile
from pathlib import Path

from harness import Samples, print_table, print_verdict
from web_sides import (
    OURS,
    PEER,
    Figures,
    Side,
    both,
    can_run,
    conditions,
    ct_slices,
    fill,
    multipart,
    time_call,
    uids,
    wait_until_derived,
)

NAME = "stow"
GOAL = 4.0
GOAL_TEXT = f"{GOAL:.0f} times Orthanc's instances/s, durable"


def main() -> None:
    """Measure, and print the table and the verdict."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--instances", type=int, default=100, help="instances of one request")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if not can_run(NAME, GOAL_TEXT):
        return
    with tempfile.TemporaryDirectory(prefix="kahua-stow-") as folder:
        measure(Path(folder), options.instances, options.repeats)


def measure(folder: Path, instances: int, repeats: int) -> None:
    """Send every side the same series in turn, and none while ours still derives from what it got."""
    later = Samples()
    figures = {OURS: Figures(), PEER: Figures()}
    with both(folder) as sides:
        fill(sides.values(), ct_slices(5, seed="warm"))
        for repeat in range(repeats):
            body = multipart(ct_slices(instances, seed=str(repeat)))
            for name, side in sides.items():
                time_call(lambda side=side, body=body: side.store(body), side, figures[name])
                if name == OURS:
                    later.add(derived(side))
        for side in sides.values():
            if sum(len(found) for *_, found in uids(side)) != instances * repeats + 5:
                raise RuntimeError(f"{side.name} does not have every instance that was sent.")
    report(figures, later, instances, repeats)


def derived(side: Side) -> float:
    """Wait until what ours makes afterwards is made: not in the peer's turn. Give the processor time that it took."""
    before = side.cpu()
    wait_until_derived(side)
    return side.cpu() - before


def report(figures: dict[str, Figures], later: Samples, instances: int, repeats: int) -> None:
    """Print the table, and as the last line what it comes to."""
    conditions()
    print(f"{instances} instances of 0.53 MB a request, {repeats} repeats in turn")
    rows = [
        (
            name,
            f"{instances / each.seconds.median:.0f}",
            f"{instances / each.seconds.best(highest=False):.0f}",
            f"{1000 * each.cpu.median / instances:.1f}",
        )
        for name, each in figures.items()
    ]
    print_table(["server", "instances/s", "best", "CPU ms/instance"], rows)
    print(f"Afterwards {OURS} takes {1000 * later.median / instances:.1f} ms more for metadata and pictures.")
    ratio = figures[PEER].seconds.median / figures[OURS].seconds.median
    print_verdict(NAME, figure=f"{ratio:.1f} times", goal=GOAL_TEXT, met=ratio >= GOAL)


if __name__ == "__main__":
    main()
