"""Which places a Python environment needs to be readable: its own, and those of the interpreter that it points to."""

from pathlib import Path

import kahua

#: Folders that are there in any case.
ALWAYS_THERE = frozenset({Path("/"), Path("/usr")})


def places_of(python: Path) -> tuple[Path, ...]:
    """Folders and links that an interpreter needs, followed through every link to it."""
    found = [_place(python)]
    while python.is_symlink():
        python = python.parent / python.readlink()
        found.append(_place(python))
    found.append(_place(python.resolve()))
    return tuple(dict.fromkeys(place for place in found if place not in ALWAYS_THERE))


def folder_of_kahua() -> Path:
    """Folder of this package: the site's own converters are in it."""
    return Path(kahua.__file__).resolve().parent


def _place(python: Path) -> Path:
    """Folder of the installation to which an interpreter belongs, or the file alone: it may lie in somebody's home."""
    folder = python.parent.parent
    is_installation = (folder / "pyvenv.cfg").is_file() or any((folder / "lib").glob("python3*"))
    return folder if is_installation else python
