"""Start the parts of a site as processes, keep them running, end them together.

The parts are forked from a supervisor that has loaded their code: they share its memory, and the site starts in the
time that it takes to load it once. The supervisor therefore has no thread of its own.
"""

import fcntl
import gc
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import IO

from kahua.cli.receive import receive
from kahua.cli.service import Body, read_status, run_service, status_file
from kahua.cli.web import serve
from kahua.cli.work import work
from kahua.errors import MisconfiguredSite, StateConflict
from kahua.settings import Settings

#: The parts of a site; each also runs alone.
SERVICES: dict[str, Body] = {"web": serve, "receive": receive, "work": work}

#: How long a part may take until it serves.
START_SECONDS = 60

#: How long a part may take to end by itself before it is killed.
STOP_SECONDS = 10

#: How long a start waits for the parts of a site that was killed a moment ago.
LOCK_SECONDS = 15

#: A part that ends is started again after 1, 2, 4, … seconds, at most this many.
MAX_RESTART_SECONDS = 30

#: A part that ran for so long before it ended has not failed again, but for the first time.
STEADY_SECONDS = 600


@dataclass
class Service:
    """A part of the site and its process."""

    name: str
    process: ForkProcess | None = None
    failures: int = 0
    #: When it started, or is to start again, by the monotonic clock.
    start_at: float = 0.0

    def end(self, moment: float) -> float:
        """Note that its process has ended; give the seconds until it starts again."""
        if moment - self.start_at >= STEADY_SECONDS:
            self.failures = 0
        self.failures += 1
        pause = min(2.0 ** (self.failures - 1), MAX_RESTART_SECONDS)
        self.process, self.start_at = None, moment + pause
        return pause


@dataclass
class Supervisor:
    """The processes of one site on one machine."""

    settings: Settings
    #: Is told, in a sentence, what happens to the parts.
    tell: Callable[[str], None]
    services: list[Service] = field(default_factory=lambda: [Service(name) for name in SERVICES])
    stopping: bool = False
    _lock: IO[str] | None = None

    def start(self) -> None:
        """Start all parts and return when all serve.

        Raises
        ------
        StateConflict
            Another site runs on this data folder.
        MisconfiguredSite
            A port is in use, or a part ended instead of serving.
        """
        self._lock = _lock(self.settings.folder("site.lock"))
        self.settings = _with_free_ports(self.settings)
        gc.freeze()  # else the collector would touch, and so copy, what the parts share
        for service in self.services:
            status_file(self.settings, service.name).unlink(missing_ok=True)
            service.start_at = time.monotonic()
            self._spawn(service)
        deadline = time.monotonic() + START_SECONDS
        for service in self.services:
            self._await(service, deadline)

    def run(self) -> None:
        """Start again whatever ends, until `stop` was asked for by a signal."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        while not self.stopping:
            for service in self.services:
                self._watch(service)
            time.sleep(0.2)

    def stop(self) -> None:
        """End all parts; tasks that run go on and are found again at the next start."""
        self.stopping = True
        running = [service.process for service in self.services if service.process]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in running:
            process.join(max(0.1, deadline - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()
        if self._lock:
            self._lock.close()

    def _on_signal(self, _number: int, _frame: object) -> None:
        self.stopping = True

    def _spawn(self, service: Service) -> None:
        log = self.settings.folder("logs") / f"{service.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        service.process = multiprocessing.get_context("fork").Process(
            target=_enter, args=(service.name, self.settings, log, os.getpid()), name=service.name
        )
        service.process.start()  # it inherits the lock: the folder stays locked until the last part has ended

    def _await(self, service: Service, deadline: float) -> None:
        while not read_status(self.settings, service.name):
            if service.process and not service.process.is_alive():
                raise MisconfiguredSite(_last_words(self.settings, service.name))
            if time.monotonic() > deadline:
                raise MisconfiguredSite(f"The part {service.name} did not start within {START_SECONDS} seconds.")
            time.sleep(0.02)

    def _watch(self, service: Service) -> None:
        if service.process is None:
            if time.monotonic() >= service.start_at:
                self._spawn(service)
        elif not service.process.is_alive():
            status = service.process.exitcode
            pause = service.end(time.monotonic())
            self.tell(f"The part {service.name} ended (status {status}); it starts again in {pause:.0f} s.")


def _enter(name: str, settings: Settings, log: Path, parent: int) -> None:
    """Become a part of the site, in the forked process."""
    os.setsid()  # Ctrl-C reaches the supervisor alone
    with log.open("ab") as output, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    run_service(name, SERVICES[name], settings, parent=parent)


def _lock(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("a+")
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise StateConflict(
                    f"A site is already running on the data folder {path.parent}.",
                    remedy="Use that one, stop it, or choose another folder with --data-dir.",
                ) from None
            time.sleep(0.1)
        else:
            return lock


def _with_free_ports(settings: Settings) -> Settings:
    web = _free_port(settings.host, settings.port, "port", "--port")
    dicom = _free_port(settings.dicom_host, settings.dicom_port, "dicom_port", "--dicom-port")
    fields = settings.model_dump(exclude_unset=True) | {"port": web, "dicom_port": dicom}
    return Settings(**fields)


def _free_port(host: str, port: int, setting: str, option: str) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise MisconfiguredSite(
                f"Port {port} of {host} cannot be used: {error.strerror}.",
                setting=setting,
                remedy=f"Stop the program that uses it, or choose another with {option}.",
            ) from error
        number: int = probe.getsockname()[1]
        return number


def _last_words(settings: Settings, service: str) -> str:
    path = settings.folder("logs") / f"{service}.log"
    lines = path.read_text(errors="replace").strip().splitlines()
    return f"The part {service} could not start: {lines[-1] if lines else 'it said nothing'} (more in {path})."
