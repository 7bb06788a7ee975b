"""Kills of a receiving site at random moments, also with a full disk: `make bench NAME=kills ARGS="--kills 10000"`.

After every so many kills of the archive in one folder it is looked at as a whole: every acknowledged instance is
there and whole, rows agree with one another, and what belongs to nothing is found and mended. The first fault ends
the run. Every other folder is on a small disk in memory, which is filled up now and then; that needs a mount
namespace, and is left out where the system gives none.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from harness import print_verdict
from kahua.settings import process_environment
from kahua.testing.crashes import Campaign, nursery

NAME = "kills"
GOAL = 10_000
GOAL_TEXT = f"{GOAL} kills, no acknowledged instance lost, nothing half or left over"

#: Name in the environment that tells the benchmark that its mounts are its own already.
MOUNTS = "BENCHMARK_MOUNTS"

#: Kills of the archive in one folder.
CAMPAIGN = 50

DISK_BYTES = 300_000_000


def main() -> None:
    """Kill, look, and print the verdict."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="from which the moments are made")
    options = parser.parse_args()
    can_mount = own_mounts()
    with tempfile.TemporaryDirectory(prefix="kahua-kills-", ignore_cleanup_errors=True) as folder:
        run(Path(folder), options.kills, options.seed, can_mount=can_mount)


def run(folder: Path, kills: int, seed: int, *, can_mount: bool) -> None:
    """Run campaigns until there were so many kills."""
    moments, numbers = random.Random(seed), count(1)  # noqa: S311 - the same moments in every run of the same seed
    done = fills = acknowledged = orphans = 0
    begin = time.monotonic()
    print(f"seed {seed}, {'with' if can_mount else 'without'} full disks")
    with nursery() as program:
        for number in count():
            in_memory = can_mount and number % 2 == 0
            with (
                disk(folder / str(number), in_memory=in_memory) as place,
                Campaign(program, place, moments, may_fill=in_memory, numbers=numbers) as campaign,
            ):
                for _ in range(min(CAMPAIGN, kills - done)):
                    campaign.kill_one()
                orphans += campaign.check()
            done, fills = done + campaign.kills, fills + campaign.fills
            acknowledged += len(campaign.acknowledged)
            rate = done / (time.monotonic() - begin)
            print(
                f"{done} kills, {fills} with a full disk; {acknowledged} instances acknowledged, 0 lost; "
                f"{orphans} orphans mended; {rate:.1f} kills/s",
                flush=True,
            )
            if done >= kills:
                break
    figure = f"{done} kills ({fills} with a full disk), {acknowledged} instances acknowledged, 0 lost"
    print_verdict(NAME, figure=figure, goal=GOAL_TEXT, met=done >= GOAL and fills > 0)


@contextmanager
def disk(place: Path, *, in_memory: bool) -> Iterator[Path]:
    """Make an empty folder, on a small disk in memory or where the others are."""
    place.mkdir()
    if in_memory:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        if in_memory:
            subprocess.run(["umount", "--lazy", place], check=True)
        shutil.rmtree(place)


def own_mounts() -> bool:
    """Go on with mounts of its own, of which nothing is seen outside; tell whether that was possible."""
    environment = process_environment()
    if environment.get(MOUNTS):
        return True
    options = ["--mount"] if os.geteuid() == 0 else ["--map-root-user", "--mount"]
    unshare = shutil.which("unshare")
    if unshare is not None and not subprocess.run([unshare, *options, "true"], check=False).returncode:
        command = [unshare, *options, sys.executable, *sys.argv]
        os.execve(unshare, command, {**environment, MOUNTS: "1"})  # noqa: S606 - our own program
    return False


if __name__ == "__main__":
    main()
