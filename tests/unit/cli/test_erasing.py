"""``kahua erase``: first what would go, then it goes."""

from pathlib import Path

import pytest

from kahua.testing.factory import ct_series, part10

from .said import Kahua

PATIENT = "ERASE-ME-7731"


@pytest.fixture
def study(at_site: Kahua, tmp_path: Path) -> str:
    images = tmp_path / "images"
    images.mkdir()
    instances = ct_series(slices=2, patient_id=PATIENT)
    for number, instance in enumerate(instances):
        (images / f"{number}.dcm").write_bytes(part10(instance))
    assert at_site("import", images).status == 0
    return str(instances[0].StudyInstanceUID)


@pytest.mark.parametrize("by", ["patient", "study"])
def test_what_is_planned_goes_and_not_before(at_site: Kahua, folder: Path, study: str, by: str) -> None:
    named = [f"--{by}", PATIENT if by == "patient" else study]
    planned = at_site("erase", *named, "--dry-run")
    assert (planned.status, "2 instances" in planned.out) == (0, True)
    assert at_site("series", "list").out
    erased = at_site("erase", *named, "--yes")
    assert (erased.status, "the proof is in the audit log" in erased.out) == (0, True)
    assert [path for path in folder.rglob("*") if path.is_file() and PATIENT.encode() in path.read_bytes()] == []
    assert at_site("erase", *named, "--dry-run").status == 1


def test_exactly_one_thing_is_named(at_site: Kahua, study: str) -> None:
    assert at_site("erase", "--yes").status == 1
    assert at_site("erase", "--patient", PATIENT, "--study", study, "--yes").status == 1
