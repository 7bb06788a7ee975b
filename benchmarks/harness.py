"""What the benchmarks share: processes and what they cost, tables, and the last line.

A benchmark runs us and a peer in turn, in one run, and prints each figure beside its peer's. Its last
line is ``NAME: FIGURE, goal GOAL, met`` or ``…, short``; no benchmark fails for being slow.
"""

import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from kahua.settings import process_environment

#: Name in the environment that tells a benchmark that its network is its own already.
ISOLATED = "BENCHMARK_ISOLATED"

#: How long a process has for coming up, and for ending, in seconds.
START_SECONDS = 60.0
STOP_SECONDS = 20.0


@contextmanager
def started(command: Sequence[str | Path], *, log: Path, **options: object) -> Iterator[int]:
    """Run a process for the time of a `with` block; give its id. What it says goes to a file."""
    with log.open("wb") as output:
        process = subprocess.Popen([str(word) for word in command], stdout=output, stderr=output, **options)  # type: ignore[call-overload]
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def isolate() -> bool:
    """Go on in a network of its own, of which nothing can be reached from outside; tell whether that was possible.

    Some peers listen on all addresses, without a password. Linux only; the program is started anew.
    """
    environment = process_environment()
    if environment.get(ISOLATED):
        return True
    options = ["--net"] if os.geteuid() == 0 else ["--map-root-user", "--net"]
    unshare, ip = shutil.which("unshare"), shutil.which("ip")
    possible = unshare is not None and ip is not None
    if possible and not subprocess.run([unshare, *options, "true"], check=False).returncode:
        script = '"$0" link set lo up && exec "$@"'
        command = [unshare, *options, "sh", "-c", script, ip, sys.executable, *sys.argv]
        os.execve(unshare, command, {**environment, ISOLATED: "1"})  # noqa: S606 - our own program
    return False


def free_port() -> int:
    """Give a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def wait_for_port(port: int, *, host: str = "127.0.0.1", seconds: float = START_SECONDS) -> float:
    """Wait until something listens; return after how many seconds it did."""
    begin = time.monotonic()
    while True:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            if time.monotonic() - begin > seconds:
                raise
            time.sleep(0.01)
        else:
            return time.monotonic() - begin


def process_tree(pid: int) -> list[psutil.Process]:
    """Give a process and all below it."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and all below it, ended ones included; in steps of 10 ms."""
    total = 0.0
    for process in process_tree(pid):
        try:
            total += sum(process.cpu_times()[:4])  # user, system, and those of children that have ended
        except psutil.NoSuchProcess:
            continue
    return total


def pss_bytes(pid: int) -> int:
    """Memory of a process and all below it, where shared pages count by their share (PSS)."""
    total = 0
    for process in process_tree(pid):
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total


@dataclass
class Samples:
    """Repeated measurements of one thing."""

    values: list[float] = field(default_factory=list)

    def add(self, value: float) -> None:
        """Take another one."""
        self.values.append(value)

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    def best(self, *, highest: bool = True) -> float:
        """The best one."""
        return max(self.values) if highest else min(self.values)


def print_conditions(**versions: str) -> None:
    """Say on what was measured."""
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    print(
        f"{os.cpu_count()} processors ({platform.machine()}), load {load}, Python {platform.python_version()}; {named}"
    )


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: the first column to the left, figures to the right."""
    texts = [
        list(columns),
        *([f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows),
    ]
    widths = [max(len(row[place]) for row in texts) for place in range(len(columns))]
    for number, row in enumerate(texts):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        print("  ".join(cells).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))


def _text(cell: object) -> str:
    return f"{cell:.1f}" if isinstance(cell, float) else str(cell)


def print_verdict(name: str, *, figure: str, goal: str, met: bool) -> None:
    """Print the last line of a benchmark."""
    print(f"{name}: {figure}, goal {goal}, {'met' if met else 'short'}")


def print_skipped(name: str, *, goal: str, reason: str) -> None:
    """Print the last line of a benchmark that could not be run."""
    print(f"{name}: not measured ({reason}), goal {goal}, short")
