"""Elements of a pydicom data set, looked at without being changed: what was not touched is written as it was."""

from collections.abc import Sequence
from typing import Final

from pydicom import Dataset
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue

#: What pydicom raises when a value is damaged.
VALUE_ERRORS: Final = (ValueError, TypeError, KeyError, NotImplementedError, OverflowError, AttributeError, OSError)


def tags_of(keywords: str) -> frozenset[int]:
    """Tags of attributes by their keywords, which spaces part."""
    found = [tag_for_keyword(keyword) for keyword in keywords.split()]
    if None in found:
        raise ValueError(f"An attribute of {keywords} is not known.")
    return frozenset(tag for tag in found if tag is not None)


def vr_of(dataset: Dataset, tag: int) -> str:
    """Value representation of an element, by the dictionary where the data set does not tell; ``UN`` if unknown."""
    element = dataset.get_item(tag)
    written = str(element.VR or "") if element is not None else ""
    if written not in ("", "UN"):
        return written
    try:
        return str(dictionary_VR(tag)).split(" or ")[0]
    except KeyError:
        return "UN"


def peek(dataset: Dataset, tag: int) -> Sequence[str]:
    """Values of an element as text; none if they cannot be read."""
    raw = dataset.get_item(tag)
    try:
        value = dataset[tag].value
        values = value if isinstance(value, MultiValue | list | tuple) else [value]
        return [str(each) for each in values if each is not None]
    except VALUE_ERRORS:
        return []
    finally:
        if isinstance(raw, RawDataElement):
            dataset[tag] = raw
