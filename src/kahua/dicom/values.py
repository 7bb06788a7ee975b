"""Values of elements: from bytes to the DICOM JSON model (PS3.18 F)."""

import math
import struct
from collections.abc import Callable
from typing import Any, Final

from kahua.dicom.charsets import Decoder

#: Struct codes of value representations with binary numbers.
_NUMBERS: Final = {
    "US": "H", "SS": "h", "UL": "L", "SL": "l", "FL": "f", "FD": "d", "UV": "Q", "SV": "q",
}  # fmt: skip
#: Text in which a backslash separates values, and text in which it is just a character.
_PLAIN: Final = frozenset({"AE", "AS", "CS", "DA", "DT", "TM", "UI"})
_TEXT: Final = frozenset({"LO", "SH", "UC"})
_LONG_TEXT: Final = frozenset({"LT", "ST", "UT", "UR"})
_PADDING: Final = " \0"

#: Representations whose values are bytes, whatever their length.
BINARY: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})


def json_values(vr: str, value: bytes, decode: Decoder, *, big_endian: bool) -> list[Any]:
    """Return the values of an element as DICOM JSON has them; empty if there are none.

    Parameters
    ----------
    vr
        Any value representation but SQ and those of BINARY.
    value
        The bytes of the element.
    decode
        Decoder of its character set.
    big_endian
        Byte order of numbers.

    Notes
    -----
    An empty value between others is None. A decimal or integer string that is no number stays
    a string, and so does a number that JSON cannot write (NaN, infinities): PS3.18 F.2.3.1 allows both.
    """
    if not value:
        return []
    if vr in _NUMBERS:
        return _numbers(_NUMBERS[vr], value, big_endian=big_endian)
    if vr == "AT":
        return _tags(value, big_endian=big_endian)
    if vr == "PN":
        return _names(decode(value, vr))
    if vr in _LONG_TEXT:
        text = _clean(decode(value, vr))
        return [text] if text else []
    text = _clean(decode(value, vr) if vr in _TEXT else value.decode("latin_1"))
    if vr == "DS":
        return _each(text, _decimal)
    return _each(text, _integer if vr == "IS" else str)


def _clean(text: str) -> str:
    """Remove padding, and NULs inside, which neither databases nor people can hold."""
    text = text.rstrip(_PADDING)
    return text.replace("\0", "\ufffd") if "\0" in text else text


def _each(text: str, convert: Callable[[str], Any]) -> list[Any]:
    if not text:
        return []
    if "\\" not in text:
        return [convert(text)]
    return [convert(part) if part else None for part in (each.rstrip(_PADDING) for each in text.split("\\"))]


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


def _numbers(code: str, value: bytes, *, big_endian: bool) -> list[Any]:
    width = struct.calcsize("=" + code)
    count = len(value) // width
    numbers = struct.unpack_from(f"{'>' if big_endian else '<'}{count}{code}", value)
    if code in "fd":
        return [number if math.isfinite(number) else _non_finite(number) for number in numbers]
    return list(numbers)


def _non_finite(number: float) -> str:
    return "NaN" if math.isnan(number) else "inf" if number > 0 else "-inf"


def _tags(value: bytes, *, big_endian: bool) -> list[str]:
    halves = _numbers("H", value[: len(value) // 4 * 4], big_endian=big_endian)
    return [f"{group:04X}{number:04X}" for group, number in zip(halves[::2], halves[1::2], strict=True)]


def _names(text: str) -> list[dict[str, str] | None]:
    text = _clean(text)
    return [_name(name) for name in text.split("\\")] if text else []


def _name(text: str) -> dict[str, str] | None:
    """Return the component groups of a person's name that are not empty."""
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), text.split("="), strict=False)
    return {group: part.rstrip(_PADDING) for group, part in groups if part.strip(_PADDING)} or None


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
