"""``kahua series delete`` and ``kahua trash``."""

import json
from pathlib import Path

import pytest

from kahua.testing.factory import ct_series, part10

from .said import Kahua


@pytest.fixture
def series_id(at_site: Kahua, tmp_path: Path) -> str:
    images = tmp_path / "images"
    images.mkdir()
    for number, instance in enumerate(ct_series(slices=2)):
        (images / f"{number}.dcm").write_bytes(part10(instance))
    assert at_site("import", images).status == 0
    return ids(at_site, "series")[0]


def ids(at_site: Kahua, noun: str) -> list[str]:
    return [row["id"] for row in json.loads(at_site(noun, "list", "--json").out)]


def test_a_deleted_series_comes_back(at_site: Kahua, series_id: str) -> None:
    assert at_site("series", "delete", series_id, "--yes").status == 0
    assert ids(at_site, "series") == []
    (item,) = ids(at_site, "trash")
    said = at_site("trash", "restore", item)
    assert (said.status, said.out) == (0, f"2 instances are back in the series {series_id}.\n")
    assert ids(at_site, "series") == [series_id]
    assert ids(at_site, "trash") == []


@pytest.mark.parametrize("chosen", ["one", "all"])
def test_an_emptied_trash_leaves_no_object(at_site: Kahua, series_id: str, folder: Path, chosen: str) -> None:
    at_site("series", "delete", series_id, "--yes")
    assert at_site("trash", "empty", "--yes").status == 1
    what = ids(at_site, "trash") if chosen == "one" else ["--all"]
    assert at_site("trash", "empty", *what, "--yes").status == 0
    assert ids(at_site, "trash") == []
    assert [path for path in (folder / "objects").rglob("*") if path.is_file()] == []
