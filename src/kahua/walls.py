"""Walls of bubblewrap around a program: it sees the system's programs, what it is given, and no network."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

#: Folders of the system that may be links into /usr, or folders of their own.
SYSTEM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64")

#: Files of the system that programs need: the linker's cache, alternatives, time zone, fonts' settings.
SYSTEM_FILES = ("ld.so.cache", "alternatives", "localtime", "fonts")

#: Files without which names of other machines and their certificates mean nothing.
NETWORK_FILES = ("resolv.conf", "hosts", "nsswitch.conf", "ssl", "ca-certificates", "pki")

#: Room in the sandbox's own temporary folder, which is memory.
TEMPORARY_BYTES = 256_000_000

#: Under which name a program that is alone with a file sees it.
SEEN = "/object"

#: A trial of the walls that takes longer than this does not work.
TRIAL_SECONDS = 10


def bubblewrap() -> str | None:
    """Give the path of bubblewrap; None where it is not installed."""
    return shutil.which("bwrap")


def walls(*, network: bool = False) -> Iterator[str]:
    """Give the arguments of bubblewrap that shut a program in; what it may see besides is added by the caller."""
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


def problem_with_walls() -> str | None:
    """Say why bubblewrap does not work here; None if it does."""
    program = bubblewrap()
    if program is None:
        return "bubblewrap is not installed."
    try:
        trial = subprocess.run(  # noqa: S603 - arguments of our own
            [program, *walls(), "--", "/usr/bin/true"],
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


def alone_with(file: Path, *, also: Sequence[Path] = ()) -> tuple[list[str], str]:
    """Give the words before those that start a program, and the name under which it sees a file.

    It sees the system's programs and libraries, that file, and what is named besides; without bubblewrap, it sees what
    its user sees.
    """
    if not _has_walls():
        return [], str(file)
    seen = [word for path in also for word in ("--ro-bind", str(path), str(path))]
    return [bubblewrap() or "bwrap", *walls(), *seen, "--ro-bind", str(file.resolve()), SEEN, "--"], SEEN


@cache
def _has_walls() -> bool:
    return problem_with_walls() is None
