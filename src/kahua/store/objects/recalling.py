"""An object store that has what is missing brought back first."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from kahua.errors import NotFound
from kahua.store.objects.port import CHUNK_BYTES, NO_ENDS, Chunks, Ends, ObjectStore

Result = TypeVar("Result")


class RecallingStore:
    """An `ObjectStore` before another one: reading an object that is not there has it brought back.

    Whether an object exists, when it was stored and which there are is told of what is there now.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        #: Brings an object back, and says whether it could be; raises the reason if it should have been.
        self.recall: Callable[[str], bool] = lambda _: False

    def put(self, key: str, chunks: Chunks) -> int:
        """Keep the bytes, durably; return their number."""
        return self._objects.put(key, chunks)

    def put_file(self, key: str, path: Path) -> int:
        """Take a file over, durably; return its size."""
        return self._objects.put_file(key, path)

    def read(self, key: str, *, start: int = 0, length: int | None = None, between: Ends = NO_ENDS) -> bytes:
        """Give `length` bytes from `start`."""
        return self._recalled(key, lambda: self._objects.read(key, start=start, length=length, between=between))

    def stream(
        self, key: str, *, start: int = 0, length: int | None = None, chunk_bytes: int = CHUNK_BYTES
    ) -> Iterator[bytes]:
        """Give what `read` gives, piece by piece."""
        return self._recalled(
            key, lambda: self._objects.stream(key, start=start, length=length, chunk_bytes=chunk_bytes)
        )

    def size(self, key: str) -> int:
        """Count the bytes of an object."""
        return self._recalled(key, lambda: self._objects.size(key))

    def exists(self, key: str) -> bool:
        """Tell whether there is an object of this key now."""
        return self._objects.exists(key)

    def stored_at(self, key: str) -> datetime:
        """Tell when the object was put, for the first time or again."""
        return self._objects.stored_at(key)

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        self._objects.delete(key)

    def keys(self, folder: str | None = None) -> Iterator[str]:
        """List all keys that there are now, or those of one folder."""
        return self._objects.keys(folder)

    def path(self, key: str) -> Path | None:
        """Give a local file with the bytes, to be opened for reading only; None where there is none."""
        return self._recalled(key, lambda: self._objects.path(key))

    @contextmanager
    def local_file(self, key: str) -> Iterator[Path]:
        """Give a readable local file for the time of a `with` block."""
        with ExitStack() as stack:
            yield self._recalled(key, lambda: stack.enter_context(self._objects.local_file(key)))

    def left_over(self, *, older_than_seconds: float) -> int:
        """Count what writers that died left behind."""
        return self._objects.left_over(older_than_seconds=older_than_seconds)

    def clean(self, *, older_than_seconds: float) -> int:
        """Remove what writers that died left behind; return the number of files."""
        return self._objects.clean(older_than_seconds=older_than_seconds)

    def check(self) -> None:
        """See whether the store can be used."""
        self._objects.check()

    def _recalled(self, key: str, ask: Callable[[], Result]) -> Result:
        try:
            return ask()
        except NotFound:
            if not self.recall(key):
                raise
        return ask()
