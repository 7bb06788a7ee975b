"""Take files out of a folder that others may be writing to at this moment.

Each is opened without following links, looked at through its handle, and copied: what is judged is
then what is stored, whatever happens to the name or to the file meanwhile.
"""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from kahua.store.imports.archives import CHUNK_BYTES, Entry
from kahua.store.ingest.staging import saying_full_disk

#: Not waiting for a pipe that no one writes to, and not going where a link points to.
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

#: A name that is a link, a socket or a device without driver, or went away since it was listed.
_PASSED_OVER = {errno.ELOOP, errno.ENXIO, errno.ENODEV, errno.ENOENT}


def count_files(folder: Path) -> int:
    """Count what lies below a folder; links to folders are not followed."""
    return sum(len(names) for _, _, names in os.walk(folder))


def copy_files(folder: Path, target: Path) -> Iterator[Entry]:
    """Copy every regular file below a folder into another, under numbers, in the order of their names.

    Raises
    ------
    OutOfSpace
        The disk is full.
    """
    number = 0
    for root, folders, names, handle in os.fwalk(folder, follow_symlinks=False):
        folders.sort()
        for name in sorted(names):
            file = _open(name, handle)
            if file is None:
                continue
            path = target / f"{number:06}"
            number += 1
            _copy(file, path)
            yield Entry(name=os.path.relpath(Path(root) / name, folder), path=path)


def _open(name: str, folder: int) -> int | None:
    """Open a regular file of a folder; nothing if it is anything else."""
    try:
        file = os.open(name, _OPEN, dir_fd=folder)
    except OSError as error:
        if error.errno in _PASSED_OVER:
            return None
        raise
    if stat.S_ISREG(os.fstat(file).st_mode):
        return file
    os.close(file)
    return None


def _copy(handle: int, path: Path) -> None:
    with saying_full_disk(), open(handle, "rb", buffering=0) as source, path.open("xb") as target:
        while chunk := source.read(CHUNK_BYTES):
            target.write(chunk)
