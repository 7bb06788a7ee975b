"""Unpack archives that strangers sent: the only place of Kahua that does.

An archive is judged as a whole by its directory before anything is written: links, devices, absolute
and parent paths, names that occur twice, forged or excessive sizes and counts. While it is unpacked,
every byte is counted again, because a directory may lie. The directory itself has a size before it is read.
"""

import io
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kahua.errors import InvalidInput, TooMuch
from kahua.settings import Settings
from kahua.store.ingest.staging import saying_full_disk

#: Bytes read at once.
CHUNK_BYTES = 1 << 20

#: Most that one entry may grow beyond its compressed size. Images of air compress well: this is generous.
MAX_RATIO = 200

#: Entries smaller than this are not judged by their ratio.
RATIO_FREE_BYTES = 10_000_000

#: Deepest folder of an entry.
MAX_DEPTH = 32

#: Longest name of an entry, in characters.
MAX_NAME_LENGTH = 1000

#: Most bytes of the directory for each entry that may be there.
DIRECTORY_ENTRY_BYTES = 500

#: How entries may be packed: of the other ways, the library unpacks any amount at once.
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

_ENCRYPTED = 0x1

#: How each entry of a directory begins.
_ENTRY = b"PK\x01\x02"


@dataclass(frozen=True, kw_only=True)
class ArchiveLimits:
    """What an archive may hold."""

    entries: int
    #: Bytes of all entries together, unpacked.
    total_bytes: int
    #: Bytes of one entry, unpacked.
    entry_bytes: int

    @classmethod
    def from_settings(cls, settings: Settings) -> "ArchiveLimits":
        """Take the limits that a site sets."""
        return cls(
            entries=settings.max_archive_entries,
            total_bytes=settings.max_archive_bytes,
            entry_bytes=settings.max_object_bytes,
        )


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file that was unpacked."""

    #: Name in the archive: hostile text, for showing only.
    name: str
    #: Where its bytes are; the file's name is a number.
    path: Path


def is_zip(path: Path) -> bool:
    """Whether a file begins as a zip archive does."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


class _ArchiveFile(io.BufferedReader):
    """The file of an archive, of which no more is read at once, and from no other place, than makes sense.

    The library reads the whole directory at once, as large as the archive says that it is, and keeps an object for
    each entry, before anybody can count them.
    """

    def __init__(self, path: Path, max_entries: int) -> None:
        super().__init__(io.FileIO(path))
        self._max = max_entries

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        try:
            return super().seek(offset, whence)
        except (OSError, ValueError) as error:
            raise zipfile.BadZipFile("it names a place outside of itself") from error

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size <= CHUNK_BYTES:  # no entry is read in larger pieces
            return super().read(size)
        if size > self._max * DIRECTORY_ENTRY_BYTES:
            raise TooMuch(f"The directory of the archive has {size} bytes; {self._max} entries are allowed.")
        directory = super().read(size)
        if directory.count(_ENTRY) > self._max:
            raise TooMuch(f"The archive holds more than {self._max} entries.")
        return directory


#: What the library raises over a damaged archive.
_DAMAGED = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, ValueError, RuntimeError)


def unpack(archive: Path, folder: Path, limits: ArchiveLimits) -> Iterator[Entry]:
    """Unpack a zip archive into a folder, one file after another, under names of our own.

    Raises
    ------
    InvalidInput
        The archive is damaged, encrypted, or an entry is not a plain file below the archive's root. Raised before
        the first file is written where the directory tells.
    TooMuch
        The archive is over a limit.
    """
    try:
        with _ArchiveFile(archive, limits.entries) as file, zipfile.ZipFile(file) as source:
            wanted = _judge(source.infolist(), limits)
            left = limits.total_bytes
            for number, entry in enumerate(wanted):
                path = folder / f"{number:06}"
                left -= _extract(source, entry, path, left)
                yield Entry(name=entry.filename, path=path)
    except _DAMAGED as error:
        raise InvalidInput(
            f"The archive is damaged or of a kind that is not read: {error}.",
            remedy="Pack it again as an ordinary, unencrypted zip file.",
        ) from error


def _judge(entries: list[zipfile.ZipInfo], limits: ArchiveLimits) -> list[zipfile.ZipInfo]:
    if len(entries) > limits.entries:
        raise TooMuch(f"The archive holds {len(entries)} entries; {limits.entries} are allowed.")
    files = [entry for entry in entries if not entry.is_dir()]
    seen: set[str] = set()
    for entry in entries:
        _judge_name(entry)
        _judge_kind(entry)
        if entry.filename in seen:
            raise InvalidInput(f"The archive holds the entry {entry.filename!r} twice.")
        seen.add(entry.filename)
    for entry in files:
        _judge_size(entry, limits)
    total = sum(entry.file_size for entry in files)
    if total > limits.total_bytes:
        raise TooMuch(f"The archive would grow to {total} bytes; {limits.total_bytes} are allowed.")
    return files


def _judge_name(entry: zipfile.ZipInfo) -> None:
    name = entry.filename.replace("\\", "/")
    path = PurePosixPath(name)
    windows_drive = len(name) > 1 and name[1] == ":"
    if path.is_absolute() or windows_drive or ".." in path.parts or "\0" in entry.orig_filename:
        raise InvalidInput(f"The entry {entry.filename!r} of the archive points outside of it.")
    if len(path.parts) > MAX_DEPTH or len(name) > MAX_NAME_LENGTH:
        raise InvalidInput(f"The entry {entry.filename[:100]!r}… of the archive lies too deep or has too long a name.")


def _judge_kind(entry: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise InvalidInput(f"The entry {entry.filename!r} of the archive is a link or a device, not a plain file.")
    if entry.flag_bits & _ENCRYPTED:
        raise InvalidInput(f"The entry {entry.filename!r} of the archive is encrypted.", remedy="Send it unencrypted.")
    if entry.compress_type not in PACKINGS:
        raise InvalidInput(
            f"The entry {entry.filename!r} of the archive is packed in a way that is not read.",
            remedy="Pack it again as an ordinary zip file, by deflate.",
        )


def _judge_size(entry: zipfile.ZipInfo, limits: ArchiveLimits) -> None:
    if entry.file_size > limits.entry_bytes:
        raise TooMuch(f"The entry {entry.filename!r} would grow to {entry.file_size} bytes.")
    if entry.file_size > max(RATIO_FREE_BYTES, entry.compress_size * MAX_RATIO):
        raise TooMuch(f"The entry {entry.filename!r} would grow more than {MAX_RATIO} times: it looks like a bomb.")


def _extract(source: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, left: int) -> int:
    written = 0
    with saying_full_disk(), source.open(entry) as packed, path.open("xb") as file:
        while chunk := packed.read(CHUNK_BYTES):
            written += len(chunk)
            if written > min(entry.file_size, left):
                raise InvalidInput(f"The entry {entry.filename!r} is larger than the archive says.")
            file.write(chunk)
    return written
