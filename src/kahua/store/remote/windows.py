"""Times of the day in which a PACS may be asked for images: outside the hours in which people need it."""

import re
from collections.abc import Sequence
from datetime import datetime, time

from kahua.errors import InvalidInput

#: Most windows of one pull.
MAX_WINDOWS = 10

_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


def check_windows(windows: Sequence[str]) -> None:
    """Refuse what is no window.

    Raises
    ------
    InvalidInput
        It is none, or there are too many.
    """
    if len(windows) > MAX_WINDOWS:
        raise InvalidInput(f"A pull may have up to {MAX_WINDOWS} windows.", field="windows")
    for window in windows:
        if not _WINDOW.fullmatch(window):
            raise InvalidInput(f"{window[:20]!r} is no window.", field="windows", remedy="Write it like 19:00-06:00.")


def is_open(windows: Sequence[str], moment: datetime) -> bool:
    """Say whether a moment lies in one of the windows, or there are none. A window may go over midnight."""
    return not windows or any(_holds(window, moment.time()) for window in windows)


def _holds(window: str, now: time) -> bool:
    begin, end = (time.fromisoformat(part) for part in window.split("-"))
    return begin <= now < end if begin < end else now >= begin or now < end
