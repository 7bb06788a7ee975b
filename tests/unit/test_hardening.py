"""What the documentation says was tried, is tried by a test that exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "hardening.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`((?:unit|contract|integration|acceptance)/[\w/]+\.py)(?:::(\w+))?`", PAGE)


def test_every_class_names_its_tests() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 20
    assert all("test_" in row for row in rows)


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[f"{file}::{name}" for file, name in NAMED])
def test_a_test_that_is_named_exists(file: str, name: str) -> None:
    path = ROOT / "tests" / file
    assert path.is_file()
    assert not name or re.search(rf"def {name}\b", path.read_text(encoding="utf-8"))
