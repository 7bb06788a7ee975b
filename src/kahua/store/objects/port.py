"""The port `ObjectStore`: what keeps bytes under a key."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from kahua.errors import InvalidInput

#: Longest key, in bytes of UTF-8: its hexadecimal form must fit into a file name.
MAX_KEY_BYTES = 100

#: Bytes that `ObjectStore.stream` yields at once, if not told otherwise.
CHUNK_BYTES = 1 << 20

Chunks = Iterable[bytes | bytearray | memoryview]

#: What stands before and after the bytes of an object in an answer.
Ends = tuple[bytes, bytes]
NO_ENDS: Ends = (b"", b"")


class ObjectStore(Protocol):
    """Keeps bytes under a key, for as long as a row points to them.

    An implementation

    - MUST make a put durable before it returns, and visible whole or not at all;
    - MUST raise `NotFound` for an unknown key, also when it was deleted a moment ago;
    - MUST accept the same bytes under an existing key, and refuse other bytes with `StateConflict`;
    - MUST raise `OutOfSpace` when there is no room, and keep nothing of what did not fit;
    - MUST treat a key as opaque: ``../a`` names an object, never a place outside;
    - MUST allow any number of threads and processes at once.
    """

    def put(self, key: str, chunks: Chunks) -> int:
        """Keep the bytes, durably; return their number."""

    def put_file(self, key: str, path: Path) -> int:
        """Take a file over, durably; return its size. The file is gone from its place afterwards."""

    def read(self, key: str, *, start: int = 0, length: int | None = None, between: Ends = NO_ENDS) -> bytes:
        """Give `length` bytes from `start`: fewer where the object ends before, all to its end without `length`.

        With `between` they stand between a head and a tail, which costs no other copy of them.
        """

    def stream(
        self, key: str, *, start: int = 0, length: int | None = None, chunk_bytes: int = CHUNK_BYTES
    ) -> Iterator[bytes]:
        """Give what `read` gives, piece by piece. An unknown key is refused at the call, not at the first piece."""

    def size(self, key: str) -> int:
        """Count the bytes of an object."""

    def exists(self, key: str) -> bool:
        """Tell whether there is an object of this key."""

    def stored_at(self, key: str) -> datetime:
        """Tell when the object was put, for the first time or again."""

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""

    def keys(self, folder: str | None = None) -> Iterator[str]:
        """List all keys, or those of one of `FOLDERS`, in no order; what is put or deleted meanwhile may be listed."""

    def path(self, key: str) -> Path | None:
        """Give a local file with the bytes, to be opened for reading only; None where there is none."""

    def local_file(self, key: str) -> AbstractContextManager[Path]:
        """Give a readable local file for the time of a `with` block, fetched if it must be."""

    def left_over(self, *, older_than_seconds: float) -> int:
        """Count what writers that died left behind.

        Raises
        ------
        Unavailable
            It cannot be told.
        """

    def clean(self, *, older_than_seconds: float) -> int:
        """Remove what writers that died left behind; return the number of files."""

    def check(self) -> None:
        """See whether the store can be used.

        Raises
        ------
        MisconfiguredSite
            Not before someone corrects a setting.
        Unavailable
            Not at this moment.
        """


def joined(content: bytes | memoryview, ends: Ends) -> bytes:
    """Put some bytes between their ends."""
    return bytes(content) if ends == NO_ENDS else b"".join((ends[0], content, ends[1]))


def check_key(key: str) -> bytes:
    """Give the bytes of a key.

    Raises
    ------
    InvalidInput
        The key is empty, too long, or no Unicode text.
    """
    try:
        encoded = key.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput("The key of an object is no Unicode text.", field="key") from error
    if not 0 < len(encoded) <= MAX_KEY_BYTES:
        raise InvalidInput(f"The key of an object has 1 to {MAX_KEY_BYTES} bytes.", field="key")
    return encoded


def content_key(kind: str, chunks: Chunks) -> str:
    """Key made of what the bytes are and what they say: the SHA-256 of kind, line feed and bytes, in hexadecimal.

    The kind keeps apart what means something else: the same data set in two transfer syntaxes is two
    objects, and no one can take the key of an object that is still to come by sending other bytes.
    """
    digest = hashlib.sha256(kind.encode() + b"\n")
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()
