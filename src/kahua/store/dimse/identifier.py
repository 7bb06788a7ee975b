"""Identifiers of queries and retrievals (PS3.4 C.2.2, C.4): read within budgets, written for the peer."""

import base64
import io
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from kahua.dicom import INDEX_VRS, Budget
from kahua.dicom.charsets import Decoder, decoder
from kahua.dicom.source import Window
from kahua.dicom.transfer_syntaxes import IMPLICIT_LITTLE_ENDIAN
from kahua.dicom.values import BINARY, json_values
from kahua.dicom.walker import ITEM, UNDEFINED, walk
from kahua.errors import InvalidInput, UnreadableDicom

#: Longest identifier that is read: 500 UIDs and some sequences have less than a tenth of it.
MAX_BYTES: Final = 1_000_000

#: What an identifier may hold at most.
BUDGET: Final = Budget(max_header_bytes=MAX_BYTES, max_elements=5_000, max_depth=8, max_value_bytes=100_000)

CHARACTER_SET: Final = 0x00080005
LEVEL: Final = 0x00080052
RETRIEVE_AE_TITLE: Final = 0x00080054
AVAILABILITY: Final = 0x00080056

#: Value representations whose length has 32 bits in explicit encoding.
_LONG: Final = BINARY | {"SQ", "SV", "UC", "UR", "UT", "UV"}
_ZERO_PADDED: Final = BINARY | {"UI"}
#: Longest value whose length has 16 bits; what is longer is sent as of unknown representation (PS3.5 6.2.2).
_LONGEST_SHORT: Final = 0xFFFE
#: Representations that match nothing. What is of unknown representation is read as text.
_BYTES: Final = BINARY - {"UN"}
_NUMBERS: Final = {
    "US": "<H",
    "SS": "<h",
    "UL": "<L",
    "SL": "<l",
    "UV": "<Q",
    "SV": "<q",
    "FL": "<f",
    "FD": "<d",
}
#: Representations of attributes that queries name and the index does not hold.
_OTHERS: Final = {
    CHARACTER_SET: "CS",
    LEVEL: "CS",
    RETRIEVE_AE_TITLE: "AE",
    AVAILABILITY: "CS",
    0x00080058: "UI",
    0x00080061: "CS",
    0x00080062: "UI",
    0x00201200: "IS",
    0x00201202: "IS",
    0x00201204: "IS",
    0x00201206: "IS",
    0x00201208: "IS",
    0x00201209: "IS",
}
_DICTIONARY: Final = {int(tag, 16): vr for tag, vr in INDEX_VRS.items()} | _OTHERS


@dataclass(frozen=True, kw_only=True)
class Identifier:
    """The keys of a query, or of an item of one: what is to match, and what is to be returned."""

    #: Text of each key, by tag; empty for universal matching and for sequences.
    keys: Mapping[int, str]
    #: Value representation of each key.
    vrs: Mapping[int, str] = field(default_factory=dict)
    #: The keys within the item of each sequence that has one.
    items: "Mapping[int, Identifier]" = field(default_factory=dict)
    #: Some key has bytes for a value, which match nothing.
    has_bytes: bool = False

    @property
    def level(self) -> str:
        """Query/Retrieve Level (0008,0052)."""
        return self.keys.get(LEVEL, "").upper()

    def uids(self, tag: int) -> tuple[str, ...]:
        """Give the UIDs of a key: one, or a list."""
        return tuple(uid for uid in (part.strip() for part in self.keys.get(tag, "").split("\\")) if uid)

    def valued(self) -> "Iterator[tuple[tuple[int, ...], str]]":
        """Give the keys that have a value, at any depth, each by the tags that lead to it."""
        yield from (((tag,), value) for tag, value in self.keys.items() if value)
        for tag, item in self.items.items():
            yield from (((tag, *tags), value) for tags, value in item.valued())


@dataclass
class _Draft:
    """A data set, or an item of it, that is being read."""

    values: dict[int, bytes] = field(default_factory=dict)
    vrs: dict[int, str] = field(default_factory=dict)
    items: "dict[int, _Draft]" = field(default_factory=dict)
    has_bytes: bool = False
    #: The element that was begun last.
    tag: int = 0

    def take(self, window: Window, tag: int, vr: str, start: int, length: int) -> None:
        """Take an element: its value too, if something can be matched with it."""
        self.tag = tag
        self.vrs[tag] = "SQ" if length == UNDEFINED else vr
        self.values[tag] = b""
        if self.vrs[tag] == "SQ":
            return
        if vr in _BYTES:
            self.has_bytes |= length > 0
            return
        if length > BUDGET.max_value_bytes:
            raise InvalidInput("A value of the identifier is longer than this site reads.")
        self.values[tag] = window.value(start, length)

    def item(self) -> "_Draft":
        """Begin the item of the sequence that was begun last."""
        if self.tag in self.items:
            raise InvalidInput("A sequence of an identifier has one item.")  # PS3.4 C.2.2.2.6
        return self.items.setdefault(self.tag, _Draft())

    def identifier(self, terms: str = "") -> Identifier:
        """Give what was read; the terms are those of the character set around."""
        terms = self.values.get(CHARACTER_SET, b"").decode("latin_1").strip(" \0") or terms
        items = {tag: item.identifier(terms) for tag, item in self.items.items()}
        has_bytes = self.has_bytes or any(item.has_bytes for item in items.values())
        return Identifier(keys=_texts(self.values, self.vrs, terms), vrs=self.vrs, items=items, has_bytes=has_bytes)


def read_identifier(data: bytes, transfer_syntax: str) -> Identifier:
    """Read an identifier.

    Raises
    ------
    InvalidInput
        It is no data set, or it or a value is over the budget, or a sequence has several items.
    """
    if len(data) > MAX_BYTES:
        raise InvalidInput("The identifier is longer than this site reads.")
    window = Window(io.BytesIO(data), offset=0, size=len(data), budget=BUDGET)
    drafts = [_Draft()]
    try:
        for tag, vr, start, length, level in walk(
            window,
            implicit=transfer_syntax == IMPLICIT_LITTLE_ENDIAN,
            big_endian=False,
            budget=BUDGET,
            dictionary=_vr,
            descend=lambda _tag: True,
        ):
            if tag == ITEM:
                drafts[level:] = [drafts[level - 1].item()]
                continue
            drafts[level].take(window, tag, vr, start, length)
    except UnreadableDicom as error:
        raise InvalidInput(error.message) from error
    return drafts[0].identifier()


def write_identifier(
    asked: Identifier, row: Mapping[str, Any], fixed: Mapping[int, str], transfer_syntax: str
) -> bytes:
    """Write an answer: the attributes that were asked for, in UTF-8, those that are not known without a value.

    Parameters
    ----------
    row
        What is known, as a DICOM JSON object (PS3.18 annex F).
    fixed
        Attributes that are in every answer, over what the row says.
    """
    implicit = transfer_syntax == IMPLICIT_LITTLE_ENDIAN
    fixed = {CHARACTER_SET: "ISO_IR 192", **fixed}
    known = dict(row) | {f"{tag:08X}": {"vr": _vr(tag), "Value": [value]} for tag, value in fixed.items()}
    return _data_set({*asked.keys, *fixed}, known, asked, implicit=implicit)


def write_uids(tag: int, uids: Iterable[str], transfer_syntax: str) -> bytes:
    """Write a data set of one element that lists UIDs: those that could not be sent (PS3.4 C.4.2.1.4.2)."""
    value = "\\".join(uids).encode()
    return _element(tag, "UI", value[:0xFFFE], implicit=transfer_syntax == IMPLICIT_LITTLE_ENDIAN)


def _vr(tag: int) -> str:
    """Give the value representation of a tag; "UN" if it is in no dictionary."""
    if tag in _DICTIONARY:
        return _DICTIONARY[tag]
    from kahua.dicom.matching import representation  # late: it loads pydicom's dictionary, which few queries need

    return representation(tag) or "UN"


def _texts(values: Mapping[int, bytes], vrs: Mapping[int, str], terms: str) -> dict[int, str]:
    decode, _ = decoder([term.strip() for term in terms.split("\\")] if terms else [])
    return {tag: _text(value, vrs[tag], decode) for tag, value in values.items()}


def _text(value: bytes, vr: str, decode: Decoder) -> str:
    if vr in _NUMBERS:
        whole = len(value) - len(value) % struct.calcsize(_NUMBERS[vr])
        return "\\".join(str(number) for (number,) in struct.iter_unpack(_NUMBERS[vr], value[:whole]))
    if vr == "AT":
        return "\\".join(json_values(vr, value, decode, "<"))
    return decode(value, vr).strip(" \0")


def _data_set(tags: Iterable[int], known: Mapping[str, Any], asked: Identifier | None, *, implicit: bool) -> bytes:
    """Write elements in the order of their tags, group lengths left out."""
    written = []
    for tag in sorted(tag for tag in tags if tag & 0xFFFF):
        element = known.get(f"{tag:08X}", {})
        vr = element.get("vr") or (asked and asked.vrs.get(tag)) or _vr(tag)
        within = asked.items.get(tag) if asked else None
        value = _items(element, within, implicit=implicit) if vr == "SQ" else _encoded(vr, element)
        written.append(_element(tag, vr, value, implicit=implicit))
    return b"".join(written)


def _items(element: Mapping[str, Any], asked: Identifier | None, *, implicit: bool) -> bytes:
    """Write the items of a sequence, with the attributes that were asked for in them, or with all."""
    written = []
    for item in element.get("Value", ()):
        tags = asked.keys if asked and asked.keys else [int(tag, 16) for tag in item or ()]
        body = _data_set(tags, item or {}, asked, implicit=implicit)
        written.append(struct.pack("<HHL", ITEM >> 16, ITEM & 0xFFFF, len(body)) + body)
    return b"".join(written)


def _encoded(vr: str, element: Mapping[str, Any]) -> bytes:
    values = element.get("Value", ())
    if vr in _NUMBERS:
        return b"".join(struct.pack(_NUMBERS[vr], value) for value in values if isinstance(value, int | float))
    if vr == "AT":
        return b"".join(struct.pack("<HH", int(tag[:4], 16), int(tag[4:], 16)) for tag in values if tag)
    if vr in BINARY:
        return base64.b64decode(element.get("InlineBinary", ""))
    return "\\".join(map(_written, values)).encode()


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return _name(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def _name(value: Mapping[str, str]) -> str:
    """Give a person's name in its three representations."""
    groups = (value.get(kind, "") for kind in ("Alphabetic", "Ideographic", "Phonetic"))
    return "=".join(groups).rstrip("=")


def _element(tag: int, vr: str, value: bytes, *, implicit: bool) -> bytes:
    if len(value) % 2:
        value += b"\0" if vr in _ZERO_PADDED else b" "
    group, number = tag >> 16, tag & 0xFFFF
    if implicit:
        return struct.pack("<HHL", group, number, len(value)) + value
    if vr not in _LONG and len(value) > _LONGEST_SHORT:
        vr = "UN"
    if vr in _LONG:
        return struct.pack("<HH2sxxL", group, number, vr.encode(), len(value)) + value
    return struct.pack("<HH2sH", group, number, vr.encode(), len(value)) + value
