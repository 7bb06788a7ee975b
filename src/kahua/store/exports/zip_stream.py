"""A ZIP archive written as a stream: nothing is sought, nothing is kept but the list of its entries."""

from collections.abc import Iterable, Iterator
from zipfile import ZIP_DEFLATED, ZipFile

#: Sizes from which an entry needs the longer form (ZIP64).
LONG_ENTRY = 1 << 31


class ZipStream:
    """Makes the bytes of an archive, of any size.

    Entries are "deflated" without compression: in a stream their lengths follow them, and only for
    deflated entries every reader finds the end. Images are compressed already, or too many to compress.
    """

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = ZipFile(self._sink, "w", ZIP_DEFLATED, compresslevel=0)

    def add(self, name: str, content: Iterable[bytes], *, size: int | None = None) -> Iterator[bytes]:
        """Give the bytes of an entry; where its size is not known it may be anything."""
        long = size is None or size >= LONG_ENTRY
        with self._zip.open(name, "w", force_zip64=long) as entry:
            for piece in content:
                entry.write(piece)
                yield from self._sink.taken()
        yield from self._sink.taken()

    def finish(self) -> Iterator[bytes]:
        """Give the list of entries, with which the archive ends; without it no reader takes it for whole."""
        self._zip.close()
        yield from self._sink.taken()


class _Sink:
    """A file that can only be written to, and is emptied in between."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes | memoryview, /) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """There is nothing behind it."""

    def close(self) -> None:
        """There is nothing behind it."""

    def taken(self) -> Iterator[bytes]:
        pieces, self._pieces = self._pieces, []
        if pieces:
            yield b"".join(pieces)
