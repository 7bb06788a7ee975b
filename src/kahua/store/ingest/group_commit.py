"""One transaction for everything that waits."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from kahua.errors import Unavailable

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Most items of one transaction, so that no one waits long for the company.
MAX_GROUP = 64


@dataclass(eq=False)
class _Waiting(Generic[Item, Result]):
    """An item, and what became of it."""

    item: Item
    outcome: Result | Exception | None = None
    settled: bool = False

    def settle(self, outcome: Result | Exception) -> None:
        self.outcome = outcome
        self.settled = True


class GroupCommit(Generic[Item, Result]):
    """Hands waiting items to `commit`, many at once when many wait, and at once when only one does.

    Whose turn it is commits for all who wait behind, in its own thread: a change of threads costs more
    than most transactions. `commit` gives one result for each item, or raises. When it raises for several
    items, each is tried again alone, so that an item which cannot be committed fails alone.
    """

    def __init__(self, commit: Callable[[Sequence[Item]], Sequence[Result]], *, max_group: int = MAX_GROUP) -> None:
        self._commit = commit
        self._max_group = max_group
        self._waiting: deque[_Waiting[Item, Result]] = deque()
        self._changed = threading.Condition()
        self._busy = False

    def submit(self, items: Sequence[Item]) -> list[Result | Exception]:
        """Commit the items, together with others where possible; give for each its result, or why it failed."""
        mine: list[_Waiting[Item, Result]] = [_Waiting(item) for item in items]
        self._waiting.extend(mine)
        while self._take_turn(mine):
            group = self._take_group()
            try:
                self._settle(group)
            finally:
                self._end_turn(group)
        return [each.outcome for each in mine if each.outcome is not None]

    def _take_turn(self, mine: Sequence[_Waiting[Item, Result]]) -> bool:
        """Wait until it is this thread's turn; false if others have settled its items meanwhile."""
        with self._changed:
            while any(not each.settled for each in mine):
                if not self._busy:
                    self._busy = True
                    return True
                self._changed.wait()
        return False

    def _take_group(self) -> list[_Waiting[Item, Result]]:
        """Take what waits, in order of arrival."""
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), self._max_group))]

    def _end_turn(self, group: Sequence[_Waiting[Item, Result]]) -> None:
        with self._changed:
            for each in group:
                if not each.settled:  # this thread was interrupted: the others must not wait for ever
                    each.settle(Unavailable("The site shuts down; try again."))
            self._busy = False
            self._changed.notify_all()

    def _settle(self, group: list[_Waiting[Item, Result]]) -> None:
        try:
            results = self._commit([each.item for each in group])
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to whoever waits for the result
            if len(group) == 1:
                group[0].settle(error)
                return
            for each in group:
                self._settle([each])
            return
        for each, result in zip(group, results, strict=True):
            each.settle(result)
