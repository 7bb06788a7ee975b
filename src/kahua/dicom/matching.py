"""Match attributes at any depth of a DICOM JSON object (PS3.4 C.2.2.2).

For what no index holds: attributes within sequences, and those that are in the objects alone. Loads the
dictionary of pydicom; what matches indexed attributes does without this module.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydicom.datadict import dictionary_VR, tag_for_keyword

from kahua.dicom import moments
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
    "DT": moments.RANGE,
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
    # What is in no dictionary is private: most are words.
    representations = [representation(int(tag, 16)) or "LO" for tag in tags]
    if any(vr != "SQ" for vr in representations[:-1]):
        raise InvalidInput(f"{name[:64]} leads through something that is no sequence.", field=name[:64])
    return AttributePath(tags=tuple(tags), vr=representations[-1], name=name)


class Keys:
    """Attributes and the values that are looked for, read once for many objects.

    Those that lie in one sequence must be in one and the same item of it (PS3.4 C.2.2.2.6).
    """

    def __init__(self, keys: Iterable[tuple[AttributePath, str]], rules: Rules = PLAIN) -> None:
        """Read them.

        Raises
        ------
        InvalidInput
            A value cannot be one of its attribute.
        """
        wanted = [(path.tags, _Wanted(path, value.strip(" "), rules)) for path, value in keys]
        self._groups = _grouped((tags, each) for tags, each in wanted if not each.is_universal)

    def fit(self, document: Json) -> bool:
        """Whether an object has all of them."""
        return all(_has(document, tag, within) for tag, within in self._groups.items())

    def fit_together(self, documents: Sequence[Json]) -> bool:
        """Whether each is in some object: those of a study are spread over its series."""
        return all(any(_has(each, tag, within) for each in documents) for tag, within in self._groups.items())


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


def representation(tag: int) -> str | None:
    """Give the value representation by which an attribute is compared; None if it is in no dictionary."""
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        return None
    return {"US or SS": "US", "US or SS or OW": "US"}.get(vr, vr if len(vr) == 2 else "OW")


def _grouped(keys: "Iterable[_Key]") -> "dict[str, list[_Key]]":
    """Give keys by their outermost attribute, each with the tags that lead further."""
    groups: dict[str, list[_Key]] = {}
    for tags, wanted in keys:
        groups.setdefault(tags[0], []).append((tags[1:], wanted))
    return groups


def _has(document: Json, tag: str, keys: "Sequence[_Key]") -> bool:
    """Whether an attribute has the values that are looked for, or some item of it has all that lie within."""
    values = document.get(tag, {}).get("Value", ())
    if not all(wanted.is_among(values) for tags, wanted in keys if not tags):
        return False
    within = _grouped(key for key in keys if key[0]).items()
    items = [item if isinstance(item, Mapping) else {} for item in values] or [{}]
    return not within or any(all(_has(item, *each) for each in within) for item in items)


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
        #: Everything matches, also what has no value.
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

    def is_among(self, values: Iterable[Any]) -> bool:
        """Whether one of the values that an attribute has is wanted, or that it has none."""
        found = [value for value in values if value is not None]
        return any(self._fits(value, each) for value in found for each in self._each) if found else self.is_empty

    def _values_of(self, value: str) -> list[str]:
        if self._vr == "UI":
            return uids_of(value)
        if self._vr in _SINGLE:
            return [value]
        return values_of(value.replace(":", "") if self._vr in _RANGES else value, self._rules)

    def _fits(self, found: Any, wanted: str) -> bool:
        if self._vr == "PN":
            return self._fits_name(folded_groups({"Value": [found]}), wanted)
        if self._vr == "DT":
            return moments.is_in_range(str(found), wanted)
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


#: Tags that are still to be followed, none at the end, and the values that are looked for there.
_Key = tuple[tuple[str, ...], _Wanted]


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
