"""Tables for spreadsheets: no cell is taken for a formula, whatever it holds."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

#: With these begins what a spreadsheet would compute.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def as_csv(names: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Write rows as CSV (RFC 4180, UTF-8); a text that could be a formula gets an apostrophe before it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
