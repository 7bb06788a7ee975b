"""Two object stores as one, while objects are copied from the one into the other."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from kahua.errors import NotFound
from kahua.store.objects.port import CHUNK_BYTES, NO_ENDS, Chunks, Ends, ObjectStore

T = TypeVar("T")


class PairedStores:
    """Writes into one of two stores, reads from whichever has the object, and deletes from both.

    There are no files that would stay (`path`): an object may leave its store at any moment.
    """

    def __init__(self, *, into: ObjectStore, beside: ObjectStore, first: ObjectStore) -> None:
        self._into = into
        self._beside = beside
        #: It is asked once more after the other: the object may have come there between the two questions.
        self._order = (first, beside if first is into else into, first)

    def put(self, key: str, chunks: Chunks) -> int:
        """Keep the bytes, durably; return their number."""
        self._bring(key)
        return self._into.put(key, chunks)

    def put_file(self, key: str, path: Path) -> int:
        """Take a file over, durably; return its size. The file is gone from its place afterwards."""
        self._bring(key)
        return self._into.put_file(key, path)

    def read(self, key: str, *, start: int = 0, length: int | None = None, between: Ends = NO_ENDS) -> bytes:
        """Give `length` bytes from `start`: fewer where the object ends before, all to its end without `length`."""
        return self._ask(lambda store: store.read(key, start=start, length=length, between=between))

    def stream(
        self, key: str, *, start: int = 0, length: int | None = None, chunk_bytes: int = CHUNK_BYTES
    ) -> Iterator[bytes]:
        """Give what `read` gives, piece by piece."""
        return self._ask(lambda store: store.stream(key, start=start, length=length, chunk_bytes=chunk_bytes))

    def size(self, key: str) -> int:
        """Count the bytes of an object."""
        return self._ask(lambda store: store.size(key))

    def exists(self, key: str) -> bool:
        """Tell whether there is an object of this key."""
        return any(store.exists(key) for store in self._order)

    def stored_at(self, key: str) -> datetime:
        """Tell when the object was put."""
        return self._ask(lambda store: store.stored_at(key))

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        self._into.delete(key)
        self._beside.delete(key)

    def keys(self, folder: str | None = None) -> Iterator[str]:
        """List all keys, or those of one folder, in no order."""
        yield from self._into.keys(folder)
        for key in self._beside.keys(folder):
            if not self._into.exists(key):
                yield key

    def path(self, key: str) -> Path | None:
        """There is no file that would stay."""
        self.size(key)
        return None

    @contextmanager
    def local_file(self, key: str) -> Iterator[Path]:
        """Give a readable local file for the time of a `with` block."""
        holder = next((store for store in self._order if store.exists(key)), self._into)
        with holder.local_file(key) as path:
            yield path

    def left_over(self, *, older_than_seconds: float) -> int:
        """Count what writers that died left behind."""
        return sum(store.left_over(older_than_seconds=older_than_seconds) for store in (self._into, self._beside))

    def clean(self, *, older_than_seconds: float) -> int:
        """Remove what writers that died left behind; return the number of files."""
        return sum(store.clean(older_than_seconds=older_than_seconds) for store in (self._into, self._beside))

    def check(self) -> None:
        """See whether both stores can be used.

        Raises
        ------
        MisconfiguredSite
            Not before someone corrects a setting.
        Unavailable
            Not at this moment.
        """
        self._into.check()
        self._beside.check()

    def _ask(self, question: Callable[[ObjectStore], T]) -> T:
        for store in self._order:
            with suppress(NotFound):
                return question(store)
        raise NotFound("There is no such object.")

    def _bring(self, key: str) -> None:
        """Let the store that is written have the object of a key, so that it refuses other bytes."""
        if self._beside.exists(key) and not self._into.exists(key):
            with suppress(NotFound):  # it was deleted at this moment
                self._into.put(key, self._beside.stream(key))
