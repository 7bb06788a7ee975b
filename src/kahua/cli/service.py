"""What the processes of a site have in common."""

import ctypes
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from kahua.cli.supervisor import status_file
from kahua.errors import KahuaError
from kahua.logs import configure_logs
from kahua.settings import Settings, load_settings

#: ``prctl`` operation: send this signal when the parent ends (Linux).
PR_SET_PDEATHSIG = 1


def run_service(name: str, body: Callable[[Settings, threading.Event], None]) -> None:
    """Run one part of a site until it is told to end; its settings come from the environment."""
    _end_with_parent()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        settings = load_settings()
        configure_logs(settings.log_level, component=name)
        body(settings, stop)
    except KahuaError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


def say_ready(settings: Settings, service: str, **facts: Any) -> None:
    """Tell the supervisor, and whoever looks, that this part serves now."""
    path = status_file(settings, service)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps({"pid": os.getpid(), **facts}))
    part.replace(path)


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
