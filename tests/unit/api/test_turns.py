"""Some requests have their turn at once, others wait, and nobody takes all turns."""

import asyncio
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

import pytest

from kahua.api.turns import Bounds, Turns
from kahua.errors import ResourceBusy

Result = TypeVar("Result")

BOUNDS = Bounds(at_once=3, at_once_of_one=2, standing_of_one=4, patience=30.0)


class Crowd:
    """People who take turns and keep them until they are told to leave."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._tasks: list[asyncio.Task[None]] = []
        #: Who has a turn, in the order in which it came.
        self.inside: list[str] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def come(self, *names: str) -> None:
        """Let people come, and see who gets in."""
        self._tasks += [asyncio.ensure_future(self._stay(name)) for name in names]
        await settle()

    async def leave(self, name: str) -> None:
        """Let the first of a name that has a turn go."""
        place = self.inside.index(name)
        self._tasks.pop([task.get_name() for task in self._tasks].index(name)).cancel()
        del self.inside[place]
        await settle()

    async def _stay(self, name: str) -> None:
        task = asyncio.current_task()
        async with self._turns.take(name):
            assert task is not None
            task.set_name(name)
            self.inside.append(name)
            await asyncio.Event().wait()


def play(scene: Coroutine[None, None, Result]) -> Result:
    """Play a scene in a thread of its own: the tests of the browser leave a loop that runs in theirs."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, scene).result()


async def settle() -> None:
    """Let everybody do what can be done now."""
    for _ in range(20):
        await asyncio.sleep(0)


async def refused_at_once(turns: Turns, name: str) -> bool:
    """Tell whether somebody is refused without having waited."""
    asking = asyncio.ensure_future(refused(turns, name))
    await settle()
    return not asking.cancel() and asking.result()


async def refused(turns: Turns, name: str) -> bool:
    """Tell whether somebody is refused."""
    try:
        async with turns.take(name):
            return False
    except ResourceBusy:
        return True


def test_one_person_leaves_turns_to_others() -> None:
    async def scene() -> Sequence[str]:
        async with Crowd(Turns(BOUNDS)) as crowd:
            await crowd.come("a", "a", "a", "b")
            return crowd.inside

    assert play(scene()) == ["a", "a", "b"]


def test_who_waits_gets_the_turn_of_who_leaves() -> None:
    async def scene() -> Sequence[str]:
        async with Crowd(Turns(BOUNDS)) as crowd:
            await crowd.come("a", "b", "b", "c")
            await crowd.leave("a")
            return crowd.inside

    assert play(scene()) == ["b", "b", "c"]


def test_who_waits_too_long_is_told_to_come_again() -> None:
    async def scene() -> bool:
        turns = Turns(Bounds(at_once=1, at_once_of_one=1, standing_of_one=4, patience=0.01))
        async with turns.take("a"):
            return await refused(turns, "b")

    assert play(scene())


def test_no_endless_line_of_one_person_waits() -> None:
    async def scene() -> tuple[bool, bool]:
        turns = Turns(BOUNDS)
        async with Crowd(turns) as crowd:
            await crowd.come("a", "a", "a", "a")
            return await refused_at_once(turns, "a"), await refused(turns, "b")

    assert play(scene()) == (True, False)


@pytest.mark.parametrize("fails", [False, True])
def test_turns_come_back_whatever_happens(*, fails: bool) -> None:
    async def turn(turns: Turns) -> None:
        async with turns.take("a"):
            if fails:
                raise ValueError

    async def scene() -> None:
        turns = Turns(BOUNDS)
        await asyncio.gather(*(turn(turns) for _ in range(4)), return_exceptions=True)
        async with Crowd(turns) as crowd:
            await crowd.come("a", "a", "b")
            assert crowd.inside == ["a", "a", "b"]

    play(scene())
