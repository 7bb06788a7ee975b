"""Erasing takes everything of a patient, proves it, and leaves everybody else as they were."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from sqlalchemy import func, select

from kahua.access import Role, entries, find_project, verify_audit_chain
from kahua.database import EventRow, deliver_events, new_id, now
from kahua.datasets import create_dataset
from kahua.datasets.tables import DatasetEntryRow
from kahua.errors import InvalidInput, KahuaError, NotFound, StateConflict
from kahua.site import Site
from kahua.store import (
    FileRow,
    InstanceRow,
    Origin,
    QuarantineRow,
    SeriesRow,
    StudyRow,
    Subject,
    WorkitemRow,
    add_file,
    delete_instances,
    missing,
)
from kahua.store.dimse import commitments
from kahua.store.dimse.commitment import CommitmentRequest, Item
from kahua.store.tables import CommitmentRow
from kahua.store.workitems import worklist
from kahua.store.workitems.documents import sequence, words
from kahua.testing.factory import ct_series, part10, segmentation
from kahua.testing.site import add_person, temporary_site
from kahua.testing.workitems import input_of, new_workitem
from kahua.workflows.states import JobState, RunState, TaskState
from kahua.workflows.tables import JobRow, JobSeriesRow, ResultRow, RunRow, TaskRow

PATIENT = "ERASE-ME-7731"
NAME = "Vanishing^Person"
WHOLE_PATIENT = Subject(kind="patient", identifier=PATIENT)
ORIGIN = Origin(door="import", sender="test")


@pytest.fixture
def site(tmp_path: Path, database_url: str | None) -> Iterator[Site]:
    data = tmp_path / "data"
    data.mkdir()
    site = temporary_site(data, database_url=database_url)
    add_person(site.database, "ann", liver=Role.MANAGER, brain=Role.MANAGER)
    yield site
    site.close()


@pytest.fixture
def project(site: Site) -> str:
    return project_of(site, "liver")


@pytest.fixture
def instances() -> list[Dataset]:
    return ct_series(slices=4, patient_id=PATIENT, patient_name=NAME)


def project_of(site: Site, name: str) -> str:
    with site.database.read() as session:
        return str(find_project(session, name).id)


def order_work(site: Site, project: str, **changes: Any) -> None:
    with site.database.write() as session:
        worklist.create(session, project, new_workitem(**changes), uid=None, creator="ann", creator_id="a")


def store(site: Site, folder: Path, project: str, instances: Sequence[Dataset]) -> list[Any]:
    paths = [folder / f"{number}.dcm" for number in range(len(instances))]
    for path, instance in zip(paths, instances, strict=True):
        path.write_bytes(part10(instance))
    results = site.archive.store_files(project, paths, ORIGIN)
    for path in paths:
        path.unlink()
    return list(results)


def derive(site: Site) -> None:
    while deliver_events(site.database, site.subscriptions()):
        pass


def count(site: Site, *kinds: Any) -> list[int]:
    with site.database.read() as session:
        return [session.scalar(select(func.count()).select_from(kind)) or 0 for kind in kinds]


def files_with(folder: Path, *words: str) -> list[str]:
    """Files that contain one of the words, in any of the codings that the site uses."""
    marks = [word.encode(coding) for word in words for coding in ("utf-8", "utf-16-le")]
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(mark in path.read_bytes() for mark in marks)
    ]


def test_a_patient_goes_with_everything_and_no_byte_of_them_stays(
    site: Site, project: str, instances: list[Dataset], tmp_path: Path
) -> None:
    data = site.settings.data_dir
    image = store(site, tmp_path, project, instances)[0].series_id
    store(site, tmp_path, project, [segmentation(instances)])
    others = store(site, tmp_path, project, ct_series(slices=2, seed="other", patient_id="STAYS"))
    changed = ct_series(slices=1, patient_id=PATIENT, patient_name=NAME)[0]
    changed.SeriesDescription = "Other bytes under the same UID"
    assert isinstance(store(site, tmp_path, project, [changed])[0], KahuaError)
    derive(site)
    with site.database.write() as session:
        create_dataset(session, project_id=project, actor="ann", name="all", series=[image, others[0].series_id])
        delete_instances(session, project, [instances[3].SOPInstanceUID], actor="ann", keep=True)
    order_work(site, project, t00100020=words("LO", PATIENT))
    order_work(site, project, t00100020=words("LO", ""), t00404021=sequence(input_of(instances[0].StudyInstanceUID)))
    order_work(site, project, t00100020=words("LO", "STAYS"))
    assert len(files_with(data, PATIENT)) > 5

    plan = site.erasures().plan(project, WHOLE_PATIENT)
    assert sorted((series.modality, series.reason) for series in plan.series) == [("CT", "named"), ("SEG", "named")]
    expected = {"series": 2, "instances": 5, "objects": 5, "trash": 1, "quarantine": 1, "dataset_entries": 1}
    expected["workitems"] = 2
    assert expected.items() <= plan.counts.items()
    erasure = site.erasures().erase(project, WHOLE_PATIENT, actor="ann")

    assert files_with(data, PATIENT, NAME, NAME.replace("^", " ").lower()) == []
    assert count(site, StudyRow, SeriesRow, InstanceRow, QuarantineRow, DatasetEntryRow) == [1, 1, 2, 0, 1]
    assert count(site, WorkitemRow) == [1]
    assert list(missing(site.database, site.objects)) == []
    assert erasure.objects_kept == 0
    with pytest.raises(NotFound):
        site.erasures().plan(project, WHOLE_PATIENT)


def test_nobody_waits_any_more_for_the_commitment_to_what_is_erased(
    site: Site, project: str, instances: list[Dataset], tmp_path: Path
) -> None:
    store(site, tmp_path, project, instances)
    (other,) = ct_series(slices=1, seed="other", patient_id="STAYS")
    store(site, tmp_path, project, [other])
    for named in (instances, [instances[0], other]):
        items = tuple(Item(sop_class_uid=each.SOPClassUID, sop_instance_uid=each.SOPInstanceUID) for each in named)
        request = CommitmentRequest(transaction_uid="1.2.3", items=items)
        commitments.ask(site.database, project_id=project, called="KAHUA", calling="SCANNER", request=request)
    site.erasures().erase(project, WHOLE_PATIENT, actor="ann")
    with site.database.read() as session:
        assert session.scalars(select(CommitmentRow.items)).all() == [[[other.SOPClassUID, other.SOPInstanceUID]]]
    assert files_with(site.settings.data_dir, str(instances[1].SOPInstanceUID)) == []


def test_the_proof_is_in_the_audit_log_and_says_nothing_of_the_patient(
    site: Site, project: str, instances: list[Dataset], tmp_path: Path
) -> None:
    store(site, tmp_path, project, instances)
    with site.database.read() as session:
        keys = sorted(session.scalars(select(InstanceRow.object_key)))
    erasure = site.erasures().erase(project, WHOLE_PATIENT, actor="ann")
    with site.database.read() as session:
        completed, begun = entries(session, limit=2)
        assert verify_audit_chain(session).intact
    assert (begun.action, begun.subject, begun.actor) == ("erasure.begun", erasure.id, "ann")
    assert begun.details["counts"]["instances"] == 4
    assert (completed.action, completed.details["objects"]) == ("erasure.completed", keys)
    said = f"{begun.details} {completed.details}"
    assert not any(word in said for word in (PATIENT, "Vanishing", instances[0].StudyInstanceUID))


def test_what_another_project_holds_stays_there(
    site: Site, project: str, instances: list[Dataset], tmp_path: Path
) -> None:
    other = project_of(site, "brain")
    store(site, tmp_path, project, instances)
    store(site, tmp_path, other, instances[:1])
    erasure = site.erasures().erase(project, WHOLE_PATIENT, actor="ann")
    assert (erasure.objects_deleted, erasure.objects_kept) == (3, 1)
    assert count(site, SeriesRow, InstanceRow) == [1, 1]
    assert list(missing(site.database, site.objects)) == []


def test_what_refers_to_a_series_of_another_study_goes_with_it(
    site: Site, project: str, instances: list[Dataset], tmp_path: Path
) -> None:
    mask = segmentation(instances)
    del mask.StudyInstanceUID  # it shares the element with its source
    mask.StudyInstanceUID = "1.2.3.4"
    store(site, tmp_path, project, [*instances, mask])
    study = Subject(kind="study", identifier=instances[0].StudyInstanceUID)
    plan = site.erasures().plan(project, study)
    assert {series.modality: series.reason for series in plan.series} == {"CT": "named", "SEG": "derived"}
    site.erasures().erase(project, study, actor="ann")
    assert count(site, SeriesRow, StudyRow) == [0, 0]


def test_what_is_named_wrongly_is_not_found_and_an_empty_name_means_nobody(site: Site, project: str) -> None:
    with pytest.raises(NotFound):
        site.erasures().erase(project, WHOLE_PATIENT, actor="ann")
    with pytest.raises(InvalidInput):
        Subject(kind="patient", identifier=" ")


def add_run(site: Site, project: str, series_id: str, *, state: JobState) -> JobRow:
    """Add a run that worked on a series, with a result, its folder and a cached conversion."""
    with site.database.write() as session:
        run = RunRow(
            project_id=project,
            workflow="test/program",
            version="1",
            specification={},
            code={},
            parameters={},
            state=RunState.FAILED,
            failure={"evidence": f"cannot read {PATIENT}"},
            created_at=now(),
            created_by="ann",
        )
        session.add(run)
        session.flush()
        job = JobRow(run_id=run.id, position=0, state=state)
        session.add(job)
        session.flush()
        session.add(JobSeriesRow(job_id=job.id, series_id=series_id, input_name="image", series_uid="1.2.3"))
        plan = {"cache_key": "c0ffee"}
        session.add(TaskRow(job_id=job.id, position=0, name="convert", plan=plan, after=[], state=TaskState.FAILED))
        site.objects.put("table", [f"patient,{PATIENT}".encode()])
        file = add_file(
            session,
            project_id=project,
            name="table.csv",
            media_type="text/csv",
            object_key="table",
            size=1,
            created_by="ann",
        )
        session.add(
            ResultRow(
                run_id=run.id,
                job_id=job.id,
                output_name="table",
                type="files",
                file_id=file.id,
                summary={},
                provenance={"patient": PATIENT},
                created_at=now(),
            )
        )
    for folder in (site.settings.folder("runs") / run.id / job.id / "task", site.settings.folder("cache") / "c0ffee"):
        folder.mkdir(parents=True)
        (folder / "input.nii").write_text(PATIENT)
    return job


def test_what_runs_made_goes_too(site: Site, project: str, instances: list[Dataset], tmp_path: Path) -> None:
    series_id = store(site, tmp_path, project, instances)[0].series_id
    add_run(site, project, series_id, state=JobState.FAILED)
    assert site.erasures().plan(project, WHOLE_PATIENT).counts["files"] == 1
    site.erasures().erase(project, WHOLE_PATIENT, actor="ann")
    assert count(site, ResultRow, FileRow, RunRow) == [0, 0, 1]
    assert files_with(site.settings.data_dir, PATIENT) == []
    assert not (site.settings.folder("cache") / "c0ffee").exists()


def test_what_a_run_works_on_is_not_erased(site: Site, project: str, instances: list[Dataset], tmp_path: Path) -> None:
    series_id = store(site, tmp_path, project, instances)[0].series_id
    add_run(site, project, series_id, state=JobState.RUNNING)
    with pytest.raises(StateConflict, match="run"):
        site.erasures().erase(project, WHOLE_PATIENT, actor="ann")
    assert count(site, InstanceRow, ResultRow) == [4, 1]


def test_a_site_that_is_killed_half_way_finishes_later_and_proves_it_once(
    site: Site, project: str, instances: list[Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    series_id = store(site, tmp_path, project, instances)[0].series_id
    add_run(site, project, series_id, state=JobState.FAILED)
    erasures = site.erasures()

    def die(_event: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(erasures, "finish", die)
    with pytest.raises(KeyboardInterrupt):
        erasures.erase(project, WHOLE_PATIENT, actor="ann")
    assert count(site, InstanceRow) == [0]
    assert len(list(site.objects.keys())) == 5
    for _ in range(2):
        derive(site)
        assert list(site.objects.keys()) == []
        assert files_with(site.settings.data_dir, PATIENT) == []
        with site.database.write() as session:
            done = [entry for entry in entries(session, limit=100) if entry.action == "erasure.completed"]
            for event in session.scalars(select(EventRow)):
                event.delivered, event.not_before = [], now()
        assert len(done) == 1


def test_a_large_study_goes_while_others_come_in(site: Site, project: str, tmp_path: Path) -> None:
    """How long it takes is the business of `make bench NAME=erase`."""
    from concurrent.futures import ThreadPoolExecutor

    store(site, tmp_path, project, ct_series(slices=500, rows=8, columns=8, patient_id=PATIENT, patient_name=NAME))
    coming = tmp_path / "coming"
    coming.mkdir()
    with ThreadPoolExecutor(2) as pool:
        others = pool.submit(
            lambda: [
                store(site, coming, project, ct_series(slices=5, seed=new_id(), rows=8, columns=8)) for _ in range(10)
            ]
        )
        erasure = pool.submit(lambda: site.erasures().erase(project, WHOLE_PATIENT, actor="ann")).result()
        arrived = [result for results in others.result() for result in results]
    assert erasure.objects_deleted == 500
    assert not any(isinstance(result, KahuaError) for result in arrived)
    assert count(site, InstanceRow) == [50]
    assert list(missing(site.database, site.objects)) == []
