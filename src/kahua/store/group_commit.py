"""One transaction for everything that waits, by one thread a process."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Most items of one transaction, so that no one waits long for the company.
MAX_GROUP = 64


class GroupCommit(Generic[Item, Result]):
    """Hands waiting items to `commit`, many at once when many wait, and at once when only one does.

    `commit` gives one result for each item, or raises. When it raises for several items, each is
    tried again alone, so that an item which cannot be committed fails alone.
    """

    def __init__(self, commit: Callable[[Sequence[Item]], Sequence[Result]], *, max_group: int = MAX_GROUP) -> None:
        self._commit = commit
        self._max_group = max_group
        self._waiting: queue.SimpleQueue[list[tuple[Item, Future[Result]]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, items: Sequence[Item]) -> list[Future[Result]]:
        """Let the items be committed, together where possible; their results come later."""
        pairs: list[tuple[Item, Future[Result]]] = [(item, Future()) for item in items]
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
                self._thread.start()
            for start in range(0, len(pairs), self._max_group):
                self._waiting.put(pairs[start : start + self._max_group])
        return [future for _, future in pairs]

    def close(self) -> None:
        """Commit what waits, and end the thread; it starts again when something is submitted."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._waiting.put(None)
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while (group := self._waiting.get()) is not None:
            ended = False
            while not ended and len(group) < self._max_group and not self._waiting.empty():
                more = self._waiting.get()
                ended = more is None
                group = group + (more or [])
            self._settle(group)
            if ended:
                return

    def _settle(self, group: list[tuple[Item, Future[Result]]]) -> None:
        try:
            results = self._commit([item for item, _ in group])
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to whoever waits for the result
            if len(group) == 1:
                group[0][1].set_exception(error)
                return
            for pair in group:
                self._settle([pair])
            return
        for (_, future), result in zip(group, results, strict=True):
            future.set_result(result)
