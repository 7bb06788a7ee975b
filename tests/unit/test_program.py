"""Modules that run as programs of their own."""

import json
import subprocess
import sys

import pytest

from kahua.store.child import REFUSED


@pytest.mark.parametrize("module", ["kahua.store.pictures.render", "kahua.store.pictures.drawing"])
def test_a_child_that_draws_holds_no_database(module: str) -> None:
    child = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "kahua.program", module], input=b"", capture_output=True, check=True
    )
    imported = {line.rpartition(b"|")[2].strip() for line in child.stderr.splitlines()}
    assert b"kahua.store.pictures.serving" in imported
    assert not imported & {b"sqlalchemy", b"pydantic", b"httpx", b"kahua.store.tables"}


def test_a_module_gets_its_arguments_and_says_by_its_status_how_it_ended() -> None:
    described = json.dumps({"name": "head", "seed": "head", "modality": "MR", "description": ""})
    child = subprocess.run(
        [sys.executable, "-m", "kahua.program", "kahua.store.imports.nifti", "/nowhere.nii", "/nowhere", described],
        capture_output=True,
        check=False,
    )
    assert child.returncode == REFUSED
