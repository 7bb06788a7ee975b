"""Runs tasks as processes of this machine, each kept by a shim that outlives the engine.

All that is known of a task lies in the folder of its attempt, so any process of the same machine can look after it.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kahua.errors import Unavailable
from kahua.workflows.runtimes import Boundary, Finished, Lost, Running, Sight, TaskCommand, shim
from kahua.workflows.runtimes.sandbox import shut_in

#: Names the attempt in the environment of each of its processes: how those are found whose keeper was killed.
MARK = "KAHUA_ATTEMPT"

#: Seconds that a task has to end after it was asked to.
GRACE_SECONDS = 2.0

#: Seconds that the shim has beyond that, to end what did not.
PATIENCE_SECONDS = 4.0

POLL_SECONDS = 0.02


class ProcessRuntime:
    """The runtime `process`."""

    def __init__(self, boundary: Boundary) -> None:
        self.boundary = boundary
        #: Keepers started by this process: it must take their exit status, or they stay as zombies.
        self._keepers: dict[Path, int] = {}

    def start(self, command: TaskCommand) -> None:
        """Start a command under a keeper of its own."""
        try:
            self._write_command(command)
            self._keepers[command.folder] = _spawn_keeper(command.folder)
        except OSError as error:
            raise Unavailable(f"The task could not be started: {error.strerror}.") from error

    def look(self, folder: Path) -> Sight:
        """Read the notes of a folder; nothing of this process's memory is needed."""
        starting = self._has_keeper(folder)
        ended = _read(folder / "exit.json")
        if ended is None and not starting:
            note = _read(folder / "shim.json")
            if note is None and not shim.take(folder, {"abandoned": True}):
                return Running()  # a keeper came between: the next look shows it
            if note is not None and _is_alive(note):
                return Running()
            ended = _read(folder / "exit.json")  # it may have ended between the two looks
        if ended is None:
            return Running() if starting else Lost()
        self._release(folder)
        return Finished(**ended)

    def kill(self, folder: Path) -> None:
        """Ask the keeper to end the task; end both by force when that does not help."""
        note = _read(folder / "shim.json")
        if note is None and not shim.take(folder, {"abandoned": True}):
            note = _read(folder / "shim.json")
        if note is not None and _signal(note, signal.SIGTERM):
            _wait(lambda: not _is_alive(note), GRACE_SECONDS + PATIENCE_SECONDS)
            _signal(note, signal.SIGKILL)
        command = _read(folder / "command.json")
        if command is None or note is None:  # nothing was ever started
            return
        attempt_id = command["environment"][MARK]
        if not _wait(lambda: not _end_marked(attempt_id), PATIENCE_SECONDS):
            raise Unavailable("A process of the task could not be ended.", remedy="End it by hand, then cancel again.")

    def _write_command(self, command: TaskCommand) -> None:
        sandboxed = self.boundary.name == "bubblewrap"
        work = command.writable[0] if command.writable else command.folder
        value = {
            "arguments": shut_in(command) if sandboxed else list(command.arguments),
            "environment": {**command.environment, MARK: command.attempt_id},
            "folder": str(work),
            "limits": {
                "seconds": command.limits.seconds,
                "memory_bytes": command.limits.memory_bytes,
                "file_bytes": command.limits.file_bytes,
                "log_bytes": command.limits.log_bytes,
            },
            "grace_seconds": GRACE_SECONDS,
            "sandboxed": sandboxed,
        }
        shim.write_durably(command.folder / "command.json", value)

    def _has_keeper(self, folder: Path) -> bool:
        """Whether a keeper that this process started is still there."""
        pid = self._keepers.get(folder)
        if pid is None:
            return False
        if os.waitpid(pid, os.WNOHANG)[0] == 0:
            return True
        del self._keepers[folder]
        return False

    def _release(self, folder: Path) -> None:
        """Take the exit status of a keeper that has nothing left to do."""
        pid = self._keepers.pop(folder, None)
        if pid is not None:
            os.waitpid(pid, 0)


def _spawn_keeper(folder: Path) -> int:
    errors = str(folder / "shim.log")
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-I", "-S", shim.__file__, str(folder)],
        {},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def _read(path: Path) -> dict[str, Any] | None:
    try:
        value: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return value


def _is_alive(note: dict[str, Any]) -> bool:
    """Whether the process that a note names is still there: that one, not another with its number."""
    if "pid" not in note:
        return False
    try:
        state = shim.read(f"/proc/{note['pid']}/stat").rpartition(")")[2].split()[0]
        return state not in "ZX" and shim.identity(note["pid"]) == note
    except (FileNotFoundError, ProcessLookupError):
        return False


def _signal(note: dict[str, Any], number: signal.Signals) -> bool:
    """Send a signal to the process that a note names; False if it is gone."""
    if "pid" not in note:
        return False
    try:
        handle = os.pidfd_open(note["pid"])
    except ProcessLookupError:
        return False
    try:
        if not _is_alive(note):  # asked after opening: from here on the handle means that process
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def _end_marked(attempt_id: str) -> bool:
    """End every process that carries the mark of an attempt; True if there was one."""
    found = list(_marked(attempt_id))
    shim.send(signal.SIGKILL, iter(found))
    return bool(found)


def _marked(attempt_id: str) -> Iterator[int]:
    mark = f"{MARK}={attempt_id}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                yield int(entry.name)
        except OSError:  # it ended, or belongs to somebody else
            continue


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition holds; False if it does not within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
