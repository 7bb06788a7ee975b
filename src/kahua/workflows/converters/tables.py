"""Measurements in a table that a step wrote: ``name,value,unit[,segment]``. Pure but for reading the file."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kahua.errors import InvalidInput

#: Largest table, and most rows, that go into a report.
MOST_BYTES = 2_000_000
MOST_ROWS = 5_000


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measurement."""

    name: str
    value: float
    #: UCUM unit.
    unit: str
    #: Label of the segment that was measured, if it was one.
    label: int | None


def read_rows(file: Path, labels: Mapping[int, str]) -> list[Row]:
    """Read a table of measurements; a segment is given by its label, or by its name.

    Raises
    ------
    InvalidInput
        It is no such table; names the row.
    """
    if file.stat().st_size > MOST_BYTES:
        raise InvalidInput(f"The table of measurements is larger than {MOST_BYTES // 1_000_000} MB.")
    try:
        with file.open(newline="", encoding="utf-8") as table:
            rows = list(csv.DictReader(table))
    except (csv.Error, UnicodeDecodeError) as error:
        raise InvalidInput(f"The table of measurements cannot be read: {error}.") from error
    if not rows or len(rows) > MOST_ROWS:
        raise InvalidInput(f"The table of measurements has {len(rows)} rows; it must have 1 to {MOST_ROWS}.")
    return [_row(number, row, labels) for number, row in enumerate(rows, 1)]


def _row(number: int, row: Mapping[str, str | None], labels: Mapping[int, str]) -> Row:
    name, value, unit = ((row.get(column) or "").strip() for column in ("name", "value", "unit"))
    if not name or not unit:
        raise InvalidInput(f"Row {number} of the measurements lacks a name or a unit.")
    return Row(
        name=name[:64], value=_number(number, value), unit=unit[:16], label=_label(number, row.get("segment"), labels)
    )


def _number(number: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise InvalidInput(f"Row {number} of the measurements has the value {text[:40]!r}, no number.") from error
    if not math.isfinite(value):
        raise InvalidInput(f"Row {number} of the measurements has the value {text[:40]!r}, which is not finite.")
    return value


def _label(number: int, text: str | None, labels: Mapping[int, str]) -> int | None:
    wanted = (text or "").strip()
    if not wanted:
        return None
    found = [label for label, name in labels.items() if wanted in (str(label), name)]
    if not found:
        raise InvalidInput(f"Row {number} of the measurements names the segment {wanted[:40]!r}, which there is not.")
    return found[0]
