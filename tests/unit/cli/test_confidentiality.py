"""``kahua project confidentiality`` and ``kahua pixel-template`` on a real site."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kahua.access import find_project
from kahua.settings import Settings
from kahua.site import build_site, prepare_site
from kahua.store import Origin
from kahua.testing.factory import ct_series, part10


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    prepare_site(Settings(data_dir=folder))
    return folder


def kahua(data_dir: Path, *arguments: str, given: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "kahua", "--data-dir", str(data_dir), *arguments],
        check=False,
        capture_output=True,
        text=True,
        input=given,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def bring(data_dir: Path, folder: Path, **attributes: str) -> str:
    """Bring a slice in; give the Patient ID under which it is."""
    site = build_site(Settings(data_dir=data_dir))
    path = folder / "incoming"
    path.write_bytes(part10(ct_series(slices=1, patient_id="PAT-778899", **attributes)[0]))
    with site.database.read() as session:
        project = find_project(session, "main").id
    site.archive.store_files(project, [path], Origin(door="import", sender="test"))
    site.close()
    (series,) = json.loads(kahua(data_dir, "series", "list", "--json")) or [{"patient": ""}]
    return str(series["patient"])


def test_project_is_sealed_and_its_patient_found_again(data_dir: Path, tmp_path: Path) -> None:
    kahua(data_dir, "project", "confidentiality", "set", "main", "--on-arrival", "--keep", "device")
    (shown,) = json.loads(kahua(data_dir, "project", "confidentiality", "show", "main", "--json"))
    assert (shown["on_arrival"], shown["keep"]) == ("yes", "device")
    secret = ("--passphrase-file", "-")
    kahua(data_dir, "project", "confidentiality", "seal", "main", *secret, given="correct horse battery\n")
    patient = bring(data_dir, tmp_path)
    asked = ("reidentify", patient, "--reason", "An incidental finding.", "--json")
    assert json.loads(kahua(data_dir, *asked)) == []
    (found,) = json.loads(kahua(data_dir, *asked, *secret, given="correct horse battery\n"))
    assert found["patient_id"] == "PAT-778899"
    (report,) = json.loads(kahua(data_dir, "project", "confidentiality", "reports", "main", "--json"))
    assert (report["occasion"], report["instances"]) == ("arrival", 1)
    out = tmp_path / "report.csv"
    kahua(data_dir, "project", "confidentiality", "report", "main", report["id"], "--out", str(out))
    assert 'change,"(0010,0020) PatientID",pseudonym,1' in out.read_text().splitlines()
    assert "1 patients" in kahua(data_dir, "project", "confidentiality", "forget", "main", "--yes")


def test_held_object_is_released(data_dir: Path, tmp_path: Path) -> None:
    kahua(data_dir, "project", "confidentiality", "set", "main", "--on-arrival")
    assert bring(data_dir, tmp_path, Modality="US") == ""
    (held,) = json.loads(kahua(data_dir, "quarantine", "list", "--json"))
    assert "series" in kahua(data_dir, "quarantine", "release", held["id"])
    assert len(json.loads(kahua(data_dir, "series", "list", "--json"))) == 1


def test_template_begins_with_an_example(data_dir: Path) -> None:
    examples = json.loads(kahua(data_dir, "pixel-template", "list", "--examples", "--json"))
    name = examples[0]["name"]
    kahua(data_dir, "pixel-template", "add", "ours", "--like", name, "--model", "LOGIQ", "--area", "0,0,10,20")
    (ours,) = json.loads(kahua(data_dir, "pixel-template", "list", "--json"))
    assert (ours["name"], ours["model"], ours["areas"], ours["size"]) == ("ours", "LOGIQ", "0,0,10,20", "1024x768")
    kahua(data_dir, "pixel-template", "remove", "ours")
    assert json.loads(kahua(data_dir, "pixel-template", "list", "--json")) == []
