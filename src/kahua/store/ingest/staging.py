"""Bytes on their way in: in memory, or in a file of the staging folder."""

import errno
import io
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Protocol

from kahua.errors import OutOfSpace, Unavailable

CHUNK_BYTES = 1 << 20

#: A file that no one has written to for this long belongs to a process that died, in seconds.
STALE_SECONDS = 3600


#: Errors of the operating system that say that there is no room.
NO_ROOM = {errno.ENOSPC, errno.EDQUOT}

#: Errors that say that a disk fails, or that the system lets nobody write on it any more for that.
FAILED = {errno.EIO, errno.EROFS}


@contextmanager
def saying_full_disk() -> Iterator[None]:
    """Say in a sentence that the disk is full or fails, around what writes into staging.

    Raises
    ------
    OutOfSpace
        It is full.
    Unavailable
        It fails, or has become read-only.
    """
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise OutOfSpace(
                "The disk is full; nothing more was accepted.", remedy="Free space, then send it again."
            ) from error
        if error.errno in FAILED:
            raise Unavailable(
                f"The disk cannot be used: {error.strerror}.", remedy="`kahua doctor` says more."
            ) from error
        raise


class StagedData(Protocol):
    """A data set that waits to be stored; its bytes can be read any number of times."""

    @property
    def size(self) -> int:
        """Count its bytes."""

    @property
    def offset(self) -> int:
        """Byte of the opened file at which it begins."""

    def after(self, count: int) -> "StagedData":
        """Give what follows its first bytes."""

    def chunks(self) -> Iterator[bytes | memoryview]:
        """Give its bytes in order."""

    def open(self) -> BinaryIO:
        """Open a file in which it lies from `offset` to the end."""

    def ready_file(self, prefix: bytes) -> Path | None:
        """Give a file that may be taken over, if there is one that holds exactly `prefix` and the data set."""


@dataclass(frozen=True)
class MemoryData:
    """A data set in memory. The memory must not change until it is stored."""

    view: memoryview
    offset: int = 0

    @property
    def size(self) -> int:
        """Count its bytes."""
        return len(self.view)

    def after(self, count: int) -> "MemoryData":
        """Give what follows its first bytes, in the same memory."""
        return MemoryData(self.view[count:])

    def chunks(self) -> Iterator[memoryview]:
        """Give its bytes as they lie in memory."""
        yield self.view

    def open(self) -> BinaryIO:
        """Open the memory as a file, without a copy."""
        return io.BufferedReader(_MemoryFile(self.view), buffer_size=8192)

    def ready_file(self, prefix: bytes) -> Path | None:  # noqa: ARG002 - there never is one
        """There is no file."""
        return None


@dataclass(frozen=True)
class FileData:
    """A data set in a file, from `offset` to the end."""

    path: Path
    offset: int
    #: The file is in the staging folder and may be moved away.
    movable: bool = False

    @property
    def size(self) -> int:
        """Count its bytes."""
        return self.path.stat().st_size - self.offset

    def after(self, count: int) -> "FileData":
        """Give what follows its first bytes, in the same file."""
        return replace(self, offset=self.offset + count)

    def chunks(self) -> Iterator[bytes]:
        """Read its bytes."""
        with self.open() as file:
            file.seek(self.offset)
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def open(self) -> BinaryIO:
        """Open the file."""
        return self.path.open("rb")

    def ready_file(self, prefix: bytes) -> Path | None:
        """Give the file, if it may be moved and begins with `prefix`."""
        if not self.movable or self.offset != len(prefix):
            return None
        with self.open() as file:
            return self.path if file.read(self.offset) == prefix else None


class Staging:
    """A folder for files that are still being received. It is on the disk of the object store, where there is one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise Unavailable(f"The staging folder cannot be made: {error.strerror}.") from error
        self._remove_stale()

    def new_file(self) -> tuple[BinaryIO, Path]:
        """Make a file with a random name, open for writing; the caller removes it."""
        handle, name = tempfile.mkstemp(dir=self.folder)
        return open(handle, "wb", buffering=0), Path(name)  # noqa: PTH123 - a handle, and the caller closes it

    def _remove_stale(self) -> None:
        """Remove what processes that died have left, files and folders; what is in use is younger."""
        limit = time.time() - STALE_SECONDS
        for path in self.folder.iterdir():
            with suppress(FileNotFoundError):  # moved or removed by another process meanwhile
                if _last_change(path) < limit:
                    _remove(path)


def _last_change(path: Path) -> float:
    """Time at which a file, or anything within a folder, was written last."""
    inside: Iterable[Path] = path.rglob("*") if path.is_dir() and not path.is_symlink() else ()
    return max(each.lstat().st_mtime for each in (path, *inside))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


class _MemoryFile(io.RawIOBase):
    """A read-only file over memory."""

    def __init__(self, view: memoryview) -> None:
        self._view = view
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, target: bytearray | memoryview) -> int:  # type: ignore[override]
        piece = self._view[self._position : self._position + len(target)]
        target[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self._view)}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position
