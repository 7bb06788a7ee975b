"""Which folders a Python environment needs to be readable: its own, and those of the interpreter that it points to."""

from pathlib import Path

import kahua

#: Folders that are there in any case, or must never be given away as a whole.
NEVER = frozenset({Path("/"), Path("/usr"), Path("/bin"), Path("/home"), Path("/root")})


def folders_of(python: Path) -> tuple[Path, ...]:
    """Folders that an interpreter needs, followed through every link to it."""
    found = [python.parent.parent]
    while python.is_symlink():
        python = python.parent / python.readlink()
        found.append(python.parent.parent)
    found.append(python.resolve().parent.parent)
    return tuple(dict.fromkeys(path for path in found if path not in NEVER))


def folder_of_kahua() -> Path:
    """Folder of this package: the site's own converters are in it."""
    return Path(kahua.__file__).resolve().parent
