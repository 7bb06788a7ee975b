"""An extension that comes as an archive: unpacked, with the folder found in which it lies."""

import shutil
from pathlib import Path, PurePosixPath

from kahua.errors import InvalidInput, KahuaError, NotFound
from kahua.extensions.folders import MOST_BYTES, MOST_FILES
from kahua.extensions.manifest import MANIFEST
from kahua.store.imports.archives import ArchiveLimits, Entry, unpack

LIMITS = ArchiveLimits(entries=MOST_FILES, total_bytes=MOST_BYTES, entry_bytes=MOST_BYTES)


def unpack_extension(archive: Path, folder: Path) -> Path:
    """Unpack an archive into a new folder, so that the manifest lies at its top.

    The extension may lie at the top of the archive, or in the one folder that the archive holds.

    Raises
    ------
    NotFound
        There is no such file.
    KahuaError
        It is no archive, or one that is refused; nothing is left of it.
    """
    if not archive.is_file():
        raise NotFound("There is no such folder or archive.", remedy="Give the path of a folder or of a .zip file.")
    numbered = folder.with_name(f"{folder.name}.unpacked")
    try:
        numbered.mkdir(parents=True)
        for entry in unpack(archive, numbered, LIMITS):
            _put(entry, folder)
    except KahuaError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        shutil.rmtree(numbered, ignore_errors=True)
    return _lifted(folder)


def _put(entry: Entry, folder: Path) -> None:
    """Give an unpacked file its name again; `unpack` has refused every name that leads out of the folder."""
    if "\\" in entry.name or not entry.name.isprintable():
        raise InvalidInput(f"The archive holds the entry {entry.name!r}: a file of an extension needs a plain name.")
    target = folder / PurePosixPath(entry.name)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            raise FileExistsError
        entry.path.rename(target)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise InvalidInput(f"The archive holds the entry {entry.name!r} in the way of another one.") from error


def _lifted(folder: Path) -> Path:
    """Move the content of the one folder that there is up, if the manifest lies in it."""
    if folder.is_dir() and not (folder / MANIFEST).exists():
        inner = [entry for entry in folder.iterdir() if entry.is_dir()]
        if len(inner) == 1 and (inner[0] / MANIFEST).is_file():
            aside = folder.with_name(f"{folder.name}.inner")
            inner[0].rename(aside)
            shutil.rmtree(folder)
            aside.rename(folder)
    return folder
