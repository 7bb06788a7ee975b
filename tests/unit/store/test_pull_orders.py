"""What a pull may want, and when."""

from datetime import datetime

import pytest

from kahua.errors import InvalidInput
from kahua.store.remote.windows import check_windows, is_open
from kahua.store.remote.wishes import Wish, checked, wishes_of_table


@pytest.mark.parametrize(
    ("clock", "windows", "expected"),
    [
        ("12:00", (), True),
        ("12:00", ("19:00-06:00",), False),
        ("19:00", ("19:00-06:00",), True),
        ("23:59", ("19:00-06:00",), True),
        ("05:59", ("19:00-06:00",), True),
        ("06:00", ("19:00-06:00",), False),
        ("12:30", ("19:00-06:00", "12:00-13:00"), True),
        ("13:00", ("12:00-13:00",), False),
    ],
)
def test_a_window_opens_and_closes(clock: str, windows: tuple[str, ...], expected: bool) -> None:
    assert is_open(windows, datetime.fromisoformat(f"2026-01-31T{clock}:00+00:00")) is expected


@pytest.mark.parametrize("window", ["19-6", "24:00-06:00", "19:00-06:60", "19:00", "evening", "19:00-06:00\n"])
def test_what_is_no_window_is_refused(window: str) -> None:
    with pytest.raises(InvalidInput):
        check_windows([window])


def test_a_table_names_its_columns_as_people_do() -> None:
    table = "\ufeffPatient ID;Accession Number;Comment\r\n P1 ;A1;first\r\n;;\r\nP2;;\r\n"
    assert wishes_of_table(table) == [Wish(patient_id="P1", accession_number="A1"), Wish(patient_id="P2")]
    assert wishes_of_table("StudyInstanceUID\n1.2.3\n") == [Wish(study_uid="1.2.3")]


@pytest.mark.parametrize("table", ["", "Name,Age\nDoe,7\n", "1.2.3\n1.2.4\n"])
def test_a_table_without_a_column_that_counts_is_refused(table: str) -> None:
    with pytest.raises(InvalidInput):
        wishes_of_table(table)


@pytest.mark.parametrize(
    "wish",
    [
        Wish(),
        Wish(patient_id="*"),
        Wish(patient_id="P?"),
        Wish(accession_number="A\\B"),
        Wish(study_uid="../../etc"),
        Wish(study_uid="1.2.*"),
        Wish(series_uid="1.2.3"),
        Wish(patient_id="x" * 65),
    ],
)
def test_a_wish_for_everything_or_for_nonsense_is_refused(wish: Wish) -> None:
    with pytest.raises(InvalidInput):
        checked([wish])


def test_a_wish_is_kept_once() -> None:
    assert len(checked([Wish(study_uid="1.2.3"), Wish(study_uid="1.2.3")])) == 1
    with pytest.raises(InvalidInput):
        checked([])
