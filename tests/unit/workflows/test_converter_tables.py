import json
from pathlib import Path

import pytest

from kahua.errors import InvalidInput
from kahua.workflows.converters.details import read_details
from kahua.workflows.converters.tables import Row, read_rows

LABELS = {1: "Brain", 2: "Lesion"}

#: A table, and what its refusal must say.
DEFECTS = {
    "": "has 0 rows",
    "name,value,unit\n": "has 0 rows",
    "name,unit\nvolume,ml\n": "Row 1 of the measurements has the value '', no number",
    "name,value,unit\nvolume,1,ml\nvolume,much,ml\n": "Row 2 of the measurements has the value 'much', no number",
    "name,value,unit\nvolume,nan,ml\n": "Row 1 of the measurements has the value 'nan', which is not finite",
    "name,value,unit\nvolume,1,\n": "Row 1 of the measurements lacks a name or a unit",
    "name,value,unit,segment\nvolume,1,ml,7\n": "Row 1 of the measurements names the segment '7', which there is not",
}


def table(tmp_path: Path, text: str | bytes) -> Path:
    file = tmp_path / "measurements.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def test_segments_are_given_by_label_or_name_or_not_at_all(tmp_path: Path) -> None:
    text = "name,value,unit,segment\r\nvolume,12.5,ml,1\r\nvolume,3,ml,Lesion\r\nage,1e2,a,\r\n"
    assert read_rows(table(tmp_path, text), LABELS) == [
        Row(name="volume", value=12.5, unit="ml", label=1),
        Row(name="volume", value=3.0, unit="ml", label=2),
        Row(name="age", value=100.0, unit="a", label=None),
    ]


@pytest.mark.parametrize("text", DEFECTS)
def test_a_table_that_is_none_is_refused_by_row(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_rows(table(tmp_path, text), LABELS)
    assert DEFECTS[text] in refused.value.message


def test_a_table_that_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_rows(table(tmp_path, b"name,value,unit\n\xff,1,ml\n"), LABELS)


def test_an_enormous_table_is_not_read(tmp_path: Path) -> None:
    file = table(tmp_path, "")
    with file.open("wb") as opened:
        opened.truncate(10_000_000_000)
    with pytest.raises(InvalidInput, match="larger than"):
        read_rows(file, LABELS)


@pytest.mark.parametrize("change", [{"series_uid": "../../x"}, {"algorithm": None}, {"more": 1}])
def test_details_that_no_planner_writes_are_refused(tmp_path: Path, change: dict) -> None:
    details = {"series_uid": "2.25.1", "sop_instance_uid": "2.25.2", "algorithm": {"name": "deepbet", "version": "1"}}
    (tmp_path / "good.json").write_text(json.dumps(details))
    assert read_details(tmp_path / "good.json").algorithm.name == "deepbet"
    (tmp_path / "bad.json").write_text(json.dumps(details | change))
    with pytest.raises(InvalidInput, match="details of the result are wrong"):
        read_details(tmp_path / "bad.json")
