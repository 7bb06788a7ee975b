"""``kahua quarantine``: what was refused is looked at, tried again and let go."""

import json
from pathlib import Path

import pytest

from kahua.testing.factory import ct_series, part10

from .said import Kahua


@pytest.fixture
def correction(at_site: Kahua, tmp_path: Path) -> bytes:
    """An object that waits in quarantine, for another has its UID."""
    path = tmp_path / "slice.dcm"
    instance = ct_series(slices=1)[0]
    path.write_bytes(part10(instance))
    assert at_site("import", path).status == 0
    instance.PatientComments = "Sent again after a correction."
    path.write_bytes(part10(instance))
    assert "same SOP Instance UID" in at_site("import", path).out
    return path.read_bytes()


def ids(at_site: Kahua, noun: str) -> list[str]:
    return [row["id"] for row in json.loads(at_site(noun, "list", "--json").out)]


def test_object_is_written_into_a_file(at_site: Kahua, correction: bytes, tmp_path: Path) -> None:
    (item,) = ids(at_site, "quarantine")
    out = tmp_path / "out.dcm"
    assert at_site("quarantine", "get", item, "--out", out).status == 0
    assert b"Sent again after a correction." in out.read_bytes()
    assert out.stat().st_size == len(correction)
    assert at_site("quarantine", "get", item, "--out", out).status == 1


@pytest.mark.usefixtures("correction")
def test_correction_takes_its_place_when_the_first_is_deleted(at_site: Kahua) -> None:
    (item,) = ids(at_site, "quarantine")
    refused = at_site("quarantine", "release", item)
    assert refused.status == 1
    assert "stays in quarantine" in refused.out
    at_site("series", "delete", *ids(at_site, "series"), "--yes")
    assert at_site("quarantine", "release", item).status == 0
    assert (len(ids(at_site, "series")), ids(at_site, "quarantine")) == (1, [])


@pytest.mark.usefixtures("correction")
@pytest.mark.parametrize("chosen", ["one", "all"])
def test_discarded_object_leaves_no_byte(at_site: Kahua, folder: Path, chosen: str) -> None:
    assert at_site("quarantine", "discard", "--yes").status == 1
    what = ids(at_site, "quarantine") if chosen == "one" else ["--all"]
    assert at_site("quarantine", "discard", *what, "--yes").status == 0
    assert ids(at_site, "quarantine") == []
    objects = [path for path in (folder / "objects").rglob("*") if path.is_file()]
    assert not any(b"after a correction" in path.read_bytes() for path in objects)
