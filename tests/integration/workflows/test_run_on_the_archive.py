"""A run on real DICOM, from the archive and back into it, through the use cases that people call."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from kahua.access import verify_audit_chain
from kahua.access.tables import AuditEntryRow
from kahua.datasets import change_series, create_dataset
from kahua.errors import InvalidInput, NotFound, StateConflict
from kahua.settings import Settings
from kahua.store import Archive, InstanceRow, Origin, SeriesRow
from kahua.testing import factory
from kahua.testing.workflows import PROJECT, WorkflowSite, python_workflow
from kahua.workflows import Choice, RunFolders, Runs, Transfers, keep_dicom_in
from kahua.workflows.engines.local import LocalEngine
from kahua.workflows.runtimes.process import ProcessRuntime

#: Writes the input as another series, with UIDs that depend on the input alone.
COPY_SERIES = """
import sys
from pathlib import Path
import pydicom
for path in sorted(Path(sys.argv[1]).iterdir()):
    print('copying', path.name)
    instance = pydicom.dcmread(path)
    instance.SeriesInstanceUID += '.9'
    instance.SOPInstanceUID = instance.file_meta.MediaStorageSOPInstanceUID = instance.SOPInstanceUID + '.9'
    instance.save_as(Path(sys.argv[2]) / path.name)
"""

ORIGIN = Origin(door="test", sender="test")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[WorkflowSite]:
    inputs = {"image": {"type": "image", "modality": ["MR"], "minimum_slices": 3, "volume": True}}
    outputs = {"result": {"type": "image", "from": "run"}}
    site = WorkflowSite(tmp_path / "site", workflow=python_workflow(inputs=inputs, outputs=outputs))
    yield site
    site.database.close()


@pytest.fixture
def archive(site: WorkflowSite) -> Iterator[Archive]:
    settings = Settings(data_dir=site.folder)
    archive = Archive.from_settings(settings, database=site.database, objects=site.objects)
    yield archive
    archive.close()


@pytest.fixture
def runs(site: WorkflowSite, archive: Archive) -> Iterator[Runs]:
    folders = RunFolders(site.folder / "runs")
    engine = LocalEngine(
        database=site.database,
        runtime=ProcessRuntime(site.boundary),
        catalogue=site.catalogue,
        transfers=Transfers(database=site.database, objects=site.objects, keep_dicom=keep_dicom_in(archive)),
        machine=site.machine,
        folders=folders,
        cache=site.folder / "cache",
        log_bytes=1_000_000,
    )
    engine.start()
    yield Runs(
        database=site.database, catalogue=site.catalogue, machine=site.machine, folders=folders, wake=engine.wake
    )
    engine.stop()


def send(archive: Archive, folder: Path, *, missing: int | None = None, **changes: object) -> str:
    """Store a series of the phantom, and give its id."""
    series_id = ""
    for number, instance in enumerate(factory.mr_series(slices=6, **changes)):  # type: ignore[arg-type]
        if number != missing:
            path = folder / f"{number}.dcm"
            path.write_bytes(factory.part10(instance))
            series_id = archive.store_file(PROJECT, path, ORIGIN).series_id
    return series_id


def start(runs: Runs, *series: str, program: str = COPY_SERIES, skip_unfit: bool = False) -> str:
    return runs.start(
        PROJECT,
        actor="ada",
        workflow="test/program",
        choice=Choice(series=series),
        parameters={"program": program},
        skip_unfit=skip_unfit,
    )


def test_results_come_back_into_the_archive(site: WorkflowSite, archive: Archive, runs: Runs, tmp_path: Path) -> None:
    run_id = start(runs, send(archive, tmp_path))
    site.wait(run_id)
    detail = runs.detail(PROJECT, run_id)
    assert (detail.state, detail.failure) == ("succeeded", None)
    (result,) = detail.results
    with site.database.read() as session:
        series = session.get_one(SeriesRow, result.series_id)
        instances = session.scalars(select(InstanceRow).where(InstanceRow.series_id == series.id)).all()
    assert series.series_uid == result.series_uid
    assert {(instance.door, instance.sender) for instance in instances} == {("run", run_id)}
    assert len(instances) == 6


def test_repeating_a_run_doubles_no_instance(site: WorkflowSite, archive: Archive, runs: Runs, tmp_path: Path) -> None:
    first = start(runs, send(archive, tmp_path))
    site.wait(first)
    second = runs.repeat(PROJECT, first, actor="ada")
    assert site.wait(second).state == "succeeded"
    with site.database.read() as session:
        assert session.scalar(select(func.count()).select_from(InstanceRow)) == 12
    assert runs.detail(PROJECT, second).results[0].series_id == runs.detail(PROJECT, first).results[0].series_id


def test_what_does_not_fit_is_refused_in_words(archive: Archive, runs: Runs, tmp_path: Path) -> None:
    gap = send(archive, tmp_path, missing=2)
    with pytest.raises(InvalidInput, match="1 slice is missing, between the slices 2 and 3") as caught:
        start(runs, gap)
    (unfit,) = caught.value.details["unfit"]  # type: ignore[misc]
    assert unfit["series"] == gap
    checked = runs.check(PROJECT, workflow="test/program", choice=Choice(series=[gap]), parameters={})
    assert (checked.fit, checked.jobs) == ([], 0)


def test_unfit_series_can_be_left_out(site: WorkflowSite, archive: Archive, runs: Runs, tmp_path: Path) -> None:
    good, gap = send(archive, tmp_path), send(archive, tmp_path, missing=2, seed="other")
    run_id = start(runs, good, gap, skip_unfit=True)
    site.wait(run_id)
    assert [job.series[0].id for job in runs.detail(PROJECT, run_id).jobs] == [good]


def test_the_log_is_followed_by_offset(site: WorkflowSite, archive: Archive, runs: Runs, tmp_path: Path) -> None:
    run_id = start(runs, send(archive, tmp_path), program="import time; print('früh'); time.sleep(1); print('spät')")
    site.wait(run_id, state="running")
    text, offset, finished = "", 0, False
    while not finished:
        task = site.task(run_id, "run")
        if not site.attempts(task):
            continue
        part = runs.log(PROJECT, run_id, task.id, 1, offset=offset)
        text, offset, finished = text + part.text, part.next_offset, part.finished
        if "spät" not in text:
            assert not finished
    assert text == "früh\nspät\n"


def test_another_project_sees_nothing(site: WorkflowSite, archive: Archive, runs: Runs, tmp_path: Path) -> None:
    series_id = send(archive, tmp_path)
    run_id = start(runs, series_id)
    site.wait(run_id)
    task = site.task(run_id, "run")
    for ask in (
        lambda: runs.detail("other", run_id),
        lambda: runs.cancel("other", run_id, actor="eve"),
        lambda: runs.resume("other", run_id, actor="eve"),
        lambda: runs.repeat("other", run_id, actor="eve"),
        lambda: runs.record("other", run_id),
        lambda: runs.log("other", run_id, task.id, 1),
        lambda: runs.check("other", workflow="test/program", choice=Choice(series=[series_id]), parameters={}),
    ):
        with pytest.raises(NotFound):
            ask()
    assert runs.page("other") == ([], None)


def test_a_finished_run_can_be_neither_cancelled_nor_resumed(
    site: WorkflowSite, archive: Archive, runs: Runs, tmp_path: Path
) -> None:
    run_id = start(runs, send(archive, tmp_path))
    site.wait(run_id)
    with pytest.raises(StateConflict, match="succeeded cannot become cancelling"):
        runs.cancel(PROJECT, run_id, actor="ada")
    with pytest.raises(StateConflict, match="succeeded cannot become queued"):
        runs.resume(PROJECT, run_id, actor="ada")


def test_every_act_is_in_the_audit_log(site: WorkflowSite, archive: Archive, runs: Runs, tmp_path: Path) -> None:
    run_id = start(runs, send(archive, tmp_path), program="import time; time.sleep(60)")
    runs.cancel(PROJECT, run_id, actor="bob")
    site.wait(run_id)
    with site.database.read() as session:
        acts = session.execute(select(AuditEntryRow.actor, AuditEntryRow.action, AuditEntryRow.subject)).all()
        assert verify_audit_chain(session).intact
    assert [tuple(act) for act in acts] == [("ada", "run.start", run_id), ("bob", "run.cancel", run_id)]


def test_runs_are_listed_page_by_page(site: WorkflowSite, archive: Archive, runs: Runs, tmp_path: Path) -> None:
    series_id = send(archive, tmp_path)
    started = [start(runs, series_id) for _ in range(5)]
    for run_id in started:
        site.wait(run_id)
    seen, cursor = [], None
    while True:
        items, cursor = runs.page(PROJECT, cursor=cursor, limit=2)
        seen += [item.id for item in items]
        if cursor is None:
            break
    assert seen == started[::-1]
    assert runs.page(PROJECT, state="failed") == ([], None)


def test_the_record_names_data_code_and_person(
    site: WorkflowSite, archive: Archive, runs: Runs, tmp_path: Path
) -> None:
    run_id = start(runs, send(archive, tmp_path))
    site.wait(run_id)
    record = runs.record(PROJECT, run_id)
    (result,) = record["results"]
    with site.database.read() as session:
        keys = set(session.scalars(select(InstanceRow.object_key).where(InstanceRow.door == "test")))
    assert set(result["provenance"]["inputs"][0]["objects"]) == keys
    assert record["code"]["extension_digest"] == "1" * 64
    assert record["run"]["created_by"] == "ada"


def test_a_run_takes_a_dataset_in_its_version(site: WorkflowSite, archive: Archive, runs: Runs, tmp_path: Path) -> None:
    first, second = send(archive, tmp_path), send(archive, tmp_path, seed="other")
    with site.database.write() as session:
        create_dataset(session, project_id=PROJECT, actor="ada", name="heads", series=[first])
        change_series(session, project_id=PROJECT, actor="ada", name="heads", add=[second])

    def series_of_run(version: int | None) -> tuple[int | None, list[str]]:
        choice = Choice(dataset="heads", dataset_version=version)
        run_id = runs.start(PROJECT, actor="ada", workflow="test/program", choice=choice, parameters={})
        site.wait(run_id)
        detail = runs.detail(PROJECT, run_id)
        return detail.dataset_version, [job.series[0].id for job in detail.jobs]

    assert series_of_run(1) == (1, [first])
    assert series_of_run(None) == (2, [first, second])
    with pytest.raises(NotFound):
        series_of_run(3)
