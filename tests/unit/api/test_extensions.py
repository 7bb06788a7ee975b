import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from kahua.extensions import Extensions
from kahua.site import Site
from kahua.testing.site import browser
from kahua.testing.wheels import write_wheel
from kahua.workflows.environments import EnvironmentBuilder

MANIFEST = """\
name = "example"
version = "1.0.0"
title = "Example"
licence = "MIT"
maturity = "experimental"
[environments.tiny]
requirements = "requirements.txt"
[workflows.count]
title = "Count"
[workflows.count.inputs.image]
type = "image"
[[workflows.count.steps]]
name = "count"
environment = "tiny"
command = ["python", "-c", "pass", "{inputs.image}", "{outputs.table}"]
inputs = { image = "dicom" }
[workflows.count.outputs.table]
type = "measurements"
from = "count"
"""


@pytest.fixture
def archive(tmp_path: Path, application: FastAPI) -> bytes:
    """An extension that can be built without network, as a browser sends it."""
    lock = write_wheel(tmp_path / "wheels", name="tiny")
    pip = {"PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "wheels")}
    site: Site = application.state.site
    builder = EnvironmentBuilder(site.settings, pip | {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)})
    extensions = Extensions(database=site.database, settings=site.settings, builder=builder)
    application.state.site = replace(site, extensions=extensions)
    return zipped(tmp_path / "example.zip", MANIFEST, lock)


def zipped(file: Path, manifest: str, lock: str) -> bytes:
    with zipfile.ZipFile(file, "w") as target:
        target.writestr("extension.toml", manifest)
        target.writestr("requirements.txt", lock)
    return file.read_bytes()


def test_an_uploaded_extension_is_built_listed_and_removed(application: FastAPI, archive: bytes) -> None:
    client = browser(application, "ada")
    accepted = client.post("/api/extensions", content=archive)
    assert accepted.status_code == 202, accepted.text
    assert (accepted.json()["state"], accepted.json()["installed_by"]) == ("building", "ada")

    (item,) = browser(application, "viewer").get("/api/extensions").json()["items"]
    assert item | {"state": "ready"} == item
    assert (item["name"], item["version"], item["workflows"]) == ("example", "1.0.0", ["example/count"])

    assert client.delete("/api/extensions/example/1.0.0").status_code == 204
    assert client.get("/api/extensions").json()["items"] == []
    assert client.delete("/api/extensions/example/1.0.0").status_code == 404


def test_defects_of_an_uploaded_extension_are_told_one_by_one(
    application: FastAPI, site: Any, archive: bytes, tmp_path: Path
) -> None:
    assert archive
    wrong = MANIFEST.replace('licence = "MIT"', "licence = 5").replace('"dicom"', '"nrrd"')
    answer = browser(application, "ada").post(
        "/api/extensions", content=zipped(tmp_path / "w.zip", wrong, "tiny==1.0\n")
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-input")
    assert [(defect["line"], defect["key"]) for defect in answer.json()["defects"]] == [
        (4, "licence"),
        (16, "workflows.count.steps.0.inputs.image"),
    ]
    assert not list(site.settings.folder("uploads").rglob("*"))


def test_a_body_that_is_no_archive_is_refused(application: FastAPI) -> None:
    answer = browser(application, "ada").post("/api/extensions", content=b"no archive")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-input")
