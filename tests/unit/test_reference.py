"""The generated pages of the reference say what the code says."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "reference"


def load_tool() -> ModuleType:
    """Import ``tools/reference.py``, which is no package."""
    sys.path.insert(0, str(ROOT / "tools"))  # as if it were started there: it has a neighbour
    specification = importlib.util.spec_from_file_location("reference", ROOT / "tools" / "reference.py")
    assert specification
    assert specification.loader
    tool = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(tool)
    return tool


PAGES = load_tool().pages()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_what_make_docs_would_write(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name], "run `make docs` and commit what it writes"


def test_no_page_of_the_reference_lacks_its_generator_but_those_that_are_found_out() -> None:
    assert {page.name for page in FOLDER.glob("*.md")} - {"figures.md", "outcomes.md"} == set(PAGES)


def test_the_conformance_statement_names_what_is_negotiated_and_matched() -> None:
    from kahua.store.dicomweb.attributes import ATTRIBUTES
    from kahua.store.dimse.negotiation import SERVICES

    page = PAGES["conformance.md"]
    assert all(f"`{uid}`" in page for uid in SERVICES)
    assert all(f"| {attribute.keyword} |" in page for attribute in ATTRIBUTES)


def test_every_setting_is_told_with_its_sentence() -> None:
    from kahua.settings import Settings

    for name, field in Settings.model_fields.items():
        row = next(line for line in PAGES["settings.md"].splitlines() if line.startswith(f"| `{name}` |"))
        assert f"`KAHUA_{name.upper()}`" in row
        assert str(field.description) in row
