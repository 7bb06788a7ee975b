"""The items of sequences that are answered: those that match what is asked for in one (PS3.4 C.2.2.2.6)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from kahua.dicom.rules import Rules
from kahua.store.dimse.identifier import Identifier

if TYPE_CHECKING:
    from kahua.dicom.matching import AttributePath, Keys

Json = dict[str, Any]


def paths_of(keys: Iterable[tuple[Sequence[int], str]]) -> "Iterator[tuple[AttributePath, str]]":
    """Give keys by the attributes that they name.

    Raises
    ------
    InvalidInput
        What leads to one is no sequence.
    """
    from kahua.dicom.matching import attribute_path  # late: it loads pydicom's dictionary, which few queries need

    for tags, value in keys:
        yield attribute_path(".".join(f"{tag:08X}" for tag in tags)), value


class Items:
    """Leaves the items of sequences out that do not match."""

    def __init__(self, asked: Identifier, rules: Rules) -> None:
        self._sequences = [
            (f"{tag:08X}", _keys(item, rules), Items(item, rules))
            for tag, item in asked.items.items()
            if any(item.valued())
        ]

    def of(self, document: Json) -> Json:
        """Give a DICOM JSON object without them."""
        matching = {
            tag: {
                "vr": "SQ",
                "Value": [below.of(item) for item in document[tag].get("Value", ()) if item and keys.fit(item)],
            }
            for tag, keys, below in self._sequences
            if tag in document
        }
        return document | matching


def _keys(item: Identifier, rules: Rules) -> "Keys":
    from kahua.dicom.matching import Keys  # late, as above

    return Keys(paths_of(item.valued()), rules)
