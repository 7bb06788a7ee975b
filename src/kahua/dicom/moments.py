"""Dates with times (VR DT) as they are compared: by what is said of them, and in UTC where both sides say their offset.

A shorter value stands for all that begin with it (PS3.5 table 6.2-1, PS3.4 C.2.2.2.5).
"""

import re
from datetime import datetime, timedelta
from typing import Final

#: Digits, and the offset from UTC, from -1200 to +1400: no year is so small, so that a hyphen is never two things.
_MOMENT: Final = r"\d{4,14}(?:\.\d{1,6})?(?:[+-](?:0\d|1[0-4])[0-5]\d)?"
_PARTS: Final = re.compile(r"(\d{4,14}(?:\.\d{1,6})?)([+-]\d{4})?")

#: One value, or a range of them.
RANGE: Final = re.compile(rf"({_MOMENT})?(?:(-)({_MOMENT})?)?")

#: What a value goes on with at its beginning and at its end.
_FIRST: Final = "00000101000000.000000"
_LAST: Final = "99991231235959.999999"

#: Digits of a value that says the hour: no shorter one can be told in another zone.
_TO_THE_HOUR: Final = 10


def is_in_range(found: str, wanted: str) -> bool:
    """Whether a value is the one that is wanted, or in the range; of both, nothing but what `RANGE` allows.

    >>> is_in_range("20240131103000+0100", "202401310930+0000"), is_in_range("20240131", "2024-")
    (True, True)
    """
    parts = RANGE.fullmatch(wanted)
    if parts is None or _PARTS.fullmatch(found.strip(" ")) is None:
        return False
    first, dash, last = parts.groups("")
    last = last if dash else first
    return (not first or _is_from(found, first)) and (not last or _is_until(found, last))


def _is_from(found: str, first: str) -> bool:
    one, other = _comparable(found, first, _FIRST)
    return one >= other


def _is_until(found: str, last: str) -> bool:
    one, other = _comparable(found, last, _LAST)
    return one <= other


def _comparable(found: str, end: str, filling: str) -> tuple[str, str]:
    """Give the moment at which a value begins, and the end of a range, in one zone if both say theirs."""
    (digits, offset), (end_digits, end_offset) = _split(found), _split(end)
    one, other = _filled(digits, _FIRST), _filled(end_digits, filling)
    if min(len(digits), len(end_digits)) < _TO_THE_HOUR or not (offset and end_offset):
        return one, other
    return _in_utc(one, offset), _in_utc(other, end_offset)


def _split(value: str) -> tuple[str, str]:
    parts = _PARTS.fullmatch(value.strip(" "))
    return (parts[1], parts[2] or "") if parts is not None else ("", "")


def _filled(digits: str, filling: str) -> str:
    whole, _, fraction = digits.partition(".")
    return f"{whole}{filling[len(whole) : 15]}{fraction}{filling[15 + len(fraction) :]}"


def _in_utc(moment: str, offset: str) -> str:
    shift = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:5]))
    try:
        local = datetime.strptime(moment, "%Y%m%d%H%M%S.%f")
        return f"{local + shift if offset[0] == '-' else local - shift:%Y%m%d%H%M%S.%f}"
    except (ValueError, OverflowError):  # no day of any calendar
        return moment
