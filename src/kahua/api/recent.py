"""Answers that were made a moment ago and would be made the same again."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from kahua.waiting import may_wait

#: Bytes of all answers that are kept.
MAX_BYTES = 64_000_000


class RecentAnswers:
    """Keeps the answers asked for last, up to a number of bytes.

    A key must name everything of which its answer is made, so that nothing here is ever out of date. Whether
    somebody may have an answer is asked before, each time.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max = max_bytes
        self._size = 0
        self._lock = threading.Lock()
        self._answers: OrderedDict[Hashable, bytes] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """Give the answer of a key; make it if it is not here."""
        with self._lock:
            if (answer := self._answers.get(key)) is not None:
                self._answers.move_to_end(key)
                return answer
        may_wait()
        answer = make()
        self._keep(key, answer)
        return answer

    def _keep(self, key: Hashable, answer: bytes) -> None:
        if len(answer) > self._max // 4:
            return  # it would push out everything else
        with self._lock:
            if key in self._answers:
                return
            self._answers[key] = answer
            self._size += len(answer)
            while self._size > self._max:
                _, oldest = self._answers.popitem(last=False)
                self._size -= len(oldest)
