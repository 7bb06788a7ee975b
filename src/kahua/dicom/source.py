"""Bounded reading: a window over a file, and a deflated data set as a file."""

import zlib
from typing import BinaryIO, Protocol

from kahua.dicom.budget import Budget
from kahua.errors import UnreadableDicom

#: Bytes of the first look at an object; headers of classic slices fit in it.
FIRST_WINDOW = 16 * 1024
#: Bytes to which a window grows while a header turns out to be long.
LARGEST_WINDOW = 1024 * 1024
#: Bytes inflated at a time.
INFLATE_CHUNK = 256 * 1024
#: An object of fewer inflated bytes is no bomb, whatever its ratio: an empty slice deflates 1000 to 1.
SMALL = 64 * 1024 * 1024


class Readable(Protocol):
    """A file that can be read from any place; offsets count from its beginning."""

    def seek(self, offset: int, /) -> object:
        """Move to a place."""

    def read(self, count: int, /) -> bytes:
        """Read that many bytes, fewer only at the end."""


class Window:
    """The part of a data set that is in memory. Positions count from the start of the data set."""

    def __init__(self, file: Readable, *, offset: int, size: int, budget: Budget) -> None:
        self._file = file
        self._offset = offset
        self._bytes_left = budget.max_header_bytes
        self._next = FIRST_WINDOW
        #: Bytes of the data set.
        self.size = size
        #: Position of the first byte in memory.
        self.base = 0
        self.data = b""

    def move(self, position: int, count: int, *, ahead: bool = True) -> None:
        """Bring ``count`` bytes from a position on into memory, and some more if the reader goes on from there."""
        if position + count > self.size:
            raise UnreadableDicom(
                f"The object is truncated: {count} bytes are expected at byte {position}, "
                f"but the data set ends at byte {self.size}.",
                remedy="Send it again.",
            )
        wanted = min(max(count, self._next if ahead else 0), self.size - position)
        self._bytes_left -= wanted
        if self._bytes_left < 0:
            raise UnreadableDicom("The header is longer than this site reads.", remedy="Raise max_header_bytes.")
        if ahead:
            self._next = min(self._next * 4, LARGEST_WINDOW)
        self._file.seek(self._offset + position)
        self.data = self._file.read(wanted)
        self.base = position
        if len(self.data) < count:
            raise UnreadableDicom("The object ends before its announced size.", remedy="Send it again.")

    def value(self, start: int, length: int) -> bytes:
        """Return bytes of the data set."""
        at = start - self.base
        if at < 0 or at + length > len(self.data):
            self.move(start, length)
            at = 0
        return self.data[at : at + length]

    def read(self, start: int, length: int) -> bytes:
        """Return bytes of the data set that are no part of the header: neither kept nor counted as such."""
        self._file.seek(self._offset + start)
        data = self._file.read(length)
        if len(data) < length:
            raise UnreadableDicom("The object ends before its announced size.", remedy="Send it again.")
        return data


class InflatedFile:
    """A deflated data set read as if it were not; never holds more than a chunk of it.

    The size is counted before anything is parsed, so a bomb ends at the budget.
    """

    def __init__(self, file: BinaryIO, *, offset: int, size: int, budget: Budget) -> None:
        self._file = file
        self._start = offset
        self._size = size
        self._limit = min(budget.max_inflated_bytes, max(size * budget.max_inflation_ratio, SMALL))
        self._rewind()
        #: Bytes of the data set after inflation.
        self.size = self._count()
        self._rewind()

    def seek(self, position: int, /) -> None:
        """Move to a place; backwards means to inflate again from the start."""
        if position < self._position:
            self._rewind()
        while self._position < position and self._chunk:
            self._take(position - self._position)

    def read(self, count: int, /) -> bytes:
        """Read that many bytes, fewer only at the end."""
        parts = []
        while count > 0 and (part := self._take(count)):
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _rewind(self) -> None:
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._file.seek(self._start)
        self._left = self._size
        self._position = 0
        self._chunk = self._inflate()

    def _count(self) -> int:
        while self._chunk:
            self._take(len(self._chunk))
            if self._position > self._limit:
                raise UnreadableDicom(
                    "The deflated object grows beyond what this site inflates.", remedy="Send it uncompressed."
                )
        return self._position

    def _take(self, count: int) -> bytes:
        taken, self._chunk = self._chunk[:count], self._chunk[count:]
        self._position += len(taken)
        if not self._chunk:
            self._chunk = self._inflate()
        return taken

    def _inflate(self) -> bytes:
        chunk = b""
        while not chunk and not self._inflater.eof:
            compressed = self._inflater.unconsumed_tail or self._read_compressed()
            try:
                chunk = self._inflater.decompress(compressed, INFLATE_CHUNK)
            except zlib.error as error:
                raise UnreadableDicom("The deflated data set is damaged.", remedy="Send it again.") from error
            if not chunk and not compressed:
                raise UnreadableDicom("The deflated data set is truncated.", remedy="Send it again.")
        return chunk

    def _read_compressed(self) -> bytes:
        compressed = self._file.read(min(self._left, 64 * 1024))
        self._left -= len(compressed)
        return compressed


def open_data_set(file: BinaryIO, *, offset: int, size: int, deflated: bool, budget: Budget) -> Window:
    """Return a window over a data set, inflating it on the way if need be."""
    if not deflated:
        return Window(file, offset=offset, size=size, budget=budget)
    inflated = InflatedFile(file, offset=offset, size=size, budget=budget)
    return Window(inflated, offset=0, size=inflated.size, budget=budget)
