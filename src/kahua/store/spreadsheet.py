"""Tables for spreadsheets: no cell is taken for a formula, whatever it holds."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

#: What a spreadsheet would compute, at the beginning of a cell; some take the full-width, small and mathematical
#: signs for the others. A spreadsheet whose list separator is not the comma may begin a cell within one of ours,
#: after a semicolon, a tab or the end of a line. It may pass over what is blank or not to be seen before the sign.
_FORMULA: Final = re.compile(
    r"(?:\A|[;\t\n\v\f\r\x85\u2028\u2029])"
    r"[\s\x00-\x1f\u200b-\u200f\u2060\ufeff]*"
    r"(?=[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212])"
)


def as_csv(names: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Write rows as CSV (RFC 4180, UTF-8); a sign that could begin a formula gets an apostrophe before it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _harmless(cell: object) -> object:
    return _FORMULA.sub(r"\g<0>'", cell) if isinstance(cell, str) else cell
