"""The extensions that come with Kahua: in the source, the folder ``extensions`` beside ``src``; in a wheel, within."""

from pathlib import Path

from kahua.errors import NotFound
from kahua.extensions.manifest import MANIFEST

_PACKAGE = Path(__file__).parents[1]

#: Places to look in: of an installed wheel, then of a source checkout.
_PLACES = (_PACKAGE / "first_party", _PACKAGE.parents[1] / "extensions")


def first_party_extensions() -> dict[str, Path]:
    """Folders of the extensions that come with Kahua, by name."""
    for place in _PLACES:
        if found := {file.parent.name: file.parent for file in sorted(place.glob(f"*/{MANIFEST}"))}:
            return found
    return {}


def find_extension(name: str) -> Path:
    """Give the folder or archive that people mean: a path, or the name of an extension that comes with Kahua.

    Raises
    ------
    NotFound
        There is neither.
    """
    own = first_party_extensions()
    if name in own:
        return own[name]
    path = Path(name)
    if not path.exists():
        known = f" With Kahua come: {', '.join(own)}." if own else ""
        raise NotFound(
            f"There is no extension '{name}'.", remedy=f"Give its folder or archive by its path.{known}", name=name
        )
    return path
