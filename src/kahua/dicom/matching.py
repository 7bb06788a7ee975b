"""Match attributes at any depth of a DICOM JSON object (PS3.4 C.2.2.2).

For what no index holds: attributes within sequences, and those that are in the objects alone. Loads the
dictionary of pydicom; what matches indexed attributes does without this module.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydicom.datadict import dictionary_VR, tag_for_keyword

from kahua.dicom.names import begins_words, folded_groups, is_any_name, name_patterns, name_words, wanted_groups
from kahua.dicom.rules import EMPTY, PLAIN, Rules, uids_of, values_of
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
_UNMATCHED: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
#: Representations in which ``*`` and ``?`` stand for other characters (PS3.4 C.2.2.2.4).
_WILD: Final = frozenset({"AE", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT"})
#: Representations of one value only, in which a backslash is just a character.
_SINGLE: Final = frozenset({"LT", "ST", "UR", "UT"})

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


def matches(document: Json, path: AttributePath, value: str, rules: Rules = PLAIN) -> bool:
    """Whether an attribute has a value, in some item of each sequence on the way; any has an empty one.

    Raises
    ------
    InvalidInput
        The value cannot be one of this attribute.
    """
    wanted = _Wanted(path, value.strip(" "), rules)
    if wanted.is_universal:
        return True
    found = [each for each in _values(document, path.tags) if each is not None]
    return any(wanted.fits(each) for each in found) if found else wanted.is_empty


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
    """Values that are looked for, read once."""

    def __init__(self, path: AttributePath, value: str, rules: Rules) -> None:
        self._vr = path.vr
        self._rules = rules
        each = self._values_of(value)
        if len(value) > MAX_VALUE_LENGTH or any(one.count("*") + one.count("?") > MAX_WILDCARDS for one in each):
            raise InvalidInput(
                f"The value of {path.name[:64]} is too long, or has too many wildcards.", field=path.name
            )
        #: That there is no value is one of those that are looked for.
        self.is_empty = rules.empty and EMPTY in each
        self._each = [one for one in each if not (rules.empty and one == EMPTY)]
        self.is_universal = value in ("", "*") or (self._vr != "UI" and "*" in each) or self._is_any_name()
        if not self.is_universal:
            self._check(path.name[:64])

    def _check(self, name: str) -> None:
        """Refuse what cannot be a value."""
        if self._each and (self._vr in _UNMATCHED or self._vr == "SQ"):
            raise InvalidInput(f"{name} is no attribute that a query can match.", field=name)
        if self._vr in _RANGES and not all(_RANGES[self._vr].fullmatch(each) for each in self._each):
            raise InvalidInput(f"The value of {name} is no date or time, nor a range.", field=name)

    def _is_any_name(self) -> bool:
        """Whether some value leaves every name open: it has no word, or no group that is said."""
        if self._vr != "PN":
            return False
        if self._rules.fuzzy:
            return any(not name_words(each) for each in self._each)
        return any(is_any_name(wanted_groups(each)) for each in self._each)

    def fits(self, found: Any) -> bool:
        """Whether one value is one of those that are wanted."""
        return any(self._fits(found, each) for each in self._each)

    def _values_of(self, value: str) -> list[str]:
        if self._vr == "UI":
            return uids_of(value)
        if self._vr in _SINGLE:
            return [value]
        return values_of(value.replace(":", "") if self._vr in _RANGES else value, self._rules)

    def _fits(self, found: Any, wanted: str) -> bool:
        if self._vr == "PN":
            return self._fits_name(folded_groups({"Value": [found]}), wanted)
        if self._vr in _RANGES:
            return _in_range(str(found), wanted)
        if self._vr in _NUMBERS:
            return _same_number(found, wanted)
        return glob(str(found), wanted) if self._vr in _WILD else str(found) == wanted

    def _fits_name(self, name: tuple[str, ...], wanted: str) -> bool:
        if self._rules.fuzzy:
            return begins_words(name, name_words(wanted))
        groups = wanted_groups(wanted)
        if len(groups) == 1:
            return any(_fits_group(each, groups[0]) for each in name)
        return all(_fits_group(each, group) for each, group in zip(name, groups, strict=False) if group)


def _fits_group(found: str, wanted: str) -> bool:
    return any(glob(found, pattern) for pattern in name_patterns(wanted))


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
