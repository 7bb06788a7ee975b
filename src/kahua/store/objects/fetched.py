"""Local copies of objects that lie elsewhere: each for the time of a block, together within a limit."""

import errno
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kahua.errors import OutOfSpace, ResourceBusy, Unavailable

#: How long a copy waits for others to go.
WAIT_SECONDS = 60.0


class FetchedFiles:
    """Makes local copies in a folder, never more than `most_bytes` of them at once; a larger one is alone."""

    def __init__(self, folder: Path, *, most_bytes: int) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._used = 0
        self._changed = threading.Condition()

    @contextmanager
    def file(self, size: int, chunks: Iterable[bytes]) -> Iterator[Path]:
        """Write a file and give it for the time of the block.

        Raises
        ------
        ResourceBusy
            Others need the room for long.
        OutOfSpace
            The disk is full.
        """
        with self._room(size), tempfile.NamedTemporaryFile(dir=self._made(), prefix="fetched-") as file:
            try:
                file.writelines(chunks)
                file.flush()
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise OutOfSpace("The disk is full; the object could not be fetched.") from error
                raise Unavailable(f"The object could not be fetched: {error.strerror or error}.") from error
            yield Path(file.name)

    def _made(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._folder

    @contextmanager
    def _room(self, size: int) -> Iterator[None]:
        with self._changed:
            fits = self._changed.wait_for(
                lambda: not self._used or self._used + size <= self._most_bytes, timeout=WAIT_SECONDS
            )
            if not fits:
                raise ResourceBusy("Too many objects are being fetched at this moment.")
            self._used += size
        try:
            yield
        finally:
            with self._changed:
                self._used -= size
                self._changed.notify_all()
