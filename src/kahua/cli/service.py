"""What the processes of a site have in common."""

import ctypes
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kahua.errors import KahuaError
from kahua.logs import configure_logs
from kahua.settings import Settings

#: ``prctl`` operation: send this signal when the parent ends (Linux).
PR_SET_PDEATHSIG = 1

#: What a part does until the event is set.
Body = Callable[[Settings, threading.Event], None]


def run_service(name: str, body: Body, settings: Settings, *, parent: int | None = None) -> None:
    """Run one part of a site until it is told to end; with a parent, also when that ends."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if parent is not None:
        _end_with(parent)
    try:
        configure_logs(settings.log_level, component=name)
        body(settings, stop)
    except KahuaError as error:
        print(error, file=sys.stderr, flush=True)
        sys.exit(1)


def say_ready(settings: Settings, service: str, **facts: Any) -> None:
    """Tell the supervisor, and whoever looks, that this part serves now."""
    path = status_file(settings, service)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps({"pid": os.getpid(), **facts}))
    part.replace(path)


def status_file(settings: Settings, service: str) -> Path:
    """Where a part says that it serves, and under which address."""
    return settings.folder("services") / f"{service}.json"


def read_status(settings: Settings, service: str) -> dict[str, Any] | None:
    """Give what a part said of itself when it began to serve, or None."""
    try:
        status: dict[str, Any] = json.loads(status_file(settings, service).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return status


def web_address(settings: Settings) -> str:
    """Give the address of the web interface: that of a site that runs, else that of the settings."""
    status = read_status(settings, "web")
    return str(status["url"]) if status and _is_running(status["pid"]) else settings.url


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # signal 0 only asks
    except ProcessLookupError:
        return False
    except PermissionError:  # it is there, and another user's
        return True
    return True


def _end_with(parent: int) -> None:
    """Ask the kernel to end this process with its parent, which may have ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)
