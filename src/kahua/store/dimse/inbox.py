"""The data set that an association receives: in memory, and in a file once it is large."""

from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from kahua.errors import KahuaError, OutOfSpace, Unavailable
from kahua.store.ingest.archive import Archive
from kahua.store.ingest.staging import FileData, MemoryData, StagedData
from kahua.store.objects.directory import NO_ROOM

#: Memory of an association for what it receives; an object that is larger goes on in a file.
MEMORY_BYTES = 4_000_000


class Inbox:
    """Takes the fragments of one data set after the other.

    A data set that cannot be kept, because it is over a limit or the disk is full, is read to its end
    all the same and thrown away: its sender then gets an answer, not a broken connection.
    """

    def __init__(self, archive: Archive, *, memory_bytes: int = MEMORY_BYTES) -> None:
        self._archive = archive
        self._memory_bytes = memory_bytes
        self._buffer: memoryview | None = None
        self._prefix = b""
        self._used = 0
        self._file: BinaryIO | None = None
        self._path: Path | None = None
        #: Bytes of the data set so far, kept or not.
        self.received = 0
        #: Why the data set is not kept.
        self.refusal: KahuaError | None = None

    def begin(self, prefix: bytes) -> None:
        """Begin a data set; `prefix` is what stands before it in a file."""
        self.discard()
        self._prefix = prefix

    def room(self, size: int) -> memoryview:
        """Give the place for the next fragment; it must be filled before anything else is asked."""
        if self._buffer is None:  # not before it is needed: most associations of an idle site only say hello
            self._buffer = memoryview(bytearray(self._memory_bytes))
        self.received += size
        if self._used + size > self._memory_bytes:
            self._make_room()
        place = self._buffer[self._used : self._used + size]
        self._used += size
        return place

    def finish(self) -> StagedData:
        """Give the whole data set; it stays until `discard` or the next `begin`.

        Raises
        ------
        KahuaError
            It could not be kept.
        """
        if self._file is not None and self.refusal is None:
            self._spill()
        if self.refusal is not None:
            raise self.refusal
        if self._file is None or self._path is None:
            return MemoryData((self._buffer or memoryview(b""))[: self._used])
        self._file.close()
        return FileData(self._path, len(self._prefix), movable=True)

    def discard(self) -> None:
        """Forget the data set, and remove its file if no one took it over."""
        if self._file is not None:
            self._file.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        self._file = self._path = self.refusal = None
        self._used = self.received = 0

    def _make_room(self) -> None:
        if self.refusal is None:
            try:
                self._archive.limits.check_size(self.received)
                self._archive.limits.check_space(self._archive.staging.folder, self._used)
            except KahuaError as error:
                self._refuse(error)
            else:
                self._spill()
        self._used = 0

    def _spill(self) -> None:
        """Write what is in memory to the file."""
        try:
            if self._file is None:
                self._file, self._path = self._archive.staging.new_file()
                self._write(memoryview(self._prefix))
            if self._buffer is not None:
                self._write(self._buffer[: self._used])
        except OSError as error:
            if error.errno in NO_ROOM:
                self._refuse(OutOfSpace("The disk is full; nothing was accepted."))
            else:
                self._refuse(Unavailable(f"The staging folder cannot be written: {error.strerror}."))
        self._used = 0

    def _write(self, view: memoryview) -> None:
        while view and self._file is not None:
            view = view[self._file.write(view) :]

    def _refuse(self, error: KahuaError) -> None:
        self.refusal = error
        if self._file is not None:
            with suppress(OSError):  # closing a file on a full disk may fail again: the reason is known already
                self._file.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        self._path = None
