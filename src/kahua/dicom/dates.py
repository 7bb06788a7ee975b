"""Dates of DICOM, moved by whole days; the time of day stays."""

import re
from datetime import date, timedelta
from typing import Final

_DATE: Final = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
_DATE_TIME: Final = re.compile(r"(\d{4})(\d{2})(\d{2})(\d{0,6}(?:\.\d{1,6})?(?:[+-]\d{4})?)")


def moved(text: str, days: int) -> str:
    """Move a date (DA) or a date with time (DT); empty if it is none, or has no day."""
    stripped = text.strip(" \0")
    found = _DATE.fullmatch(stripped) or _DATE_TIME.fullmatch(stripped)
    if not found:
        return ""
    year, month, day, *rest = found.groups()
    try:
        new = date(int(year), int(month), int(day)) + timedelta(days=days)
    except (ValueError, OverflowError):
        return ""
    return f"{new:%Y%m%d}".rjust(8, "0") + "".join(rest)
