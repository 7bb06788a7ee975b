"""Python environments in which the steps of workflows run, built from locked requirements by uv."""

import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import uv

from kahua.errors import InvalidInput, KahuaError, OutOfSpace, PeerUnavailable, Unavailable
from kahua.settings import Settings, process_environment
from kahua.workflows.catalogue import InstalledEnvironment
from kahua.workflows.package_sources import PackageSources, read_package_sources

#: Written last: an environment without it is not complete.
MARKER = "kahua-environment.json"

#: Lines of the builder's output that an error shows.
LAST_LINES = 12

#: Variables of this process that would change what is built.
NOT_HANDED_ON = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "UV_PYTHON")

_CREDENTIALS = re.compile(r"://[^/\s@]+@")

Progress = Callable[[str], None]


def _silent(_line: str) -> None:
    """Tell nobody."""


class EnvironmentBuilder:
    """Builds environments, each once, below the data folder.

    An environment is built at its final place, because compiled Python files and scripts hold absolute
    paths, and counts as complete once its marker file is there. One builder works on it at a time; the
    installer inherits the lock, so that one which outlives a killed builder is waited for, not disturbed.
    """

    def __init__(self, settings: Settings, environment: Mapping[str, str] | None = None) -> None:
        self._folder = settings.folder("environments")
        self._variables = process_environment() if environment is None else dict(environment)

    def find(self, requirements: Path, overrides: Path | None = None) -> InstalledEnvironment | None:
        """Give the environment of a lock if it is complete, else None."""
        digest = environment_digest(requirements, overrides)
        folder = self._folder / digest
        return self._installed(digest) if (folder / MARKER).is_file() and _python_of(folder).exists() else None

    def build(
        self, requirements: Path, overrides: Path | None = None, progress: Progress = _silent
    ) -> InstalledEnvironment:
        """Give the environment of a lock, and build it first if it is not there.

        Parameters
        ----------
        requirements
            Locked requirements: exact versions with hashes.
        overrides
            Requirements that replace those which the packages declare.
        progress
            Called with each line that says what is going on.

        Raises
        ------
        InvalidInput
            The lock cannot be satisfied, or a file is not the one that it names.
        PeerUnavailable
            An index of packages does not answer.
        OutOfSpace
            The disk is full.
        """
        digest = environment_digest(requirements, overrides)
        if installed := self.find(requirements, overrides):
            return installed
        with self._lock(digest, progress) as lock:
            if installed := self.find(requirements, overrides):  # another builder was first
                return installed
            self._build(self._folder / digest, requirements, overrides, progress, lock)
        return self._installed(digest)

    def remove(self, digest: str) -> None:
        """Remove an environment; nothing happens if it is not there."""
        with self._lock(digest, _silent):
            (self._folder / digest / MARKER).unlink(missing_ok=True)
            shutil.rmtree(self._folder / digest, ignore_errors=True)

    def _build(self, folder: Path, requirements: Path, overrides: Path | None, progress: Progress, lock: int) -> None:
        if folder.exists():
            progress("Removing an environment that was not finished")
            shutil.rmtree(folder)
        progress(f"Making a Python {platform.python_version()} environment")
        sources = read_package_sources(self._variables, Path(sys.prefix))  # read each time: somebody may mend them
        self._run(["venv", "--python", sys.executable, str(folder)], sources, progress, lock)
        command = [
            "pip",
            "install",
            "--python",
            str(_python_of(folder)),
            "--compile-bytecode",
            *sources.arguments(),
        ]
        command += ["--requirement", str(requirements.resolve())]
        command += ["--overrides", str(overrides.resolve())] if overrides else []
        self._run(command, sources, progress, lock)
        _write_marker(folder, requirements, overrides)

    def _run(self, arguments: Sequence[str], sources: PackageSources, progress: Progress, lock: int) -> None:
        """Run uv, tell its lines as they come, and raise what its end means."""
        last: deque[str] = deque(maxlen=LAST_LINES)
        process = subprocess.Popen(  # noqa: S603 - an argument list, no shell
            [uv.find_uv_bin(), "--no-progress", *arguments],
            cwd=self._folder,
            env=self._environment(sources),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=(lock,),
        )
        with process:
            for line in process.stdout or ():
                if text := _CREDENTIALS.sub("://", line.rstrip()):
                    last.append(text)
                    progress(text)
        if process.returncode:
            raise _failure(process.returncode, list(last))

    def _environment(self, sources: PackageSources) -> dict[str, str]:
        kept = {name: value for name, value in self._variables.items() if name not in NOT_HANDED_ON}
        # A cache beside the environments lies on the same disk: files are linked, not copied.
        own = {"UV_CACHE_DIR": str(self._folder / "cache"), "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}
        return kept | own | sources.environment()

    def _installed(self, digest: str) -> InstalledEnvironment:
        return InstalledEnvironment(python=_python_of(self._folder / digest), digest=digest)

    @contextmanager
    def _lock(self, digest: str, progress: Progress) -> Iterator[int]:
        self._folder.mkdir(parents=True, exist_ok=True)
        file = os.open(self._folder / f"{digest}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress("Waiting for another process that builds the same environment")
                fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)


def environment_digest(requirements: Path, overrides: Path | None = None) -> str:
    """SHA-256 that names an environment: over its lock, its overrides, and the Python that runs it."""
    python = f"{platform.python_implementation()} {platform.python_version()} {platform.machine()} {sys.base_prefix}"
    parts = (requirements.read_bytes(), overrides.read_bytes() if overrides else b"", python.encode())
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()


def _python_of(folder: Path) -> Path:
    return folder / "bin" / "python"


def _write_marker(folder: Path, requirements: Path, overrides: Path | None) -> None:
    """Declare an environment complete: its files reach the disk first."""
    os.sync()
    record = {
        "python": platform.python_version(),
        "requirements": requirements.read_text(encoding="utf-8"),
        "overrides": overrides.read_text(encoding="utf-8") if overrides else "",
    }
    part = folder / f"{MARKER}.part"
    with part.open("w", encoding="utf-8") as file:
        json.dump(record, file)
        file.flush()
        os.fsync(file.fileno())
    part.rename(folder / MARKER)


#: What a line of uv tells of a failure: the class of the error, what happened, and the way out.
_CAUSES: tuple[tuple[tuple[str, ...], type[KahuaError], str, str], ...] = (
    (
        ("No space left on device", "os error 28"),
        OutOfSpace,
        "The disk is full: the environment was not finished.",
        "Free some space on the disk of the data folder, then try again.",
    ),
    (
        ("Hash mismatch", "hash mismatch"),
        InvalidInput,
        "A package is not the file that the lock names.",
        "Do not use it. Ask who maintains the mirror, or the extension's author, which file is the true one.",
    ),
    (
        ("error sending request", "Failed to fetch", "Could not connect", "dns error", "timed out", "tunnel error"),
        PeerUnavailable,
        "An index of packages does not answer.",
        "Check the network, or name a mirror in pip's configuration (index-url, find-links), then try again.",
    ),
    (
        ("No solution found", "no version of", "was not found in", "no wheels with a matching"),
        InvalidInput,
        "The locked packages cannot all be found for this Python and machine.",
        "Offer them through pip's configuration (index-url, find-links), or ask for a lock that covers this machine.",
    ),
)


def _failure(code: int, lines: list[str]) -> KahuaError:
    output = "\n".join(lines)
    for phrases, error, sentence, remedy in _CAUSES:
        if any(phrase in output for phrase in phrases):
            return error(f"{sentence}\n{output}", remedy=remedy, lines=lines)
    return Unavailable(
        f"The environment could not be built (uv ended with {code}).\n{output}",
        remedy="Correct what the last lines name, then install the extension again.",
        lines=lines,
    )
