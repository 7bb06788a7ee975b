"""Shuts a task in by bubblewrap: it sees the system's programs, its inputs and its own folder, and no network."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from kahua.errors import MisconfiguredSite
from kahua.workflows.runtimes import Boundary, TaskCommand

#: Folders of the system that may be links into /usr, or folders of their own.
SYSTEM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64")

#: Files of the system that programs need: the linker's cache, alternatives, time zone, fonts' settings.
SYSTEM_FILES = ("ld.so.cache", "alternatives", "localtime", "fonts")

#: Files without which names of other machines and their certificates mean nothing.
NETWORK_FILES = ("resolv.conf", "hosts", "nsswitch.conf", "ssl", "ca-certificates", "pki")

#: Room in the sandbox's own temporary folder, which is memory; tasks have a folder on disk besides.
TEMPORARY_BYTES = 256_000_000

#: A trial of the sandbox that takes longer than this does not work.
TRIAL_SECONDS = 10


def choose_boundary(setting: Literal["auto", "bubblewrap", "none"]) -> Boundary:
    """Find out what can keep tasks apart from this machine.

    Raises
    ------
    MisconfiguredSite
        Bubblewrap was asked for, and does not work here.
    """
    if setting == "none":
        return Boundary(name="none", reason="The setting sandbox is none: tasks are not shut in.")
    problem = _problem()
    if problem is None:
        return Boundary(name="bubblewrap", reason="Tasks are shut in by bubblewrap.")
    if setting == "bubblewrap":
        raise MisconfiguredSite(
            f"Tasks cannot be shut in by bubblewrap: {problem}",
            setting="sandbox",
            remedy="Install bubblewrap and allow user namespaces, or set sandbox to auto.",
        )
    return Boundary(name="none", reason=f"Tasks are not shut in: {problem}")


def shut_in(command: TaskCommand) -> list[str]:
    """Arguments that run a command in the sandbox."""
    arguments = [_program() or "bwrap", *_walls(network=command.network)]
    for path in _outer_first(command.readable):
        arguments += ["--ro-bind", str(path), str(path)]
    for path in _outer_first(command.writable):
        arguments += ["--bind", str(path), str(path)]
    if command.gpus:
        for device in sorted(Path("/dev").glob("nvidia*")):
            arguments += ["--dev-bind", str(device), str(device)]
    return [*arguments, "--", *command.arguments]


def _walls(*, network: bool) -> Iterator[str]:
    yield from ("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL")
    if network:
        yield "--share-net"
    yield from ("--ro-bind", "/usr", "/usr")
    for name in SYSTEM_FOLDERS:
        path = Path("/") / name
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    for name in SYSTEM_FILES + (NETWORK_FILES if network else ()):
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    yield from ("--proc", "/proc", "--dev", "/dev", "--dir", "/run")
    yield from ("--size", str(TEMPORARY_BYTES), "--tmpfs", "/tmp")  # noqa: S108 - the sandbox's own


def _outer_first(paths: Sequence[Path]) -> list[Path]:
    """Order paths so that a bind over an outer folder does not hide one within it."""
    return sorted(dict.fromkeys(paths), key=lambda path: len(path.parts))


def _program() -> str | None:
    return shutil.which("bwrap")


def _problem() -> str | None:
    """Why bubblewrap does not work here; None if it does."""
    program = _program()
    if program is None:
        return "bubblewrap is not installed."
    try:
        trial = subprocess.run(  # noqa: S603 - arguments of our own
            [program, *_walls(network=False), "--", "/usr/bin/true"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TRIAL_SECONDS,
            check=False,
            env={},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap cannot be started ({error})."
    if trial.returncode == 0:
        return None
    return f"bubblewrap does not work here ({trial.stderr.decode(errors='replace').strip()[:200]})."
