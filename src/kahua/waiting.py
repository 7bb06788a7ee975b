"""What the event loop may do itself: only what waits for nothing.

A request of which everything is in memory is answered in less time than it takes to tell a thread of it. Within
`at_once`, whatever would wait - for a disk, a database, a process - raises `WouldWait` instead; then the request is
worked on in a thread, from its beginning. Whatever waits therefore says so first, by `may_wait`.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class WouldWait(Exception):
    """It cannot be done at once."""


class _Thread(threading.local):
    hurries = False


_THREAD = _Thread()


@contextmanager
def at_once() -> Iterator[None]:
    """Let nothing wait in this thread, until the end of the block; nothing in it may be awaited."""
    _THREAD.hurries = True
    try:
        yield
    finally:
        _THREAD.hurries = False


def hurries() -> bool:
    """Whether nothing may wait in this thread at this moment."""
    return _THREAD.hurries


def may_wait() -> None:
    """Say that what comes next may take a while.

    Raises
    ------
    WouldWait
        Nothing may wait here.
    """
    if _THREAD.hurries:
        raise WouldWait
