"""Match attributes at any depth of a DICOM JSON object (PS3.4 C.2.2.2).

For what no index holds: attributes within sequences, and those that are in the objects alone. Loads the
dictionary of pydicom; what matches indexed attributes does without this module.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydicom.datadict import dictionary_VR, tag_for_keyword

from kahua.dicom.header import fold
from kahua.errors import InvalidInput

#: Deepest attribute that may be named, in sequences from the outermost on.
MAX_DEPTH: Final = 8

#: Longest value, and most wildcards in one.
MAX_VALUE_LENGTH: Final = 1024
MAX_WILDCARDS: Final = 10

_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_RANGES: Final = {
    "DA": re.compile(r"(\d{8})?(-(\d{8})?)?"),
    "TM": re.compile(r"(\d{2,6}(\.\d{1,6})?)?(-(\d{2,6}(\.\d{1,6})?)?)?"),
    "DT": re.compile(r"(\d{4,14}(\.\d{1,6})?)?(-(\d{4,14}(\.\d{1,6})?)?)?"),
}
#: Representations of numbers, and those that no query matches.
_NUMBERS: Final = frozenset({"DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"})
_UNMATCHED: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN", "LT", "ST", "UT"})

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class AttributePath:
    """An attribute, and the sequences that lead to it."""

    #: Tags, the outermost sequence first.
    tags: tuple[str, ...]
    vr: str
    #: As it was asked for.
    name: str


def attribute_path(name: str) -> AttributePath:
    """Read tags or keywords with points between, such as ``00400275.00401001``.

    Raises
    ------
    InvalidInput
        A name is in no dictionary, or what stands before a point is no sequence.
    """
    parts = name.split(".")
    if len(parts) > MAX_DEPTH:
        raise InvalidInput(f"An attribute lies at most {MAX_DEPTH - 1} sequences deep.", field=name[:64])
    tags = [_tag(part, name) for part in parts]
    representations = [_vr(tag) for tag in tags]
    if any(vr != "SQ" for vr in representations[:-1]):
        raise InvalidInput(f"{name[:64]} leads through something that is no sequence.", field=name[:64])
    return AttributePath(tags=tuple(tags), vr=representations[-1], name=name)


def matches(document: Json, path: AttributePath, value: str, *, fuzzy: bool = False) -> bool:
    """Whether an attribute has a value, in some item of each sequence on the way; any has an empty one.

    Raises
    ------
    InvalidInput
        The value cannot be one of this attribute.
    """
    wanted = _Wanted(path, value, fuzzy=fuzzy)
    return wanted.is_universal or any(wanted.fits(found) for found in _values(document, path.tags))


def _tag(part: str, name: str) -> str:
    tag = part.upper() if _TAG.fullmatch(part) else None
    # An empty keyword is one to pydicom: that of a retired attribute without a name.
    if tag is None and part and (number := tag_for_keyword(part)) is not None:
        tag = f"{number:08X}"
    if tag is None:
        raise InvalidInput(
            f"{name[:64]} names no attribute.", field=name[:64], remedy="Write a tag or keyword, such as PatientID."
        )
    return tag


def _vr(tag: str) -> str:
    try:
        vr: str = dictionary_VR(int(tag, 16))
    except KeyError:
        return "LO"  # a private one: most are words
    return {"US or SS": "US", "US or SS or OW": "US"}.get(vr, vr if len(vr) == 2 else "OW")


def _values(document: Json, tags: tuple[str, ...]) -> Iterator[Any]:
    values = document.get(tags[0], {}).get("Value", ())
    if len(tags) == 1:
        yield from values
        return
    for item in values:
        yield from _values(item or {}, tags[1:])


class _Wanted:
    """A value that is looked for, read once."""

    def __init__(self, path: AttributePath, value: str, *, fuzzy: bool) -> None:
        self._vr = path.vr
        self._fuzzy = fuzzy
        self.is_universal = value in ("", "*")
        if len(value) > MAX_VALUE_LENGTH or value.count("*") + value.count("?") > MAX_WILDCARDS:
            raise InvalidInput(
                f"The value of {path.name[:64]} is too long, or has too many wildcards.", field=path.name
            )
        if path.vr in _UNMATCHED or (path.vr == "SQ" and not self.is_universal):
            raise InvalidInput(f"{path.name[:64]} is no attribute that a query can match.", field=path.name[:64])
        if path.vr in _RANGES and not self.is_universal and not _RANGES[path.vr].fullmatch(value.replace(":", "")):
            raise InvalidInput(f"The value of {path.name[:64]} is no date or time, nor a range.", field=path.name[:64])
        self._value = value

    def fits(self, found: Any) -> bool:
        """Whether one value is the wanted one."""
        if found is None:
            return False
        if self._vr == "PN":
            return any(self._fits_name(str(group)) for group in found.values())
        if self._vr in _RANGES:
            return _in_range(str(found), self._value.replace(":", ""))
        if self._vr == "UI":
            return str(found) in re.split(r"[\\,]", self._value)
        if self._vr in _NUMBERS:
            return _same_number(found, self._value)
        return glob(str(found), self._value)

    def _fits_name(self, group: str) -> bool:
        name, wanted = fold(group), fold(self._value)
        if not self._fuzzy:
            return glob(name, wanted)
        words = re.split(r"[\s^=,]+", name)
        return all(any(word.startswith(each) for word in words) for each in re.split(r"[\s^=,*?]+", wanted) if each)


def _in_range(found: str, wanted: str) -> bool:
    """Compare digits from the left: a shorter time stands for all that begin with it."""
    first, dash, last = wanted.partition("-")
    if not dash:
        return found.startswith(first)
    return (not first or found >= first) and (not last or found[: len(last)] <= last)


def _same_number(found: Any, wanted: str) -> bool:
    try:
        return float(found) == float(wanted)
    except ValueError:
        return str(found) == wanted


def glob(text: str, pattern: str) -> bool:
    """Whether a text fits a pattern with ``*`` and ``?``; the work grows with their lengths alone.

    >>> glob("ABDOMEN", "A*M?N"), glob("ABDOMEN", "B*")
    (True, False)
    """
    at = place = 0
    star, resume = -1, 0
    while at < len(text):
        if place < len(pattern) and pattern[place] == "*":
            star, resume = place, at
            place += 1
        elif place < len(pattern) and pattern[place] in ("?", text[at]):
            at, place = at + 1, place + 1
        elif star >= 0:
            resume += 1
            at, place = resume, star + 1
        else:
            return False
    return all(letter == "*" for letter in pattern[place:])
