"""Turns: who asks for what takes memory waits while too many others are at it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from kahua.errors import ResourceBusy


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How many have their turn, and wait for it."""

    at_once: int
    at_once_of_one: int
    #: Requests of one person that have their turn or wait; further ones are refused at once.
    standing_of_one: int
    #: Seconds after which who waits is told to come again.
    patience: float


@dataclass
class Turns:
    """Lets some requests go on at once, and of one person not as many as would keep all others out.

    For one event loop: a process of the site has its own.
    """

    bounds: Bounds
    _standing: Counter[str] = field(default_factory=Counter)
    _own: dict[str, asyncio.Semaphore] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._all = asyncio.Semaphore(self.bounds.at_once)

    @asynccontextmanager
    async def take(self, name: str) -> AsyncIterator[None]:
        """Wait for a turn of somebody, and have it for the time of a `with` block.

        Raises
        ------
        ResourceBusy
            It did not come in time, or too many of the same person wait already.
        """
        if self._standing[name] >= self.bounds.standing_of_one:
            raise _busy()
        self._standing[name] += 1
        own = self._own.setdefault(name, asyncio.Semaphore(self.bounds.at_once_of_one))
        try:
            async with self._place(own), self._place(self._all):
                yield
        finally:
            self._standing[name] -= 1
            if not self._standing[name]:
                del self._standing[name], self._own[name]

    @asynccontextmanager
    async def _place(self, places: asyncio.Semaphore) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self.bounds.patience):
                await places.acquire()
        except TimeoutError:
            raise _busy() from None
        try:
            yield
        finally:
            places.release()


def _busy() -> ResourceBusy:
    return ResourceBusy("Too much is sent to this site at once.", remedy="Send it again a little later.")
