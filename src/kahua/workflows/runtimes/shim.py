"""The keeper of one task: starts it, bounds it, and writes down how it ended, whatever becomes of its starter.

Run as ``python -I -S shim.py FOLDER``, with nothing but the standard library. FOLDER holds ``command.json``; the keeper
writes ``shim.json`` (who it is) before the task starts, ``log`` while it runs and ``exit.json`` (how it ended) last.
Whoever finds ``shim.json`` already there leaves again: a task runs at most once in a folder.
"""

import ctypes
import json
import os
import resource
import select
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

#: Seconds between two looks at time and memory.
WATCH_SECONDS = 0.25

#: Bytes at the end of a log that are always kept.
LOG_TAIL_BYTES = 64 * 1024

#: Bytes read from the task at once.
READ_BYTES = 64 * 1024

ALREADY_TAKEN = 3
CANNOT_START = 127


class Log:
    """The log of a task: its beginning as it comes, and its end; what is over the limit between them is left out."""

    def __init__(self, path: Path, limit: int) -> None:
        self._file = path.open("ab", buffering=0)
        self._room = max(limit - LOG_TAIL_BYTES, LOG_TAIL_BYTES)
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self._left_out = 0

    def write(self, data: bytes) -> None:
        """Add what the task printed."""
        now, later = data[: self._room], data[self._room :]
        if now:
            self._put(now)
            self._room -= len(now)
        if later:
            self._tail.append(later)
            self._tail_bytes += len(later)
        while self._tail_bytes - len(self._tail[0] if self._tail else b"") > LOG_TAIL_BYTES:
            dropped = len(self._tail.popleft())
            self._tail_bytes -= dropped
            self._left_out += dropped

    def close(self) -> None:
        """Write the end, and make the file durable."""
        if self._left_out:
            self._put(f"\n[{self._left_out} bytes of the log were left out here]\n".encode())
        for data in self._tail:
            self._put(data)
        os.fsync(self._file.fileno())
        self._file.close()

    def _put(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError:  # the disk is full: the task goes on, its log has a hole
            self._left_out += len(data)


class Keeper:
    """Runs the command of a folder and watches it."""

    def __init__(self, folder: Path, command: dict[str, Any]) -> None:
        self.folder = folder
        self.command = command
        self.limits = command["limits"]
        self.stopped = False
        self.peak_memory = 0
        self.started = time.monotonic()
        self.child = 0
        self.status: int | None = None

    def run(self) -> dict[str, Any]:
        """Run the task to its end and say how it ended."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        log = Log(self.folder / "log", self.limits["log_bytes"])
        output, writing_end = os.pipe()
        os.set_blocking(output, False)
        self.child = os.fork()
        if self.child == 0:
            execute(self.command, writing_end)
        os.close(writing_end)
        cause = self._watch(output, log)
        self._end_everything(gently=cause == "cancelled")
        copy_output(output, log)
        log.close()
        return self._report(cause)

    def _stop(self, _signal: int, _frame: object) -> None:
        self.stopped = True

    def _watch(self, output: int, log: Log) -> str:
        """Copy what the task prints until it ends, or until it must be ended; say why."""
        watched = 0.0
        is_open = True
        while True:
            select.select([output] if is_open else [], [], [], WATCH_SECONDS if is_open else WATCH_SECONDS / 10)
            is_open = is_open and copy_output(output, log)
            self._reap()
            if self.status is not None:
                return "exit"
            if self.stopped:
                return "cancelled"
            if time.monotonic() - watched >= WATCH_SECONDS:
                watched = time.monotonic()
                if watched - self.started > self.limits["seconds"]:
                    return "timeout"
                if self._memory() > self.limits["memory_bytes"]:
                    return "memory"

    def _reap(self) -> bool:
        """Take the status of every process that ended; False when there is no process any more."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.child:
                self.status = status

    def _memory(self) -> int:
        """Memory of the task. Shared pages are counted once, at the price of a closer look, near the limit."""
        tree = list(descendants(os.getpid()))
        used = sum(map(resident_bytes, tree))
        if used > self.limits["memory_bytes"]:
            used = sum(map(proportional_bytes, tree))
        self.peak_memory = max(self.peak_memory, used)
        return used

    def _end_everything(self, *, gently: bool) -> None:
        """End all processes of the task, also those in sessions of their own: they are this process's now."""
        if gently:
            # The outer process of a sandbox takes everything with it at once: only those within are asked.
            spared = {self.child} if self.command["sandboxed"] else set()
            send(signal.SIGTERM, (pid for pid in descendants(os.getpid()) if pid not in spared))
            deadline = time.monotonic() + self.command["grace_seconds"]
            while self._reap() and self.status is None and time.monotonic() < deadline:
                time.sleep(0.02)
        while self._reap():
            send(signal.SIGKILL, descendants(os.getpid()))
            time.sleep(0.005)

    def _report(self, cause: str) -> dict[str, Any]:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        status = self.status or 0
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        code = None if number else os.waitstatus_to_exitcode(status)
        if self.command["sandboxed"] and code is not None and code > 128:  # as a sandbox passes on a signal
            number, code = code - 128, None
        return {
            "cause": cause,
            "code": code,
            "signal": number,
            "seconds": time.monotonic() - self.started,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "peak_memory_bytes": max(self.peak_memory, usage.ru_maxrss * 1024),
        }


def execute(command: dict[str, Any], output: int) -> None:
    """Become the task, in the process forked for it."""
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        bound(resource.RLIMIT_FSIZE, command["limits"]["file_bytes"])
        bound(resource.RLIMIT_CORE, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.closerange(3, 256)
        os.chdir(command["folder"])
        os.execve(command["arguments"][0], command["arguments"], command["environment"])  # noqa: S606 - its purpose
    except BaseException as error:  # noqa: BLE001 - the forked copy must end here, whatever happens
        os.write(1, f"The command could not be started: {error}\n".encode())
    finally:
        os._exit(CANNOT_START)


def bound(kind: int, amount: int) -> None:
    """Set a limit of this process, as far as the machine allows."""
    hard = resource.getrlimit(kind)[1]
    amount = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
    resource.setrlimit(kind, (amount, amount))


def copy_output(output: int, log: Log) -> bool:
    """Copy to the log what the task has printed; False when it cannot print any more."""
    while True:
        try:
            data = os.read(output, READ_BYTES)
        except BlockingIOError:
            return True
        if not data:
            return False
        log.write(data)


def descendants(pid: int) -> Iterator[int]:
    """Every process below a process, as far as they can be seen."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - numbers, not paths
        lists = [read(f"/proc/{pid}/task/{thread}/children") for thread in threads]
    except OSError:  # it ended while we looked
        return
    for children in lists:
        for child in children.split():
            yield int(child)
            yield from descendants(int(child))


def resident_bytes(pid: int) -> int:
    """Memory that a process holds, shared pages included; 0 if it is gone."""
    try:
        return int(read(f"/proc/{pid}/statm").split()[1]) * resource.getpagesize()
    except (OSError, IndexError):  # it ended while we looked
        return 0


def proportional_bytes(pid: int) -> int:
    """Memory that a process holds, its share of shared pages only; 0 if it is gone."""
    try:
        lines = read(f"/proc/{pid}/smaps_rollup").splitlines()
    except OSError:  # it ended while we looked, or this machine does not tell
        return resident_bytes(pid)
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def send(number: int, pids: Iterator[int]) -> None:
    """Send a signal to processes; those that have ended are none."""
    for pid in list(pids):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def prctl(option: int, value: int) -> None:
    """Change a property of this process that only Linux has."""
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def read(path: str) -> str:
    """Text of a file of the system."""
    with open(path) as file:  # noqa: PTH123 - quick, called often
        return file.read()


def identity(pid: int) -> dict[str, Any]:
    """What names a process for good: a bare number is given again after a while."""
    start = read(f"/proc/{pid}/stat").rpartition(")")[2].split()[19]
    return {"pid": pid, "start": start, "boot": read("/proc/sys/kernel/random/boot_id").strip()}


def take(folder: Path, note: dict[str, Any]) -> bool:
    """Write ``shim.json``, durable; False if somebody has written it before."""
    part = folder / f"shim.json.{os.getpid()}"
    write_durably(part, note)
    try:
        os.link(part, folder / "shim.json")
    except FileExistsError:
        return False
    finally:
        part.unlink()
    sync_folder(folder)
    return True


def write_durably(path: Path, note: dict[str, Any]) -> None:
    """Write a note whole, and on disk."""
    with path.open("w") as file:
        json.dump(note, file)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def main(folder: Path) -> int:
    """Keep the task of a folder."""
    os.chdir("/")
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    command = json.loads((folder / "command.json").read_text())
    if not take(folder, identity(os.getpid())):
        return ALREADY_TAKEN
    report = Keeper(folder, command).run()
    write_durably(folder / "exit.json.part", report)
    (folder / "exit.json.part").rename(folder / "exit.json")
    sync_folder(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
