"""Conversions that the planner adds, executed as tasks, shut in where that works."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kahua.settings import Settings
from kahua.store import Archive, Origin
from kahua.testing import factory
from kahua.testing.workflows import PROJECT, WorkflowSite, python_workflow
from kahua.workflows import RunFolders, Transfers, keep_dicom_in
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
    series_id = ""
    for number, instance in enumerate(factory.mr_series(slices=5, rows=8, columns=6)):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(factory.part10(instance))
        series_id = archive.store_file(PROJECT, path, Origin(door="test", sender="test")).series_id
    for is_cached in (False, True):
        run_id = site.start_run(series_id, program=SHAPE)
        engine.wake()
        run = site.wait(run_id)
        assert run.state == "succeeded", run.failure
        (file,) = site.files(run_id)
        assert b"".join(site.objects.stream(file.object_key)) == b"(6, 8, 5)"
        (attempt,) = site.attempts(site.task(run_id, f"convert:image:{series_id}"))
        assert (attempt.cpu_seconds is None) == is_cached
