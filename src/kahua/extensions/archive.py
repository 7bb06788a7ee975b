"""An extension that comes as an archive: unpacked, with the folder found in which it lies."""

import shutil
from pathlib import Path

from kahua.errors import KahuaError, NotFound
from kahua.extensions.folders import MOST_BYTES, MOST_FILES
from kahua.extensions.manifest import MANIFEST
from kahua.settings import Settings
from kahua.store.archives import ArchiveLimits, unpack


def unpack_extension(archive: Path, folder: Path, settings: Settings) -> Path:
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
    limits = ArchiveLimits(entries=MOST_FILES, total_bytes=MOST_BYTES, free_bytes=settings.min_free_bytes)
    try:
        unpack(archive, folder, limits)
    except KahuaError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return _lifted(folder)


def _lifted(folder: Path) -> Path:
    """Move the content of the one folder that there is up, if the manifest lies in it."""
    if not (folder / MANIFEST).exists():
        inner = [entry for entry in folder.iterdir() if entry.is_dir()]
        if len(inner) == 1 and (inner[0] / MANIFEST).is_file():
            aside = folder.with_name(f"{folder.name}.inner")
            inner[0].rename(aside)
            shutil.rmtree(folder)
            aside.rename(folder)
    return folder
