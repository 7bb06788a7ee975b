"""Amounts of memory and disk, as people write them."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

MEGABYTE = 1_000_000
GIGABYTE = 1_000_000_000

UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}

_AMOUNT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*")


def parse_bytes(text: str) -> int:
    """Read an amount such as ``3 GB`` or ``512 MiB`` as bytes.

    Raises
    ------
    ValueError
        The text is no amount with a known unit.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None or match[2].upper() not in UNITS:
        raise ValueError(f"{text!r} is no amount of bytes: write a number and a unit, as in '3 GB'")
    return int(float(match[1]) * UNITS[match[2].upper()])


def format_bytes(count: int) -> str:
    """Write bytes as people read them: ``3.2 GB``."""
    for unit in ("TB", "GB", "MB", "KB"):
        if count >= UNITS[unit]:
            return f"{count / UNITS[unit]:.3g} {unit}"
    return f"{count} B"


def _read(value: Any) -> Any:
    return parse_bytes(value) if isinstance(value, str) else value


#: A number of bytes, which may be written with a unit.
Bytes = Annotated[int, BeforeValidator(_read), Field(gt=0)]
