"""Objects offered to a child process as files with numbers for names, without copying where they are local."""

from collections.abc import Sequence
from pathlib import Path

from kahua.store.objects import ObjectStore


def link_objects(objects: ObjectStore, keys: Sequence[str], folder: Path) -> list[Path]:
    """Offer objects below a folder, which is made if it is missing; give their files in the order of the keys."""
    folder.mkdir(exist_ok=True)
    files = [folder / f"{number:06}" for number in range(len(keys))]
    for file, key in zip(files, keys, strict=True):
        path = objects.path(key)
        if path is not None:
            _link(file, path.resolve())
        else:
            with file.open("xb") as written:
                written.writelines(objects.stream(key))
    return files


def _link(file: Path, target: Path) -> None:
    """Link so that the file stays when the object goes, by erasing or by moving; else, on another disk, by its name."""
    try:
        file.hardlink_to(target)
    except OSError:
        file.symlink_to(target)
