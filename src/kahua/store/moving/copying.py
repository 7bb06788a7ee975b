"""Copying objects from one store into another, each compared with its key, never while objects are being deleted."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import chain

from kahua.database import Database, Hold
from kahua.errors import NotFound, StateConflict, Unavailable
from kahua.store.deletion.removal import OBJECTS_LOCK, discard
from kahua.store.objects import FOLDERS, ObjectStore
from kahua.store.verification import is_whole

#: Objects that are copied or removed at once.
PARALLEL = 4

#: For so long one turn goes on; between two, others may delete objects.
TURN_SECONDS = 0.5

#: Pause between two turns: who waits for the lock gets it.
PAUSE_SECONDS = 0.01


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What was done in one turn."""

    #: Folders of which everything is done now.
    folders: int
    objects: int
    size: int
    seconds: float


class Copier:
    """Copies objects, and removes those that are copied.

    Parameters
    ----------
    rate
        Bytes a second that it copies at most; None for no limit.
    """

    def __init__(self, *, database: Database, source: ObjectStore, target: ObjectStore, rate: float | None) -> None:
        self._database = database
        self._source = source
        self._target = target
        self._rate = rate
        #: Keys of objects that were not as they were stored, already at the old place.
        self.damaged = set[str]()
        self._pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="mover")

    def close(self) -> None:
        """End its threads."""
        self._pool.shutdown()

    def copy(self, folders: int) -> Iterator[Turn]:
        """Copy what the source has in all folders after so many, in turns."""
        return self._in_turns(self._copied, folders)

    def remove(self) -> Iterator[Turn]:
        """Remove what the source has, of which the target has everything, in turns."""
        return self._in_turns(self._removed, 0)

    def clean(self) -> None:
        """Remove from the source what writers that died left behind."""
        self._source.clean(older_than_seconds=0)

    def _in_turns(self, action: Callable[[str], int], folders: int) -> Iterator[Turn]:
        found = ((number, key) for number in range(folders, len(FOLDERS)) for key in self._source.keys(FOLDERS[number]))
        for first in found:
            turn = self._turn(action, chain([first], found))
            yield turn
            if self._rate is not None:
                time.sleep(max(0.0, turn.size / self._rate - turn.seconds))
            time.sleep(PAUSE_SECONDS)

    def _turn(self, action: Callable[[str], int], found: Iterator[tuple[int, str]]) -> Turn:
        """Deal with some objects while nobody deletes any; begin with none when the time of the turn is over."""
        begun = time.monotonic()
        number, sizes = 0, list[int]()
        under_way = dict[Future[int], str]()
        with self._database.hold(OBJECTS_LOCK) as hold:
            try:
                while True:
                    while len(under_way) < PARALLEL and (not sizes or time.monotonic() < begun + TURN_SECONDS):
                        if (next_one := next(found, None)) is None:
                            break
                        number, key = next_one
                        under_way[self._pool.submit(action, key)] = key
                    if not under_way:
                        break
                    done, _ = wait(under_way, return_when=FIRST_COMPLETED)
                    self._check(hold, [under_way.pop(each) for each in done])
                    sizes += [each.result() for each in done]
            finally:
                wait(under_way)  # none goes on after the lock
        return Turn(folders=number, objects=len(sizes), size=sum(sizes), seconds=time.monotonic() - begun)

    def _check(self, hold: Hold, keys: Sequence[str]) -> None:
        try:
            hold.check()
        except Unavailable:  # someone may have deleted one of them while it was copied: let it be looked at again
            with self._database.write() as session:
                discard(session, keys)
            raise

    def _copied(self, key: str) -> int:
        try:
            size = self._put(key)
        except NotFound:
            return 0  # it was deleted before this turn
        if not is_whole(self._target, key):
            self._compare(key)
        return size

    def _put(self, key: str) -> int:
        try:
            return self._target.put(key, self._source.stream(key))
        except StateConflict:  # there are other bytes of this key: one of the two is damaged
            if is_whole(self._target, key):
                self.damaged.add(key)
                return self._target.size(key)
            self._target.delete(key)
            return self._target.put(key, self._source.stream(key))

    def _compare(self, key: str) -> None:
        """See whether what is not as its key says was so before it was copied."""
        if _digest_of(self._target.stream(key)) != _digest_of(self._source.stream(key)):
            raise Unavailable(
                f"The object {key} is not the same at its new place; nothing was removed from the old one.",
                remedy="Look at the disks and the network of both places, and move again.",
            )
        self.damaged.add(key)

    def _removed(self, key: str) -> int:
        try:
            size = self._source.size(key)
        except NotFound:
            return 0
        if not self._has_arrived(key):
            self._copied(key)
        self._source.delete(key)
        return size

    def _has_arrived(self, key: str) -> bool:
        try:
            return is_whole(self._target, key)
        except NotFound:
            return False


def _digest_of(chunks: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.digest()
