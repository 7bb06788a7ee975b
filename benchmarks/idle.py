"""How fast a site starts, and what it needs when nothing happens: `make bench NAME=idle`."""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil

START_GOAL_SECONDS = 3.0
MEMORY_GOAL_MB = 300.0

#: Pause after the start before memory is read.
SETTLE_SECONDS = 5.0


class RunningSite:
    """A site that was started; `seconds` is the time from the command to the first answer over HTTP."""

    def __init__(self, folder: Path) -> None:
        began = time.perf_counter()
        kahua = Path(sys.executable).with_name("kahua")
        command = [str(kahua), "--data-dir", str(folder), "up", "--port", "0", "--dicom-port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        url = next(line.split()[-1] for line in self.process.stdout if line.strip().startswith("Web"))
        httpx.get(f"{url}/readyz", timeout=30).raise_for_status()
        self.seconds = time.perf_counter() - began

    def memory(self) -> dict[str, float]:
        """Proportional set size of every process, in MB, by its part."""
        root = psutil.Process(self.process.pid)
        processes = (root, *root.children(recursive=True))
        return {_name(process): process.memory_full_info().pss / 1e6 for process in processes}

    def stop(self) -> None:
        """End the site."""
        self.process.terminate()
        self.process.wait()


def main(repeats: int) -> None:
    """Start a site a few times, measure, print the table."""
    starts, memories = [], []
    parts: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="kahua-idle-") as folder:
        RunningSite(Path(folder)).stop()  # the first start makes the database: that is set-up
        for _ in range(repeats):
            site = RunningSite(Path(folder))
            starts.append(site.seconds)
            time.sleep(SETTLE_SECONDS)
            parts = site.memory()
            memories.append(sum(parts.values()))
            site.stop()
    seconds, megabytes = statistics.median(starts), statistics.median(memories)
    print(f"{'what':<36}{'median':>10}{'best':>10}{'goal':>10}")
    print(f"{'start to serving, s':<36}{seconds:>10.2f}{min(starts):>10.2f}{START_GOAL_SECONDS:>10.1f}")
    print(f"{'memory of all processes, MB (PSS)':<36}{megabytes:>10.0f}{min(memories):>10.0f}{MEMORY_GOAL_MB:>10.0f}")
    for name, value in parts.items():
        print(f"  {name:<34}{value:>10.0f}")
    print(f"Repeats: {repeats}. Load: {psutil.getloadavg()[0]:.1f}. Python {sys.version.split()[0]}.")
    met = seconds <= START_GOAL_SECONDS and megabytes <= MEMORY_GOAL_MB
    goal = f"goal {START_GOAL_SECONDS:.0f} s and {MEMORY_GOAL_MB:.0f} MB"
    print(f"idle: {seconds:.2f} s and {megabytes:.0f} MB, {goal}, {'met' if met else 'short'}")


def _name(process: psutil.Process) -> str:
    last = process.cmdline()[-1]
    return last.rsplit(".", 1)[-1] if last.startswith("kahua.") else "supervisor"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    main(parser.parse_args().repeats)
