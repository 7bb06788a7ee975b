"""Workitems as DICOM JSON objects: read within limits, looked into, and how moments are written."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Final

import orjson

from kahua.errors import InvalidInput, TooMuch

Json = dict[str, Any]

#: Limits on what is taken in: a workitem is a list of references, not of images.
MAX_ELEMENTS: Final = 100_000
MAX_DEPTH: Final = 12
MAX_TEXT: Final = 65_536

_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_VR: Final = re.compile(r"[A-Z]{2}")
_DATE_TIME: Final = re.compile(
    r"(?P<digits>\d{4}(?:\d\d){0,5})(?:\.(?P<fraction>\d{1,6}))?(?P<zone>[+-]\d{4})?",
)


def read_json(body: bytes) -> Json:
    """Read the one DICOM JSON object of a body, alone or in a list (PS3.18 section 8.7.3.2).

    Raises
    ------
    InvalidInput
        It is something else.
    TooMuch
        It is nested too deeply, or has too many elements.
    """
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidInput("The body is no JSON.") from None
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    return checked(content)


def checked(content: object) -> Json:
    """See that a value is a DICOM JSON object within limits, and give it with tags in capital letters.

    Raises
    ------
    InvalidInput
        It is something else.
    TooMuch
        It is nested too deeply, or has too many elements.
    """
    return _Check().item(content, depth=0)


@lru_cache(maxsize=10_000)
def _may_be(tag: str, vr: str) -> bool:
    """Whether an element may be a sequence, a name, or neither, as its VR says: else no query could look into it."""
    from pydicom.datadict import dictionary_VR  # late: only who works with workitems needs the dictionary

    try:
        known = dictionary_VR(int(tag, 16))
    except KeyError:
        return True
    return known == vr or not {known, vr} & {"SQ", "PN"}


class _Check:
    """Counts while it looks."""

    def __init__(self) -> None:
        self._left = MAX_ELEMENTS

    def item(self, item: object, *, depth: int) -> Json:
        if depth > MAX_DEPTH:
            raise TooMuch(f"The sequences of a workitem are nested at most {MAX_DEPTH} deep.")
        if not isinstance(item, dict):
            raise InvalidInput("A workitem is one object of the DICOM JSON model.")
        self._count(len(item))
        return {tag.upper(): self._element(tag, element, depth=depth) for tag, element in item.items()}

    def _element(self, tag: str, element: object, *, depth: int) -> Json:
        if not _TAG.fullmatch(tag) or not isinstance(element, dict):
            raise InvalidInput(f"{tag[:16]} is no element of the DICOM JSON model.", field=tag[:16])
        vr, values = element.get("vr"), element.get("Value", [])
        if not isinstance(vr, str) or not _VR.fullmatch(vr) or not _may_be(tag, vr):
            raise InvalidInput(f"The element {tag} does not say its VR, or a wrong one.", field=tag)
        if not isinstance(values, list) or element.keys() - {"vr", "Value"}:
            raise InvalidInput(f"The element {tag} holds something else than a list of values.", field=tag)
        self._count(len(values))
        if not values:
            return {"vr": vr}
        return {"vr": vr, "Value": [self._value(tag, vr, value, depth=depth) for value in values]}

    def _value(self, tag: str, vr: str, value: object, *, depth: int) -> Any:
        if vr == "SQ":
            return self.item({} if value is None else value, depth=depth + 1)
        if vr == "PN" and value is not None:
            groups = value if isinstance(value, dict) else {"Alphabetic": value}
            return {group: self._plain(tag, text) for group, text in groups.items()}
        return self._plain(tag, value)

    def _plain(self, tag: str, value: object) -> Any:
        if value is not None and not isinstance(value, str | int | float):
            raise InvalidInput(f"The element {tag} has a value that is no value.", field=tag)
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            raise InvalidInput(f"The element {tag} has a number that is too large.", field=tag)
        if isinstance(value, str) and (len(value) > MAX_TEXT or "\0" in value):
            raise InvalidInput(f"The element {tag} has a value that is too long, or holds a NUL.", field=tag)
        return value

    def _count(self, number: int) -> None:
        self._left -= number
        if self._left < 0:
            raise TooMuch(f"A workitem has at most {MAX_ELEMENTS} elements and values.")


def text_of(document: Mapping[str, Any], tag: str) -> str:
    """Give the first value of an attribute as text; empty if there is none."""
    values = document.get(tag, {}).get("Value") or [""]
    value = values[0]
    if isinstance(value, dict):
        return str(value.get("Alphabetic", ""))
    return "" if value is None else str(value)


def items_of(document: Mapping[str, Any], tag: str) -> Sequence[Json]:
    """Give the items of a sequence; empty if there are none, or if it is no sequence."""
    element = document.get(tag, {})
    return [item for item in element.get("Value", ()) if isinstance(item, dict)] if element.get("vr") == "SQ" else []


def words(vr: str, *values: str | float) -> Json:
    """Make an element of values."""
    return {"vr": vr, "Value": list(values)}


def sequence(*items: Json) -> Json:
    """Make a sequence of items."""
    return {"vr": "SQ", "Value": list(items)} if items else {"vr": "SQ"}


def code_item(value: str, scheme: str, meaning: str) -> Json:
    """Make an item of a code sequence (PS3.3 section 8.8); a long value has an attribute of its own."""
    tag, vr = ("00080100", "SH") if len(value) <= 16 else ("00080119", "UC")
    return {tag: words(vr, value), "00080102": words("SH", scheme), "00080104": words("LO", meaning[:64])}


def code_value(item: Mapping[str, Any]) -> tuple[str, str]:
    """Give scheme and value of an item of a code sequence; of whichever length the value is."""
    value = next((found for tag in ("00080100", "00080119", "00080120") if (found := text_of(item, tag))), "")
    return text_of(item, "00080102"), value


def code_words(item: Mapping[str, Any]) -> str:
    """Write a code as people read it: its value, and what it means.

    >>> code_words(code_item("ROBOT-1", "99TEST", "A robot"))
    'ROBOT-1 (A robot)'
    """
    value, meaning = code_value(item)[1], text_of(item, "00080104")
    return f"{value} ({meaning})" if value and meaning != value else value or meaning


def date_time(moment: datetime) -> str:
    """Write a moment as DICOM does (DT), in UTC.

    >>> date_time(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    '20260102030405+0000'
    """
    return f"{moment.astimezone(UTC):%Y%m%d%H%M%S}+0000"


def read_date_time(text: str) -> datetime | None:
    """Read a moment as DICOM writes it (DT); without a zone it is this machine's; None if it is none.

    >>> read_date_time("20260102+0100")
    datetime.datetime(2026, 1, 1, 23, 0, tzinfo=datetime.timezone.utc)
    """
    found = _DATE_TIME.fullmatch(text.strip())
    if not found:
        return None
    digits = found["digits"]
    whole = digits + "0101000000"[len(digits) - 4 :]
    zone = found["zone"]
    try:
        moment = datetime.strptime(whole, "%Y%m%d%H%M%S")
        if zone is None:
            return moment.astimezone(UTC)
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5])) * (-1 if zone[0] == "-" else 1)
        return moment.replace(tzinfo=timezone(offset)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def uids_in(document: Mapping[str, Any]) -> Iterator[str]:
    """Give every UID that a workitem names, at any depth."""
    for element in document.values():
        for value in element.get("Value", ()):
            if isinstance(value, dict) and element["vr"] == "SQ":
                yield from uids_in(value)
            elif element["vr"] == "UI" and value is not None:
                yield str(value)
