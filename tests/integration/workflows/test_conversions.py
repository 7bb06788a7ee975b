"""Conversions that the planner adds, executed as tasks, shut in where that works."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from kahua.settings import Settings
from kahua.store import Archive, Origin, SeriesReferenceRow, SeriesRow
from kahua.testing import factory
from kahua.testing.workflows import PROJECT, WorkflowSite, python_workflow
from kahua.workflows import RunFolders, Transfers, Workflow, keep_dicom_in
from kahua.workflows.engines.local import LocalEngine
from kahua.workflows.runtimes.process import ProcessRuntime
from kahua.workflows.runtimes.sandbox import choose_boundary

#: Writes down the shape of a NIfTI volume.
SHAPE = """
import sys
import nibabel
open(sys.argv[2] + '/shape', 'w').write(str(nibabel.load(sys.argv[1]).shape))
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[WorkflowSite]:
    site = WorkflowSite(tmp_path / "site", workflow=python_workflow(step={"inputs": {"image": "nifti"}}))
    site.boundary = choose_boundary("auto")
    yield site
    site.database.close()


@pytest.fixture
def archive(site: WorkflowSite) -> Iterator[Archive]:
    settings = Settings(data_dir=site.folder)
    archive = Archive.from_settings(settings, database=site.database, objects=site.objects)
    yield archive
    archive.close()


@pytest.fixture
def engine(site: WorkflowSite, archive: Archive) -> Iterator[LocalEngine]:
    engine = LocalEngine(
        database=site.database,
        runtime=ProcessRuntime(site.boundary),
        catalogue=site.catalogue,
        transfers=Transfers(database=site.database, objects=site.objects, keep_dicom=keep_dicom_in(archive)),
        machine=site.machine,
        folders=RunFolders(site.folder / "runs"),
        cache=site.folder / "cache",
        log_bytes=1_000_000,
    )
    engine.start()
    yield engine
    engine.stop()


def test_a_step_gets_nifti_and_the_next_run_takes_it_from_the_cache(
    site: WorkflowSite, archive: Archive, engine: LocalEngine, tmp_path: Path
) -> None:
    series_id = send(archive, tmp_path)
    for is_cached in (False, True):
        run_id = site.start_run(series_id, program=SHAPE)
        engine.wake()
        run = site.wait(run_id)
        assert run.state == "succeeded", run.failure
        (file,) = site.files(run_id)
        assert b"".join(site.objects.stream(file.object_key)) == b"(12, 16, 5)"
        (attempt,) = site.attempts(site.task(run_id, f"convert:image:{series_id}"))
        assert (attempt.cpu_seconds is None) == is_cached


#: Labels all that is bright, and measures it: what a step that segments does.
SEGMENT = """
import sys
import nibabel
import numpy as np
image = nibabel.load(sys.argv[1])
labels = (image.get_fdata() > 100).astype(np.uint8)
nibabel.save(nibabel.Nifti1Image(labels, image.affine), sys.argv[2])
open(sys.argv[3], 'w').write(f'name,value,unit,segment\\nvolume,{int(labels.sum())},ml,1\\n')
"""


def test_labels_and_measurements_become_dicom_beside_their_image(
    site: WorkflowSite, archive: Archive, engine: LocalEngine, tmp_path: Path
) -> None:
    site.installed = site.catalogue.add("test/segment", segmenting_workflow())
    run_id = site.start_run(send(archive, tmp_path), program=SEGMENT)
    engine.wake()
    run = site.wait(run_id)
    assert run.state == "succeeded", run.failure
    results = {result.output_name: result for result in site.results(run_id)}
    with site.database.read() as session:
        modality = {name: session.get_one(SeriesRow, result.series_id).modality for name, result in results.items()}
        references = session.scalars(select(SeriesReferenceRow.series_id)).all()
    assert modality == {"mask": "SEG", "volumes": "SR"}
    assert {result.series_id for result in results.values()} <= set(references)
    (measured,) = results["volumes"].summary["measurements"]
    assert (measured["title"], measured["unit"], measured["segment"]) == ("Volume", "ml", "Bright")


def segmenting_workflow() -> Workflow:
    """Give a workflow with a segmentation and its measurements."""
    command = ["python", "-I", "-c", "{parameters.program}", "{inputs.image}", "{outputs.mask}", "{outputs.volumes}"]
    category = {"value": "123037004", "meaning": "Anatomical Structure"}
    segment = {"label": 1, "name": "Bright", "category": category, "type": {"value": "12738006", "meaning": "Brain"}}
    quantity = {"title": "Volume", "unit": "ml", "code": {"value": "118565006", "meaning": "Volume"}}
    outputs = {
        "mask": {"type": "segmentation", "from": "run", "segments": [segment]},
        "volumes": {
            "type": "measurements",
            "from": "run",
            "segmentation": "mask",
            "quantities": {"volume": quantity},
        },
    }
    return python_workflow(step={"inputs": {"image": "nifti"}, "command": command}, outputs=outputs)


def send(archive: Archive, folder: Path) -> str:
    """Store a series of the phantom, and give its id."""
    series_id = ""
    for number, instance in enumerate(factory.mr_series(slices=5, rows=16, columns=12)):
        path = folder / f"{number}.dcm"
        path.write_bytes(factory.part10(instance))
        series_id = archive.store_file(PROJECT, path, Origin(door="test", sender="test")).series_id
    return series_id
