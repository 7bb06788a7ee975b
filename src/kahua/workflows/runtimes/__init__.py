"""What executes a task: the port, and the values that go through it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

#: Why a task ended: by itself, because it was told to, or over a limit.
Cause = Literal["exit", "cancelled", "timeout", "memory"]

#: Names of files in the folder of an attempt.
LOG = "log"
OUT = "out"
WORK = "work"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a task may use."""

    seconds: float
    memory_bytes: int
    #: Largest file that it may write.
    file_bytes: int
    #: Longest log; what is over it is left out in the middle.
    log_bytes: int


@dataclass(frozen=True, kw_only=True)
class TaskCommand:
    """A command to execute, and what it may reach."""

    #: Id of the attempt, random and unique.
    attempt_id: str
    #: Folder of the attempt; the runtime keeps its notes and the log in it.
    folder: Path
    arguments: tuple[str, ...]
    #: The whole environment of the process; nothing else is inherited.
    environment: Mapping[str, str]
    #: Folders and files that it may read, and those that it may write, besides the system's programs.
    readable: tuple[Path, ...]
    writable: tuple[Path, ...]
    limits: Limits
    network: bool = False
    gpus: int = 0


@dataclass(frozen=True, kw_only=True)
class Running:
    """The task runs."""


@dataclass(frozen=True, kw_only=True)
class Lost:
    """The task is not running, and nothing is known of how it ended."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The task has ended."""

    cause: Cause
    #: Exit status; empty if a signal ended it.
    code: int | None
    signal: int | None = None
    seconds: float = 0.0
    cpu_seconds: float | None = None
    peak_memory_bytes: int | None = None
    #: Said by the runtime, beyond the log.
    note: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the task ended by itself, and well."""
        return self.cause == "exit" and self.code == 0


Sight = Running | Lost | Finished


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """What keeps tasks apart from the machine."""

    name: Literal["bubblewrap", "none"]
    #: Why, in a sentence for the person who runs the site.
    reason: str = field(default="")


class Runtime(Protocol):
    """Executes commands that outlive the process which started them.

    An implementation
    - MUST return from `start` without waiting for the end of the task;
    - MUST answer `look` for every folder that `start` was called with, also in another process, later;
    - MUST keep the exit status of a task that ends while nobody looks;
    - MUST answer `Lost` once, and for good, for a folder in which nothing runs and nothing ended: also when
      `start` was interrupted half-way;
    - MUST have ended every process of the task when `kill` returns, also those that left its process group;
    - MUST give the task no environment but the one in the command;
    - MUST end a task that is over its time or memory, and say which;
    - MUST write what the task prints to the file `log` in the folder while it runs, and bound its length.
    """

    def start(self, command: TaskCommand) -> None:
        """Start a command; raises `Unavailable` if that is not possible at the moment."""

    def look(self, folder: Path) -> Sight:
        """Say how the task of a folder is."""

    def kill(self, folder: Path) -> None:
        """End the task of a folder, and everything that it started; raises `Unavailable` if something is left."""
