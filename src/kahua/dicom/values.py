"""Values of elements: from bytes to the DICOM JSON model (PS3.18 F)."""

import math
import struct
from collections.abc import Callable
from typing import Any, Final

from kahua.dicom.charsets import Decoder

#: What padding is made of.
_PADDING: Final = " \0"

#: Representations whose values are bytes, whatever their length.
BINARY: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})

Values = list[Any]


def json_values(vr: str, value: bytes, decode: Decoder, order: str) -> Values:
    """Return the values of an element as DICOM JSON has them; empty if there are none.

    Parameters
    ----------
    vr
        Any value representation but SQ and those of BINARY.
    value
        The bytes of the element.
    decode
        Decoder of its character set.
    order
        Byte order of numbers, as `struct` names it: ``<`` or ``>``.

    Notes
    -----
    An empty value between others is None. A decimal or integer string that is no number stays
    a string, and so does a number that JSON cannot write (NaN, infinities): PS3.18 F.2.3.1 allows both.
    """
    return CONVERTERS[vr](value, decode, order) if value else []


def _clean(text: str) -> str:
    """Remove padding, and NULs inside, which neither databases nor people can hold."""
    text = text.rstrip(_PADDING)
    return text.replace("\0", "\ufffd") if "\0" in text else text


def _each(text: str, convert: Callable[[str], Any]) -> Values:
    if "\\" not in text:
        return [convert(text)] if text else []
    return [convert(part) if part else None for part in (each.rstrip(_PADDING) for each in text.split("\\"))]


def _words(value: bytes, _decode: Decoder, _order: str) -> Values:
    text = value.decode("latin_1").rstrip(_PADDING)
    if "\\" in text or "\0" in text:
        return _each(_clean(text), str)
    return [text] if text else []


def _texts(value: bytes, decode: Decoder, _order: str) -> Values:
    return _each(_clean(decode(value, "LO")), str)


def _text(value: bytes, decode: Decoder, _order: str) -> Values:
    """Return the only value of text in which a backslash is just a character."""
    text = _clean(decode(value, "LT"))
    return [text] if text else []


def _decimals(value: bytes, _decode: Decoder, _order: str) -> Values:
    return _each(_clean(value.decode("latin_1")), _decimal)


def _integers(value: bytes, _decode: Decoder, _order: str) -> Values:
    return _each(_clean(value.decode("latin_1")), _integer)


def _decimal(text: str) -> float | str:
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) and "_" not in text else text


def _integer(text: str) -> int | float | str:
    try:
        return int(text) if "_" not in text and len(text) <= 20 else text
    except ValueError:
        number = _decimal(text)
        return int(number) if isinstance(number, float) and number.is_integer() else number


def _numbers(code: str) -> "_Converter":
    """Return what unpacks numbers of one struct code; bytes that make no whole number are left out."""
    width = struct.calcsize("=" + code)
    single = {order: struct.Struct(order + code).unpack_from for order in "<>"}

    def convert(value: bytes, _decode: Decoder, order: str) -> Values:
        count = len(value) // width
        if count == 1:
            return list(single[order](value))
        return list(struct.unpack_from(f"{order}{count}{code}", value))

    return convert


def _floats(code: str) -> "_Converter":
    numbers = _numbers(code)

    def convert(value: bytes, decode: Decoder, order: str) -> Values:
        return [number if math.isfinite(number) else _non_finite(number) for number in numbers(value, decode, order)]

    return convert


def _non_finite(number: float) -> str:
    return "NaN" if math.isnan(number) else "inf" if number > 0 else "-inf"


def _tags(value: bytes, decode: Decoder, order: str) -> Values:
    halves = _HALVES(value[: len(value) // 4 * 4], decode, order)
    return [f"{group:04X}{number:04X}" for group, number in zip(halves[::2], halves[1::2], strict=True)]


def _names(value: bytes, decode: Decoder, _order: str) -> Values:
    text = _clean(decode(value, "PN"))
    return [_name(name) for name in text.split("\\")] if text else []


def _name(text: str) -> dict[str, str] | None:
    """Return the component groups of a person's name that are not empty."""
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), text.split("="), strict=False)
    return {group: part.rstrip(_PADDING) for group, part in groups if part.strip(_PADDING)} or None


_Converter = Callable[[bytes, Decoder, str], Values]
_HALVES: Final = _numbers("H")
#: By value representation: what turns bytes that are there into values.
CONVERTERS: Final[dict[str, _Converter]] = {
    **dict.fromkeys(("AE", "AS", "CS", "DA", "DT", "TM", "UI"), _words),
    **dict.fromkeys(("LO", "SH", "UC"), _texts),
    **dict.fromkeys(("LT", "ST", "UT", "UR"), _text),
    "US": _HALVES,
    "SS": _numbers("h"),
    "UL": _numbers("L"),
    "SL": _numbers("l"),
    "UV": _numbers("Q"),
    "SV": _numbers("q"),
    "FL": _floats("f"),
    "FD": _floats("d"),
    "DS": _decimals,
    "IS": _integers,
    "AT": _tags,
    "PN": _names,
}


def first_text(element: dict[str, Any] | None) -> str:
    """Return the first value of a DICOM JSON element as text; a name as its first group that is not empty."""
    values = element.get("Value") if element else None
    if not values or values[0] is None:
        return ""
    value = values[0]
    if isinstance(value, dict):
        return next((str(value[group]) for group in ("Alphabetic", "Ideographic", "Phonetic") if group in value), "")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
