"""Where the data sets of an association that this site requested go."""

from pathlib import Path

from kahua.store.dicomweb.stow import PartFile
from kahua.store.ingest.limits import Limits


class MemorySink:
    """Keeps the last data set in memory: identifiers, whose length the reader of messages limits."""

    def __init__(self) -> None:
        self.received = 0
        self._pieces: list[bytearray] = []

    @property
    def data(self) -> bytes:
        """The data set."""
        return b"".join(self._pieces)

    def begin(self, prefix: bytes) -> None:  # noqa: ARG002 - the signature of `Sink`
        """Begin a data set, and forget the one before."""
        self._pieces = []
        self.received = 0

    def room(self, size: int) -> memoryview:
        """Give the place for the next fragment."""
        self.received += size
        self._pieces.append(bytearray(size))
        return memoryview(self._pieces[-1])


class FileSink:
    """Writes each data set into a file of its own, with File Meta Information before it."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.received = 0
        self._folder = folder
        self._limits = limits
        self._count = 0
        self._file: PartFile | None = None
        self._piece: bytearray | None = None

    def begin(self, prefix: bytes) -> None:
        """Begin a data set."""
        self.take()
        self._limits.check_space(self._folder)
        self._count += 1
        self._file = PartFile(self._folder / f"{self._count:06}", self._limits.max_object_bytes)
        self._file.write(prefix)
        self.received = 0

    def room(self, size: int) -> memoryview:
        """Give the place for the next fragment.

        Raises
        ------
        TooMuch
            The object is larger than an object may be.
        """
        self._write()
        self.received += size
        self._piece = bytearray(size)
        return memoryview(self._piece)

    def take(self) -> Path | None:
        """Give the file of the last data set, complete; None if there was none."""
        self._write()
        file, self._file = self._file, None
        if file is None:
            return None
        file.close()
        return file.path

    def _write(self) -> None:
        if self._file is not None and self._piece:
            self._file.write(memoryview(self._piece))
        self._piece = None
