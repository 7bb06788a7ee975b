"""What the event loop may do itself: only what waits for nothing.

A request of which everything is in memory is answered in less time than it takes to tell a thread of it. Within
`at_once`, whatever would wait - for a disk, a database, a process - raises `WouldWait` instead; then the request is
worked on in a thread, from its beginning. Whatever waits therefore says so first, by `may_wait`.
"""

import threading


class WouldWait(Exception):
    """It cannot be done at once."""


class Moment:
    """A block in which nothing may wait, and which is over so soon that what holds at its begin may hold in all of it.

    Every request has one: it is made of plain methods, which cost less than a generator.
    """

    def __enter__(self) -> None:
        _THREAD.moment = self

    def __exit__(self, *_: object) -> None:
        _THREAD.moment = None


class _Thread(threading.local):
    moment: Moment | None = None


_THREAD = _Thread()


def at_once() -> Moment:
    """Let nothing wait in this thread, until the end of the block; nothing in it may be awaited."""
    return Moment()


def moment() -> Moment | None:
    """Give the block in which nothing may wait that this thread is in, if it is in one."""
    return _THREAD.moment


def hurries() -> bool:
    """Whether nothing may wait in this thread at this moment."""
    return _THREAD.moment is not None


def may_wait() -> None:
    """Say that what comes next may take a while.

    Raises
    ------
    WouldWait
        Nothing may wait here.
    """
    if _THREAD.moment is not None:
        raise WouldWait
