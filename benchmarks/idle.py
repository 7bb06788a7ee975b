"""How fast a site starts, and what it needs when nothing happens: `make bench NAME=idle`."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

import kahua
from harness import Samples, print_conditions, print_table, print_verdict, process_tree

START_GOAL_SECONDS = 3.0
MEMORY_GOAL_MB = 300.0

#: Pause after the start before memory is read.
SETTLE_SECONDS = 5.0


class RunningSite:
    """A site that was started; `seconds` is the time from the command to the first answer over HTTP."""

    def __init__(self, folder: Path) -> None:
        began = time.perf_counter()
        program = Path(sys.executable).with_name("kahua")
        command = [str(program), "--data-dir", str(folder), "up", "--port", "0", "--dicom-port", "0"]
        self.folder = folder
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        url = next(line.split()[-1] for line in self.process.stdout if line.strip().startswith("Web"))
        httpx.get(f"{url}/readyz", timeout=30).raise_for_status()
        self.seconds = time.perf_counter() - began

    def memory(self) -> dict[str, float]:
        """Proportional set size of every process, in MB, by its part."""
        names = {json.loads(file.read_text())["pid"]: file.stem for file in self.folder.glob("services/*.json")}
        return {
            names.get(process.pid, "supervisor"): process.memory_full_info().pss / 1e6
            for process in process_tree(self.process.pid)
        }

    def stop(self) -> None:
        """End the site."""
        self.process.terminate()
        self.process.wait()


def main(repeats: int) -> None:
    """Start a site a few times, measure, print the table."""
    starts, memories = Samples(), Samples()
    parts: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="kahua-idle-") as folder:
        RunningSite(Path(folder)).stop()  # the first start makes the database: that is set-up
        for _ in range(repeats):
            site = RunningSite(Path(folder))
            starts.add(site.seconds)
            time.sleep(SETTLE_SECONDS)
            parts = site.memory()
            memories.add(sum(parts.values()))
            site.stop()
    rows: list[tuple[object, ...]] = [
        ("start to serving, s", starts.median, starts.best(highest=False), START_GOAL_SECONDS),
        ("memory of all processes (PSS), MB", memories.median, memories.best(highest=False), MEMORY_GOAL_MB),
        *((f"  {name}", value, "", "") for name, value in parts.items()),
    ]
    print_table(("what", "median", "best", "goal"), rows)
    print_conditions(kahua=kahua.__version__)
    print_verdict(
        "idle",
        figure=f"{starts.median:.1f} s and {memories.median:.0f} MB",
        goal=f"{START_GOAL_SECONDS:.0f} s and {MEMORY_GOAL_MB:.0f} MB",
        met=starts.median <= START_GOAL_SECONDS and memories.median <= MEMORY_GOAL_MB,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    main(parser.parse_args().repeats)
