"""Tables for spreadsheets hold text, never formulas."""

import csv
import io

import pytest

from kahua.store import as_csv


def cell_of(text: str) -> str:
    """Give what a reader of the table finds in the cell of a text."""
    (_, (found,)) = csv.reader(io.StringIO(as_csv(("what",), [(text,)]).decode(), newline=""))
    return found


@pytest.mark.parametrize("cell", ["=cmd()", "+1", "-1+1", "@SUM(A1)", "＝1", "＋1", "－1", "＠SUM(A1)", "﹦1", "−1"])
def test_formula_becomes_text(cell: str) -> None:
    assert cell_of(cell) == f"'{cell}"


@pytest.mark.parametrize("before", ["\t", "\r", "\n", "\r\n", " ", "\N{IDEOGRAPHIC SPACE}", "\ufeff", "\u200b", "\0"])
def test_nothing_blank_or_invisible_hides_the_sign_of_a_formula(before: str) -> None:
    assert cell_of(f"{before}=1") == f"{before}'=1"


@pytest.mark.parametrize("end", [";", "; ", "\t", "\r", "\n", "\r\n ", "\u2028"])
def test_no_formula_begins_where_another_separator_or_a_line_ends_the_cell(end: str) -> None:
    assert cell_of(f"chest{end}=cmd();-{end}＋1") == f"chest{end}'=cmd();'-{end}'＋1"


def test_a_number_stays_a_number() -> None:
    assert as_csv(("count",), [(-5,), (-0.5,)]) == b"count\r\n-5\r\n-0.5\r\n"


@pytest.mark.parametrize("text", ['a "b", c\nd', "T1 - post, 3 + 1", "a@b.org", "1.5-2", "x=1", ""])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert cell_of(text) == text
