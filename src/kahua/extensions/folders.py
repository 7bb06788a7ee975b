"""The folder of an extension: which files belong to it, the digest over them, and a copy of them."""

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from kahua.errors import InvalidInput, TooMuch

#: Traces of tools that lie in a folder where somebody works.
NOT_OURS = frozenset({"__pycache__", ".git", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".DS_Store"})

MOST_FILES = 20_000
MOST_BYTES = 20_000_000_000


def extension_files(folder: Path) -> list[Path]:
    """Files that belong to an extension, as paths below its folder, in a fixed order.

    Raises
    ------
    InvalidInput
        One of them is a link or no regular file.
    TooMuch
        There are too many of them, or they are too large.
    """
    files: list[Path] = []
    size = 0
    for file in _walk(folder):
        status = file.lstat()
        inner = file.relative_to(folder)
        if not stat.S_ISREG(status.st_mode):
            raise InvalidInput(f"'{inner}' is a link or no regular file; an extension consists of files.")
        files.append(inner)
        size += status.st_size
        if len(files) > MOST_FILES or size > MOST_BYTES:
            raise TooMuch(f"An extension has at most {MOST_FILES} files and {MOST_BYTES // 10**9} GB.")
    return sorted(files, key=lambda file: file.as_posix())


def extension_digest(folder: Path) -> str:
    """SHA-256 over names and contents of all files of an extension."""
    whole = hashlib.sha256()
    for inner in extension_files(folder):
        with (folder / inner).open("rb") as file:
            content = hashlib.file_digest(file, "sha256").digest()
        whole.update(hashlib.sha256(inner.as_posix().encode("utf-8", "surrogateescape")).digest() + content)
    return whole.hexdigest()


def copy_extension(folder: Path, target: Path) -> None:
    """Copy the files of an extension into a folder that is not there yet."""
    target.mkdir(parents=True)
    for inner in extension_files(folder):
        (target / inner).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / inner, target / inner)


def put_in_place(folder: Path, target: Path) -> None:
    """Move an extension to where it stays: whole or not at all, and durable. What is there already is left as it is."""
    if not target.exists():
        os.sync()
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.rename(target)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
    shutil.rmtree(folder, ignore_errors=True)


def _walk(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name in NOT_OURS:
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _walk(entry)
        else:
            yield entry
