"""``kahua export`` and ``kahua reidentify`` on a real site."""

import json
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from kahua.access import find_project
from kahua.settings import Settings
from kahua.site import build_site, prepare_site
from kahua.store import Origin
from kahua.testing.factory import ct_series, part10


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Folder of a site with one patient."""
    folder = tmp_path / "site"
    settings = Settings(data_dir=folder)
    prepare_site(settings)
    site = build_site(settings)
    with site.database.read() as session:
        project = find_project(session, "main")
    for instance in ct_series(slices=2, patient_id="PAT-778899"):
        path = tmp_path / "incoming"
        path.write_bytes(part10(instance))
        site.archive.store_file(project.id, path, Origin(door="import", sender="test"))
    site.close()
    return folder


def kahua(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kahua", "--data-dir", str(data_dir), *arguments],
        check=False,
        capture_output=True,
        text=True,
    )


def test_series_are_written_and_patients_found_again(data_dir: Path, tmp_path: Path) -> None:
    (series,) = json.loads(kahua(data_dir, "series", "list", "--json").stdout)
    out = tmp_path / "out.zip"
    done = kahua(data_dir, "export", str(out), "--series", series["id"], "--keep", "characteristics")
    assert done.returncode == 0, done.stderr
    with ZipFile(out) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["totals"]["instances"] == 2
    assert manifest["profile"]["retain_characteristics"] is True
    asked = (manifest["series"][0]["patient"], "--reason", "An incidental finding.", "--json")
    found = json.loads(kahua(data_dir, "reidentify", *asked).stdout)
    assert [patient["patient_id"] for patient in found] == ["PAT-778899"]


def test_refusal_leaves_no_file(data_dir: Path, tmp_path: Path) -> None:
    done = kahua(data_dir, "export", str(tmp_path / "out.zip"), "--series", "nosuch")
    assert done.returncode == 1
    assert list(tmp_path.glob("out*")) == []


def test_file_that_is_there_is_not_overwritten(data_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.zip"
    out.write_text("mine")
    assert kahua(data_dir, "export", str(out), "--dataset", "any").returncode == 1
    assert out.read_text() == "mine"
