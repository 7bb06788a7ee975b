from pathlib import Path

import pytest

from kahua.errors import TaskFailed
from kahua.workflows.measurements import read_measurements

from .specifications import brain_extraction, workflow


def read(tmp_path: Path, text: str) -> list[dict[str, object]]:
    outputs = brain_extraction()["outputs"]
    quantity = {"title": "Brain volume", "code": {"value": "118565006", "meaning": "Volume"}, "unit": "ml"}
    outputs["volumes"] |= {"quantities": {"volume": quantity}}
    table = tmp_path / "measurements.csv"
    table.write_text(text)
    return read_measurements(table, workflow(outputs=outputs), "volumes")


def test_rows_are_shown_with_titles_and_segments(tmp_path: Path) -> None:
    assert read(tmp_path, "name,value,unit,segment\nvolume,1561.2,ml,1\nother,2,mm,\n") == [
        {"name": "volume", "title": "Brain volume", "value": 1561.2, "unit": "ml", "segment": "Brain"},
        {"name": "other", "title": "other", "value": 2.0, "unit": "mm", "segment": None},
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name,value\nvolume,1\n", "lacks one of the columns"),
        ("name,value,unit\nvolume,much,ml\n", "'much', which is no number"),
        ("name,value,unit\nvolume,nan,ml\n", "not finite"),
        ("name,value,unit\nvolume\n", "lacks one of the columns"),
        ("name,value,unit\n" + "volume,1,ml\n" * 5001, "more than 5000 rows"),
    ],
)
def test_a_wrong_table_is_refused_in_words(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(TaskFailed, match=problem):
        read(tmp_path, text)
