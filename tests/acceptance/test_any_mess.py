"""Broken files and character sets, by C-STORE and from a folder: each is filed or kept aside, none stops the rest."""

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from kahua.testing import shared_data

from .running import RunningSite, wait_for

DATA = shared_data()
FOLDERS = [DATA / "broken", DATA / "charsets"] if DATA else []
FILES = [path for folder in FOLDERS for path in sorted(folder.iterdir())]

pytestmark = pytest.mark.skipif(DATA is None, reason="the folder shared/data is not here")


@pytest.fixture(scope="module")
def site(start_site: Callable[..., RunningSite]) -> RunningSite:
    return start_site()


def listed(site: RunningSite, project: str, query: str = "") -> list[dict[str, Any]]:
    answer = site.kahua("series", "list", query, "--json", "--limit", "1000", "--project", project)
    found: list[dict[str, Any]] = json.loads(answer.stdout)
    return found


def await_badges(site: RunningSite, project: str) -> Counter[str]:
    """Wait until the worker has looked at every series; count what the badges say."""
    wait_for(lambda: not listed(site, project, "Validation:pending"), "badges of all series", seconds=120)
    states = ("ok", "notes", "warnings", "errors")
    return Counter({state: len(listed(site, project, f"Validation:{state}")) for state in states})


def check(site: RunningSite, project: str) -> None:
    badges = await_badges(site, project)
    assert badges["errors"] >= 4
    assert badges["notes"] >= 5
    conflicts = listed(site, project, "Validation:uid-conflict")
    assert conflicts, "the same UID with other pixels is told of"
    told = site.kahua("series", "show", conflicts[0]["id"], "--project", project).stdout
    assert "wait in quarantine" in told
    assert "Compare both" in told


def test_a_messy_folder_is_brought_in(site: RunningSite) -> None:
    site.kahua("project", "add", "folder")
    for folder in FOLDERS:
        said = site.kahua("import", folder, "--project", "folder").stdout
        assert "brought in" in said
    check(site, "folder")


@pytest.mark.skipif(shutil.which("dcmsend") is None, reason="DCMTK's dcmsend is not installed")
def test_a_messy_sender_is_answered(site: RunningSite) -> None:
    site.kahua("project", "add", "dimse")
    sent = subprocess.run(
        ["dcmsend", "-nh", "-v", "-aec", "kp-dimse", "127.0.0.1", str(site.dicom_port), *map(str, FILES)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "with status SUCCESS" in sent.stdout + sent.stderr, sent.stderr[-2000:]
    check(site, "dimse")
