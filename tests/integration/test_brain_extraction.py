"""The first-party extension as a run uses it: its environment built, its step on a real head, the result as DICOM."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from kahua.dicom.geometry import check_volume, sort_slices
from kahua.dicom.measurement_report import read_measurements
from kahua.dicom.segmentation import read_segmentation
from kahua.extensions import Extensions, first_party_extensions
from kahua.settings import load_settings
from kahua.testing import shared_data
from kahua.testing.site import temporary_database
from kahua.workflows.catalogue import InstalledWorkflow

DATA = shared_data()

#: Share of the voxels that FreeSurfer labels which the mask has to cover.
COVERAGE = 0.99

pytestmark = [
    pytest.mark.skipif(DATA is None, reason="the real head of the shared test data is not here"),
    pytest.mark.timeout(900),  # the environment is several hundred MB
]


@pytest.fixture(scope="module")
def workflow(tmp_path_factory: pytest.TempPathFactory) -> InstalledWorkflow:
    folder = tmp_path_factory.mktemp("site")
    database = temporary_database(folder)
    extensions = Extensions(database=database, settings=load_settings(data_dir=folder))
    extensions.install(first_party_extensions()["brain-extraction"], actor="test")
    database.close()
    return extensions.get("brain-extraction/brain-extraction")


def convert(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "kahua.workflows.converters", *map(str, arguments)], check=True)


def details(file: Path, workflow: InstalledWorkflow, output: str, series_uid: str) -> Path:
    outputs = workflow.workflow.outputs
    file.write_text(
        json.dumps(
            {
                "series_uid": series_uid,
                "sop_instance_uid": f"{series_uid}.1",
                "series_description": outputs[output].title,
                "algorithm": {"name": workflow.workflow.title, "version": workflow.version},
                "segments": [segment.model_dump(mode="json") for segment in outputs["mask"].segments],
                "quantities": {name: each.model_dump(mode="json") for name, each in outputs[output].quantities.items()},
            }
        )
    )
    return file


def test_a_real_head_becomes_a_segmentation_that_covers_its_brain(tmp_path: Path, workflow: InstalledWorkflow) -> None:
    assert DATA
    image, head, labels = DATA / "mr_mprage_freesurfer" / "t1", tmp_path / "head.nii.gz", tmp_path / "labels.nii.gz"
    table, mask, report = tmp_path / "table.csv", tmp_path / "mask", tmp_path / "report"
    mask.mkdir()
    report.mkdir()

    convert("dicom-to-nifti", image, head)
    step = [workflow.environments["deepbet"].python, workflow.folder / "extract.py", head, labels, table]
    subprocess.run([*step, "--threshold=0.5", "--n-dilate=0"], check=True, env={"HOME": str(tmp_path)})
    convert("labelmap-to-seg", labels, image, details(tmp_path / "m.json", workflow, "mask", "2.25.1"), mask)
    about = details(tmp_path / "r.json", workflow, "volumes", "2.25.2")
    convert("measurements-to-sr", table, mask, image, about, report)

    sources = [dcmread(file) for file in image.iterdir()]
    found = read_segmentation(dcmread(mask / "segmentation.dcm"), sources).mask(1)
    reference = next(file for file in (DATA / "mr_mprage_freesurfer" / "seg_897frames").iterdir())
    freesurfer = np.any([each > 0 for each in read_segmentation(dcmread(reference), sources).labelmaps], axis=0)
    assert (found & freesurfer).sum() / freesurfer.sum() >= COVERAGE

    affine = check_volume(sort_slices(sources)).affine
    (volume,) = read_measurements(dcmread(report / "report.dcm"))
    with table.open() as file:
        (row,) = csv.DictReader(file)
    assert (volume.unit, volume.segment, volume.tracking) == ("ml", 1, "Brain")
    assert volume.value == pytest.approx(float(row["value"]))
    assert volume.value == pytest.approx(found.sum() * abs(np.linalg.det(affine)) / 1000, rel=1e-3)


def test_what_is_no_head_ends_with_a_sentence(tmp_path: Path, workflow: InstalledWorkflow) -> None:
    (tmp_path / "small.nii.gz").write_bytes(b"small")
    step = [
        workflow.environments["deepbet"].python,
        workflow.folder / "extract.py",
        "small.nii.gz",
        "l.nii.gz",
        "t.csv",
    ]
    done = subprocess.run(step, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("The image is too small to be a head.")
