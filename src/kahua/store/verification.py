"""Whether objects still have the bytes of which their keys were made."""

import hashlib
import io
from collections.abc import Iterable, Iterator
from itertools import chain

from kahua.dicom import read_file_meta
from kahua.errors import NotFound, UnreadableDicom
from kahua.store.ingest.quarantine import QUARANTINE_KIND
from kahua.store.objects import ObjectStore

#: What is hashed before the bytes of an object that is no instance: results of runs, pictures, what was refused.
KINDS = (b"derived\0", b"file\n", QUARANTINE_KIND.encode() + b"\n")


def is_whole(objects: ObjectStore, key: str) -> bool:
    """Tell whether the bytes of an object are those of which its key was made.

    They are read once, and again only if they are no instance and no picture, or damaged.

    Raises
    ------
    NotFound
        There is no such object.
    """
    pieces = objects.stream(key)
    first = next(pieces, b"")
    pieces = chain([first], pieces)
    for start, skip in _readings(first):
        if _digest(start, pieces, skip) == key:
            return True
        pieces = objects.stream(key)
    return False


def damaged(objects: ObjectStore) -> Iterator[str]:
    """Read all objects, and give the keys of those that are not as they were stored."""
    for key in objects.keys():  # noqa: SIM118 - a port, not a dictionary
        try:
            whole = is_whole(objects, key)
        except NotFound:
            continue  # it was deleted meanwhile
        if not whole:
            yield key


def _readings(first: bytes) -> Iterator[tuple[bytes, int]]:
    """Give what may have been hashed: what stands before the bytes, and how many of them were left out."""
    if first[128:132] == b"DICM":
        try:
            meta = read_file_meta(io.BytesIO(first))
        except UnreadableDicom:
            pass  # as it came, in quarantine
        else:
            yield f"{meta.transfer_syntax_uid}\n".encode(), meta.data_offset
    yield from ((kind, 0) for kind in KINDS)


def _digest(start: bytes, chunks: Iterable[bytes], skip: int) -> str:
    digest = hashlib.sha256(start)
    for chunk in chunks:
        digest.update(memoryview(chunk)[skip:])
        skip = max(0, skip - len(chunk))
    return digest.hexdigest()
