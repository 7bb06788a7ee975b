"""Identifiers of queries and retrievals (PS3.4 C.2.2, C.4): read within budgets, written for the peer."""

import io
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from kahua.dicom import INDEX_VRS, Budget
from kahua.dicom.charsets import decoder
from kahua.dicom.source import Window
from kahua.dicom.transfer_syntaxes import IMPLICIT_LITTLE_ENDIAN
from kahua.dicom.values import BINARY
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
#: Representations that match nothing: sequences and bytes. What is of unknown representation is read as text.
_SILENT: Final = (BINARY | {"SQ"}) - {"UN"}
_NUMBERS: Final = {"US": "<H", "SS": "<h", "UL": "<L", "SL": "<l", "FL": "<f", "FD": "<d"}
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
    """The keys of a query: what is to match, and what is to be returned."""

    #: Text of each key at the top, by tag; empty for universal matching and for sequences.
    keys: Mapping[int, str]
    #: Value representation of each key.
    vrs: Mapping[int, str] = field(default_factory=dict)

    @property
    def level(self) -> str:
        """Query/Retrieve Level (0008,0052)."""
        return self.keys.get(LEVEL, "").upper()

    def uids(self, tag: int) -> tuple[str, ...]:
        """Give the UIDs of a key: one, or a list."""
        return tuple(uid for uid in (part.strip() for part in self.keys.get(tag, "").split("\\")) if uid)


def read_identifier(data: bytes, transfer_syntax: str) -> Identifier:
    """Read an identifier.

    Raises
    ------
    InvalidInput
        It is no data set, or over the budget.
    """
    if len(data) > MAX_BYTES:
        raise InvalidInput("The identifier is longer than this site reads.")
    window = Window(io.BytesIO(data), offset=0, size=len(data), budget=BUDGET)
    values: dict[int, bytes] = {}
    vrs: dict[int, str] = {}
    try:
        for tag, vr, start, length, level in walk(
            window,
            implicit=transfer_syntax == IMPLICIT_LITTLE_ENDIAN,
            big_endian=False,
            budget=BUDGET,
            dictionary=lambda tag: _DICTIONARY.get(tag, "UN"),
            descend=lambda _tag: True,
        ):
            if level == 0 and tag != ITEM:
                nested = vr in _SILENT or length == UNDEFINED or length > BUDGET.max_value_bytes
                vrs[tag] = "SQ" if length == UNDEFINED else vr
                values[tag] = b"" if nested else window.value(start, length)
    except UnreadableDicom as error:
        raise InvalidInput(error.message) from error
    return Identifier(keys=_texts(values, vrs), vrs=vrs)


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
    elements = []
    for tag in sorted({*asked.keys, *fixed, CHARACTER_SET} - {_group_length(tag) for tag in asked.keys}):
        known = row.get(f"{tag:08X}", {})
        vr = known.get("vr") or _DICTIONARY.get(tag) or asked.vrs.get(tag, "UN")
        value = fixed[tag].encode() if tag in fixed else _encoded(vr, known.get("Value", ()))
        elements.append(_element(tag, vr, b"ISO_IR 192" if tag == CHARACTER_SET else value, implicit=implicit))
    return b"".join(elements)


def write_uids(tag: int, uids: Iterable[str], transfer_syntax: str) -> bytes:
    """Write a data set of one element that lists UIDs: those that could not be sent (PS3.4 C.4.2.1.4.2)."""
    value = "\\".join(uids).encode()
    return _element(tag, "UI", value[:0xFFFE], implicit=transfer_syntax == IMPLICIT_LITTLE_ENDIAN)


def _group_length(tag: int) -> int:
    return tag & 0xFFFF0000


def _texts(values: Mapping[int, bytes], vrs: Mapping[int, str]) -> dict[int, str]:
    terms = values.get(CHARACTER_SET, b"").decode("latin_1").strip(" \0")
    decode, _ = decoder([term.strip() for term in terms.split("\\")] if terms else [])
    texts = {}
    for tag, value in values.items():
        vr = vrs[tag]
        if vr in _NUMBERS:
            whole = len(value) - len(value) % struct.calcsize(_NUMBERS[vr])
            texts[tag] = "\\".join(str(number) for (number,) in struct.iter_unpack(_NUMBERS[vr], value[:whole]))
        else:
            texts[tag] = decode(value, vr).strip(" \0")
    return texts


def _encoded(vr: str, values: Iterable[Any]) -> bytes:
    if vr in _NUMBERS:
        return b"".join(struct.pack(_NUMBERS[vr], value) for value in values if isinstance(value, int | float))
    if vr in BINARY or vr == "SQ":
        return b""
    texts = (_name(value) if isinstance(value, dict) else "" if value is None else str(value) for value in values)
    return "\\".join(texts).encode()


def _name(value: Mapping[str, str]) -> str:
    """Give a person's name in its three representations."""
    groups = (value.get(kind, "") for kind in ("Alphabetic", "Ideographic", "Phonetic"))
    return "=".join(groups).rstrip("=")


def _element(tag: int, vr: str, value: bytes, *, implicit: bool) -> bytes:
    if len(value) % 2:
        value += b"\0" if vr == "UI" else b" "
    group, number = tag >> 16, tag & 0xFFFF
    if implicit:
        return struct.pack("<HHL", group, number, len(value)) + value
    if vr in _LONG:
        return struct.pack("<HH2sxxL", group, number, vr.encode(), len(value)) + value
    return struct.pack("<HH2sH", group, number, vr.encode(), len(value)) + value
