"""Objects as files in a folder."""

import errno
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Literal

from kahua.errors import NotFound, OutOfSpace, StateConflict, Unavailable
from kahua.store.objects.names import FOLDERS, INCOMING, key_of, name_of
from kahua.store.objects.port import CHUNK_BYTES, NO_ENDS, Chunks, Ends, joined
from kahua.waiting import WouldWait, hurries, may_wait

#: Objects are for reading only, and not for others.
OBJECT_MODE = 0o440

#: Errors of the operating system that say that there is no room.
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

#: Most bytes that are read where nothing may wait; copying them takes less than a millisecond.
MAX_AT_ONCE = 2_000_000

Durability = Literal["full", "none"]


class _Page(threading.local):
    """Room to read into, which is used again and again: new memory costs more than the bytes in it."""

    @cached_property
    def room(self) -> memoryview:
        return memoryview(bytearray(MAX_AT_ONCE))


_PAGE = _Page()


class DirectoryStore:
    """Keeps each object as a read-only file, in one of 256 folders below `root`.

    An object is written under a temporary name, synced, and then linked to its final name, which is
    never written over. With `durability="none"` nothing is synced: a power cut may lose objects.
    """

    def __init__(self, root: Path, *, durability: Durability = "full") -> None:
        self.root = root.absolute()
        self._folder = str(self.root)
        self._sync = durability != "none"
        #: Whether the system gives what it has in memory without waiting for the disk; network drives do not.
        self._gives_at_once = hasattr(os, "RWF_NOWAIT")
        with self._clear_errors():
            self._make_folders()

    def put(self, key: str, chunks: Chunks) -> int:
        """Keep the bytes, durably; return their number."""
        target = self._place(key)
        with self._clear_errors(), self._temporary() as (handle, path):
            size = sum(_write_all(handle, chunk) for chunk in chunks)
            self._make_durable(handle)
            self._publish(path, target)
        return size

    def put_file(self, key: str, path: Path) -> int:
        """Take a file over, durably; return its size. The file is gone from its place afterwards."""
        target = self._place(key)
        with self._clear_errors():
            if path.stat().st_dev != self.root.stat().st_dev:
                size = self.put(key, _chunks_of(path))
            else:
                with path.open("r+b") as file:
                    os.fchmod(file.fileno(), OBJECT_MODE)
                    self._make_durable(file.fileno())
                    size = os.fstat(file.fileno()).st_size
                self._publish(path, target)
            path.unlink(missing_ok=True)
        return size

    def read(self, key: str, *, start: int = 0, length: int | None = None, between: Ends = NO_ENDS) -> bytes:
        """Give `length` bytes from `start`: fewer where the object ends before, all to its end without `length`."""
        if hurries():
            return self._read_at_once(key, start, length, between)
        with self._open(key) as file:
            file.seek(start)
            return joined(file.read(-1 if length is None else length), between)

    def stream(
        self, key: str, *, start: int = 0, length: int | None = None, chunk_bytes: int = CHUNK_BYTES
    ) -> Iterator[bytes]:
        """Give what `read` gives, piece by piece."""
        file = self._open(key)  # here, not in the generator: an unknown key is refused at the call
        pieces = _pieces(file, start, length, chunk_bytes)
        next(pieces)  # it has begun: closing it closes the file, even if nobody asked for a piece
        return pieces

    def size(self, key: str) -> int:
        """Count the bytes of an object."""
        return self._status(key).st_size

    def exists(self, key: str) -> bool:
        """Tell whether there is an object of this key."""
        may_wait()
        return self._place(key).exists()

    def stored_at(self, key: str) -> datetime:
        """Tell when the object was put, for the first time or again."""
        return datetime.fromtimestamp(self._status(key).st_mtime, UTC)

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        with self._clear_errors():
            self._place(key).unlink(missing_ok=True)

    def keys(self, folder: str | None = None) -> Iterator[str]:
        """List all keys, or those of one folder, in no order."""
        for name in FOLDERS if folder is None else (folder,):
            for file in (self.root / name).iterdir():
                yield key_of(file.name)

    def path(self, key: str) -> Path | None:
        """Give the file itself, to be opened for reading only."""
        self._status(key)
        return self._place(key)

    @contextmanager
    def local_file(self, key: str) -> Iterator[Path]:
        """Give the file itself for the time of a `with` block."""
        self._status(key)
        yield self._place(key)

    def left_over(self, *, older_than_seconds: float) -> int:
        """Count what writers that died left behind."""
        return sum(1 for _ in self._left_over(older_than_seconds))

    def clean(self, *, older_than_seconds: float) -> int:
        """Remove what writers that died left behind; return the number of files."""
        removed = 0
        for file in self._left_over(older_than_seconds):
            with suppress(FileNotFoundError):  # another process cleans at the same moment
                file.unlink()
                removed += 1
        return removed

    def check(self) -> None:
        """See whether the folder can be written.

        Raises
        ------
        Unavailable
            It cannot.
        """
        with self._clear_errors(), self._temporary():
            pass

    def _left_over(self, older_than_seconds: float) -> Iterator[Path]:
        limit = datetime.now(UTC).timestamp() - older_than_seconds
        for file in (self.root / INCOMING).iterdir():
            with suppress(FileNotFoundError):  # its writer has finished, or another process cleans
                if file.stat().st_mtime < limit:
                    yield file

    def _place(self, key: str) -> Path:
        return self.root / name_of(key)

    def _status(self, key: str) -> os.stat_result:
        may_wait()
        try:
            return self._place(key).stat()
        except FileNotFoundError as error:
            raise NotFound("There is no such object.") from error

    def _read_at_once(self, key: str, start: int, length: int | None, ends: Ends) -> bytes:
        """Read what the operating system has in memory, and nothing else."""
        if not self._gives_at_once:
            may_wait()
        try:
            handle = os.open(f"{self._folder}/{name_of(key)}", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise NotFound("There is no such object.") from error
        try:
            left = max(os.fstat(handle).st_size - start, 0)
            return joined(self._given(handle, start, left if length is None else min(length, left)), ends)
        finally:
            os.close(handle)

    def _given(self, handle: int, start: int, count: int) -> memoryview:
        """Give bytes that are in memory; they stay until this thread reads the next."""
        if count <= MAX_AT_ONCE:
            content = _PAGE.room[:count]
            try:
                if os.preadv(handle, [content], start, os.RWF_NOWAIT) == count:
                    return content
            except BlockingIOError:
                pass  # nothing of it is in memory
            except OSError as error:
                if error.errno != errno.EOPNOTSUPP:
                    raise
                self._gives_at_once = False
        raise WouldWait

    def _open(self, key: str) -> BinaryIO:
        may_wait()
        try:
            return self._place(key).open("rb")
        except FileNotFoundError as error:
            raise NotFound("There is no such object.") from error

    @contextmanager
    def _temporary(self) -> Iterator[tuple[int, Path]]:
        path = self.root / INCOMING / secrets.token_hex(16)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OBJECT_MODE)
        try:
            yield handle, path
        finally:
            os.close(handle)
            path.unlink(missing_ok=True)

    def _make_durable(self, handle: int) -> None:
        if self._sync:
            os.fsync(handle)

    def _publish(self, path: Path, target: Path) -> None:
        """Give a synced file its final name, unless that is taken."""
        while not self._link(path, target):
            pass  # what stood there was deleted between two looks: the name is free now
        # Also for an object that was there: whoever linked it may not have come to sync the folder yet.
        self._sync_folder(target.parent)

    def _link(self, path: Path, target: Path) -> bool:
        try:
            target.hardlink_to(path)
        except FileExistsError:
            with suppress(FileNotFoundError):
                if not _same_bytes(path, target):
                    raise StateConflict("There is another object of the same key.") from None
                os.utime(target)
                return True
            return False
        return True

    def _make_folders(self) -> None:
        """Make all folders at once, so that a put need not look."""
        names = [INCOMING, *FOLDERS]
        if (self.root / names[-1]).is_dir():
            return
        self.root.mkdir(parents=True, exist_ok=True)
        for name in names:
            (self.root / name).mkdir(exist_ok=True)
        self._sync_folder(self.root)

    def _sync_folder(self, folder: Path) -> None:
        if not self._sync:
            return
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        """Say in a sentence what the operating system says as a number."""
        may_wait()
        try:
            yield
        except OSError as error:
            if error.errno in NO_ROOM:
                raise OutOfSpace("The disk of the object store is full; nothing was kept.") from error
            raise Unavailable(f"The object store cannot be written: {error.strerror or error}.") from error


def _write_all(handle: int, chunk: bytes | bytearray | memoryview) -> int:
    view = memoryview(chunk).cast("B")
    written = 0
    while written < len(view):
        written += os.write(handle, view[written:])  # it may take less than it was given
    return written


def _chunks_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _pieces(file: BinaryIO, start: int, length: int | None, chunk_bytes: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        yield b""
        left = length
        while left is None or left > 0:
            piece = file.read(chunk_bytes if left is None else min(chunk_bytes, left))
            if not piece:
                return
            left = None if left is None else left - len(piece)
            yield piece


def _same_bytes(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while chunk := first.read(CHUNK_BYTES):
            if chunk != second.read(len(chunk)):
                return False
    return True
