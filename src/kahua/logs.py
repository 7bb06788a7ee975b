"""Structured logs: one line an event, escaped, without secrets or patient data."""

import logging
import os
import shutil
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

import structlog

#: Longest value in a log line: hostile text is cut, not passed on.
MAX_VALUE_LENGTH = 500

#: Most frames of a trace that are told, from the place where it went wrong.
MAX_FRAMES = 12

#: Longest trace in a log line.
MAX_TRACE_LENGTH = 2000

#: Words in the name of a field whose value is never logged.
SECRET_WORDS = ("password", "token", "secret", "cookie", "authorization")


def configure_logs(level: str, *, component: str) -> None:
    """Send log lines of this process to standard error."""

    def name_component(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {"component": component, **event}  # a variable of the context would be that of one thread alone

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            name_component,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(_trace),
            _tame,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "component", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=lambda *_: _Lines(),
        cache_logger_on_first_use=False,
    )


def turn_over(folder: Path, *, most_bytes: int) -> None:
    """Begin logs anew that have become too long; of each the one before is kept, with ``.1`` after its name.

    Their writers append, and go on in the same file. What they write in the moment between is lost, and so is the
    whole log if there is no room for a copy.
    """
    for log in folder.glob("*.log"):
        if log.stat().st_size > most_bytes:
            before = log.with_name(f"{log.name}.1")
            try:
                shutil.copyfile(log, before)
            except OSError as error:
                before.unlink(missing_ok=True)
                get_logger().warning("log not kept", log=log.name, reason=error.strerror)
            os.truncate(log, 0)


def get_logger() -> structlog.stdlib.BoundLogger:
    """Logger whose methods take an event in words and named values."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger()
    return logger


class _Lines:
    """Writes lines to standard error, as it is at the moment: it may be replaced.

    It may lie on a disk that is full or cannot be written any more. Lines are lost then, and nothing else: who serves
    or stores goes on. The next line that can be written is preceded by their number.
    """

    _lost: ClassVar[int] = 0

    def msg(self, line: str) -> None:
        """Write a line."""
        try:
            if self._lost:
                sys.stderr.write(f'timestamp={_timestamp()} level=warning event="lines lost" lines={self._lost}\n')
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()
        except OSError:
            _Lines._lost += 1
        else:
            _Lines._lost = 0

    debug = info = warning = error = critical = exception = msg


def _timestamp() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _tame(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {name: _tamed(name, value) for name, value in event.items()}


def _tamed(name: str, value: Any) -> Any:
    if any(word in name.lower() for word in SECRET_WORDS):
        return "[hidden]"
    if isinstance(value, bool | int | float) or value is None:
        return value
    text = str(value)
    limit = MAX_TRACE_LENGTH if name == "exception" else MAX_VALUE_LENGTH
    visible = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[:limit])
    return visible + ("…" if len(text) > limit else "")


def _trace(exc_info: tuple[type[BaseException], BaseException, TracebackType | None]) -> str:
    """Say what went wrong and where, the place itself first, on one line and without the lines of the source."""
    kind, error, trace = exc_info
    frames = traceback.extract_tb(trace)[: -MAX_FRAMES - 1 : -1]
    places = " < ".join(f"{Path(frame.filename).stem}:{frame.lineno} {frame.name}" for frame in frames)
    return f"{kind.__name__}: {str(error)[:MAX_VALUE_LENGTH]} at {places}"
