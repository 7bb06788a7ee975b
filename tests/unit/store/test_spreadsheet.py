"""Tables for spreadsheets hold text, never formulas."""

import csv
import io

import pytest

from kahua.store import as_csv


@pytest.mark.parametrize("cell", ["=cmd()", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1"])
def test_formula_becomes_text(cell: str) -> None:
    (_, (found, number)) = csv.reader(io.StringIO(as_csv(("what", "count"), [(cell, -5)]).decode(), newline=""))
    assert found == f"'{cell}"
    assert number == "-5"


def test_quotes_commas_and_lines_stay_within_their_cell() -> None:
    text = 'a "b", c\nd'
    (_, (found,)) = csv.reader(io.StringIO(as_csv(("what",), [(text,)]).decode(), newline=""))
    assert found == text
