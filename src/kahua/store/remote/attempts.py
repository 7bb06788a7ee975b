"""Trying again: when, how often, and when no more. For the items of pulls and deliveries alike."""

from datetime import datetime, timedelta
from typing import Final

from kahua.database import now
from kahua.errors import KahuaError, Unavailable
from kahua.store.remote.tables import ItemColumns
from kahua.store.text import cut

#: An item that fails for now is tried again after 10, 20, 40, … seconds, at most this many.
MAX_DELAY_SECONDS: Final = 3600

#: So often an item is tried: over some hours.
MAX_ATTEMPTS: Final = 12

GIVEN_UP: Final = "The site stopped over it again and again."


def begin(item: ItemColumns) -> bool:
    """Count an attempt before it is made, so that one over which the site dies is not made for ever."""
    item.attempts += 1
    if item.attempts > MAX_ATTEMPTS:
        _end(item, "failed", item.note or GIVEN_UP)
        return False
    return True


def succeed(item: ItemColumns, note: str = "") -> None:
    """Note that an item is done."""
    _end(item, "done", note)


def fail(item: ItemColumns, error: KahuaError) -> None:
    """Note that an attempt failed: only what may work later is tried again."""
    if isinstance(error, Unavailable) and item.attempts < MAX_ATTEMPTS:
        item.note, item.not_before = cut(str(error), 1000), next_try(item.attempts)
    else:
        _end(item, "failed", str(error))


def next_try(attempts: int) -> datetime:
    """Say when an item is tried again."""
    return now() + timedelta(seconds=min(5 * 2.0**attempts, MAX_DELAY_SECONDS))


def _end(item: ItemColumns, state: str, note: str) -> None:
    item.state, item.note, item.finished_at = state, cut(note, 1000), now()
