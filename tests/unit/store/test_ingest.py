"""What comes in is kept once, durably, and found; what is wrong is kept aside."""

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from sqlalchemy import select

from kahua.database import Database, EventRow
from kahua.dicom import read_file_meta, write_file_meta
from kahua.errors import (
    KahuaError,
    MisdeclaredDicom,
    MissingAttribute,
    OutOfSpace,
    SopInstanceConflict,
    UnreadableDicom,
)
from kahua.store import (
    Accepted,
    Archive,
    InstanceRow,
    MemoryData,
    Origin,
    QuarantineRow,
    SeriesReferenceRow,
    SeriesRow,
    StudyRow,
)
from kahua.store.ingest.staging import FileData
from kahua.testing import shared_data
from kahua.testing.factory import ct_series, data_set_bytes, part10

EXPLICIT = "1.2.840.10008.1.2.1"
ORIGIN = Origin(door="dimse", sender="SCANNER")

Count = Callable[[str], int]


def store(archive: Archive, instance: Dataset, *, project: str = "main", origin: Origin = ORIGIN) -> Accepted:
    """Store an instance as the receiver does."""
    return archive.store_dataset(
        project,
        sop_class_uid=instance.SOPClassUID,
        sop_instance_uid=instance.SOPInstanceUID,
        transfer_syntax_uid=EXPLICIT,
        data=MemoryData(memoryview(data_set_bytes(instance))),
        origin=origin,
    )


def kept_findings(archive: Archive) -> str:
    with archive.database.read() as session:
        return session.scalars(select(InstanceRow.findings)).one()


def events(database: Database) -> list[dict[str, Any]]:
    with database.read() as session:
        return [row.payload for row in session.scalars(select(EventRow).order_by(EventRow.sequence))]


def test_an_instance_is_kept_byte_for_byte_and_has_its_rows(archive: Archive, database: Database, count: Count) -> None:
    instance = ct_series(slices=1, patient_name="Müller^Jörg")[0]
    accepted = store(archive, instance)
    with database.read() as session:
        row = session.scalars(select(InstanceRow)).one()
        series = session.scalars(select(SeriesRow)).one()
        study = session.scalars(select(StudyRow)).one()
    content = archive.objects.read(row.object_key)
    assert content[row.data_offset :] == data_set_bytes(instance)
    assert content == part10(instance)
    assert row.pixel_offset is not None
    assert content[row.pixel_offset :] == instance.PixelData
    assert (row.size, row.rows, row.columns) == (len(content), 32, 32)
    assert (row.door, row.sender, row.transfer_syntax_uid) == ("dimse", "SCANNER", EXPLICIT)
    assert (series.id, series.instance_count, series.size, series.revision) == (accepted.series_id, 1, row.size, 1)
    assert (series.modality, series.body_part, series.preview_state) == ("CT", "HEAD", "pending")
    assert {"muller", "jorg", "ct", "phantom-1", "20240229"} <= set(series.search_text.split())
    assert (study.patient_name, study.patient_name_folded) == ("Müller^Jörg", "muller^jorg")
    assert (study.study_date, study.accession_number) == ("20240229", "A1")
    assert not accepted.duplicate
    assert events(database) == [{"project_id": "main", "series_id": series.id, "revision": 1, "dataset": None}]
    assert count("quarantine") == 0


def test_instances_of_a_series_come_together(archive: Archive, database: Database) -> None:
    results = [store(archive, instance) for instance in ct_series(slices=5)]
    assert len({result.series_id for result in results}) == 1
    with database.read() as session:
        series = session.scalars(select(SeriesRow)).one()
    assert (series.instance_count, series.revision) == (5, 5)


def test_the_same_instance_again_is_a_duplicate(archive: Archive, database: Database, count: Count) -> None:
    instance = ct_series(slices=1)[0]
    first, second = store(archive, instance), store(archive, instance)
    assert second.duplicate
    assert first.series_id == second.series_id
    assert (count("instances"), count("quarantine"), len(events(database))) == (1, 0, 1)
    assert len(list(archive.objects.keys())) == 1


def test_a_duplicate_for_a_dataset_is_announced_all_the_same(archive: Archive, database: Database) -> None:
    instance = ct_series(slices=1)[0]
    store(archive, instance)
    store(archive, instance, origin=Origin(door="dimse", sender="kp-heads", dataset="heads"))
    assert [(event["revision"], event["dataset"]) for event in events(database)] == [(1, None), (1, "heads")]


def test_other_bytes_under_a_known_uid_are_set_aside_and_the_first_stay(
    archive: Archive, database: Database, count: Count
) -> None:
    instance = ct_series(slices=1)[0]
    store(archive, instance)
    other = ct_series(slices=1, seed="other")[0]
    other.SOPInstanceUID = instance.SOPInstanceUID
    for _ in range(2):  # a sender that tries again makes no second row
        with pytest.raises(SopInstanceConflict):
            store(archive, other)
    with database.read() as session:
        row = session.scalars(select(QuarantineRow)).one()
        kept = session.scalars(select(InstanceRow)).one()
    assert archive.objects.read(row.object_key) == part10(other)
    assert archive.objects.read(kept.object_key) == part10(instance)
    assert (row.reason_code, row.sop_instance_uid) == ("sop-instance-conflict", instance.SOPInstanceUID)
    assert count("series") == 1
    received, *told = events(database)
    assert all(event == {"project_id": "main", "series_id": received["series_id"]} for event in told)


def test_the_same_data_set_in_another_transfer_syntax_is_another_content(archive: Archive) -> None:
    """Its bytes mean something else, even where they are the same."""
    instance = ct_series(slices=1)[0]
    store(archive, instance)
    with pytest.raises(SopInstanceConflict):
        archive.store_dataset(
            "main",
            sop_class_uid=instance.SOPClassUID,
            sop_instance_uid=instance.SOPInstanceUID,
            transfer_syntax_uid="1.2.840.10008.1.2",
            data=MemoryData(memoryview(data_set_bytes(instance))),
            origin=ORIGIN,
        )


def test_projects_share_bytes_but_no_rows(archive: Archive, count: Count) -> None:
    instance = ct_series(slices=1)[0]
    first, second = store(archive, instance), store(archive, instance, project="other")
    assert first.series_id != second.series_id
    assert not second.duplicate
    assert (count("studies"), count("series"), count("instances")) == (2, 2, 2)
    assert len(list(archive.objects.keys())) == 1


def test_two_patients_under_one_study_uid_stay_apart(archive: Archive, count: Count) -> None:
    one, other = ct_series(slices=2)
    other.PatientID = "PHANTOM-2"
    assert store(archive, one).series_id != store(archive, other).series_id
    assert (count("studies"), count("series")) == (2, 2)


def test_a_file_is_the_same_object_as_its_data_set_by_dimse(archive: Archive, tmp_path: Path) -> None:
    instance = ct_series(slices=1)[0]
    path = tmp_path / "one.dcm"
    foreign = part10(instance)
    path.write_bytes(b"MZ" + foreign[2:])  # a preamble that could be a program
    assert not archive.store_file("main", path, Origin(door="upload", sender="ann")).duplicate
    assert store(archive, instance).duplicate
    (key,) = archive.objects.keys()
    assert archive.objects.read(key)[:128] == bytes(128)
    assert path.read_bytes()[:2] == b"MZ"


@pytest.mark.parametrize("left", [0, 40, 600])
def test_what_is_sent_again_mends_a_damaged_object(archive: Archive, count: Count, left: int) -> None:
    instance = ct_series(slices=1)[0]
    store(archive, instance)
    (key,) = archive.objects.keys()
    whole = archive.objects.read(key)
    archive.objects.delete(key)
    archive.objects.put(key, [whole[:left]])
    assert store(archive, instance).duplicate
    assert archive.objects.read(key) == whole
    assert count("instances") == 1


def test_a_staged_file_is_taken_over(archive: Archive) -> None:
    instance = ct_series(slices=1)[0]
    meta = write_file_meta(
        sop_class_uid=instance.SOPClassUID, sop_instance_uid=instance.SOPInstanceUID, transfer_syntax_uid=EXPLICIT
    )
    file, path = archive.staging.new_file()
    with file:
        file.write(meta + data_set_bytes(instance))
    archive.store_dataset(
        "main",
        sop_class_uid=instance.SOPClassUID,
        sop_instance_uid=instance.SOPInstanceUID,
        transfer_syntax_uid=EXPLICIT,
        data=FileData(path, len(meta), movable=True),
        origin=ORIGIN,
    )
    assert not path.exists()
    (key,) = archive.objects.keys()
    assert archive.objects.read(key) == part10(instance)


def test_a_file_that_says_something_else_of_itself_is_accepted_with_a_finding(archive: Archive, tmp_path: Path) -> None:
    instance = ct_series(slices=1)[0]
    meta = write_file_meta(sop_class_uid="1.2.3", sop_instance_uid="1.2.3.4", transfer_syntax_uid=EXPLICIT)
    path = tmp_path / "one.dcm"
    path.write_bytes(meta + data_set_bytes(instance))
    findings = archive.store_file("main", path, ORIGIN).findings
    assert findings == (
        "The File Meta Information has another SOP Class UID than the data set.",
        "The File Meta Information has another SOP Instance UID than the data set.",
    )
    assert json.loads(kept_findings(archive)) == list(findings)


def test_an_instance_about_which_nothing_is_odd_has_no_findings(archive: Archive) -> None:
    store(archive, ct_series(slices=1)[0])
    assert kept_findings(archive) == ""


def test_a_request_that_says_something_else_of_its_object_is_refused(archive: Archive, count: Count) -> None:
    instance = ct_series(slices=1)[0]
    with pytest.raises(MisdeclaredDicom, match="SOP Class UID"):
        archive.store_dataset(
            "main",
            sop_class_uid="1.2.840.10008.5.1.4.1.1.4",
            sop_instance_uid=instance.SOPInstanceUID,
            transfer_syntax_uid=EXPLICIT,
            data=MemoryData(memoryview(data_set_bytes(instance))),
            origin=ORIGIN,
        )
    assert (count("instances"), count("quarantine")) == (0, 1)


def refuse(archive: Archive, number: int) -> None:
    """Send what is no DICOM."""
    with pytest.raises(UnreadableDicom):
        archive.store_file("main", noise(archive, number), Origin(door="upload", sender="x", name=f"{number}"))


def noise(archive: Archive, number: int) -> Path:
    path = archive.staging.folder / f"noise-{number}"
    path.write_bytes(bytes([number]) * 1000)
    return path


def test_a_full_quarantine_keeps_the_reason_alone(make_archive: Callable[..., Archive]) -> None:
    archive = make_archive(max_quarantine_bytes=2500)
    for number in range(4):
        refuse(archive, number)
    with archive.database.read() as session:
        rows = session.scalars(select(QuarantineRow).order_by(QuarantineRow.received_at)).all()
        assert [row.size for row in rows] == [1000, 1000, 0, 0]
        assert [archive.objects.exists(row.object_key) for row in rows] == [True, True, False, False]
        assert all("DICOM" in row.reason for row in rows)


def test_an_image_under_a_known_uid_stays_with_its_sender_where_the_quarantine_is_full(
    make_archive: Callable[..., Archive], count: Count
) -> None:
    first, second, third = (ct_series(slices=1, seed=seed)[0] for seed in ("first", "second", "third"))
    second.SOPInstanceUID = third.SOPInstanceUID = first.SOPInstanceUID
    archive = make_archive(max_quarantine_bytes=len(part10(second)) + 100)
    store(archive, first)
    for other, error in ((second, SopInstanceConflict), (third, OutOfSpace), (second, SopInstanceConflict)):
        with pytest.raises(error):
            store(archive, other)
    assert (count("instances"), count("quarantine")) == (1, 1)
    assert archive.collect() == 1  # the object of the one that was not taken
    assert len(list(archive.objects.keys())) == 2

    larger = make_archive(max_quarantine_bytes=10 * len(part10(second)))
    with pytest.raises(SopInstanceConflict):
        store(larger, third)
    with larger.database.read() as session:
        assert {larger.objects.exists(row.object_key) for row in session.scalars(select(QuarantineRow))} == {True}
    assert count("quarantine") == 2


def test_there_is_room_again_when_things_were_let_go(make_archive: Callable[..., Archive]) -> None:
    refuse(make_archive(max_quarantine_bytes=500), 1)
    larger = make_archive(max_quarantine_bytes=5000)
    refuse(larger, 1)
    with larger.database.read() as session:
        row = session.scalars(select(QuarantineRow)).one()
    assert row.size == 1000
    assert larger.objects.exists(row.object_key)


def test_no_more_refusals_are_noted_than_anybody_reads(
    archive: Archive, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kahua.store.ingest.quarantine.MAX_ITEMS", 2)
    for number in range(5):
        refuse(archive, number)
    assert count("quarantine") == 2
    assert not list(archive.orphans())


def test_what_is_refused_is_in_quarantine_as_it_came(archive: Archive, database: Database, tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(b"no DICOM at all" * 20)
    for _ in range(2):
        with pytest.raises(UnreadableDicom):
            archive.store_file("main", path, Origin(door="upload", sender="ann", name="scan\x1b[31m.dcm"))
    with database.read() as session:
        row = session.scalars(select(QuarantineRow)).one()
    assert archive.objects.read(row.object_key) == path.read_bytes()
    assert (row.project_id, row.door, row.sender, row.reason_code) == ("main", "upload", "ann", "unreadable-dicom")
    assert row.size == path.stat().st_size
    assert row.reason


def test_a_data_set_without_uids_is_refused(archive: Archive) -> None:
    instance = ct_series(slices=1)[0]
    del instance.SeriesInstanceUID
    with pytest.raises(MissingAttribute):
        store(archive, instance)


def test_files_are_stored_together_and_the_broken_one_alone_is_refused(
    archive: Archive, database: Database, tmp_path: Path
) -> None:
    paths = []
    for number, instance in enumerate(ct_series(slices=70)):
        paths.append(tmp_path / f"{number}.dcm")
        paths[-1].write_bytes(part10(instance))
    paths.insert(3, tmp_path / "broken.dcm")
    paths[3].write_bytes(b"broken" * 100)
    results = archive.store_files("main", paths, Origin(door="import", sender="cli"))
    assert [number for number, result in enumerate(results) if isinstance(result, KahuaError)] == [3]
    with database.read() as session:
        assert session.scalars(select(SeriesRow)).one().instance_count == 70
        assert session.scalars(select(QuarantineRow)).one().name == "broken.dcm"
    assert [event["revision"] for event in events(database)] == [1, 2]  # two groups, announced once each


def test_a_file_twice_in_a_group_is_a_duplicate(archive: Archive, tmp_path: Path) -> None:
    path = tmp_path / "one.dcm"
    path.write_bytes(part10(ct_series(slices=1)[0]))
    results = archive.store_files("main", [path, path], ORIGIN)
    assert sorted(result.duplicate for result in results if isinstance(result, Accepted)) == [False, True]


def test_a_full_disk_is_said_and_nothing_is_kept(make_archive: Callable[..., Archive], count: Count) -> None:
    archive = make_archive(min_free_bytes=10**18)
    with pytest.raises(OutOfSpace):
        store(archive, ct_series(slices=1)[0])
    assert list(archive.objects.keys()) == []
    assert (count("instances"), count("quarantine"), count("events")) == (0, 0, 0)


def test_an_object_over_the_limit_is_refused(make_archive: Callable[..., Archive]) -> None:
    with pytest.raises(UnreadableDicom, match="accepts 1000"):
        store(make_archive(max_object_bytes=1000), ct_series(slices=1)[0])


def test_hostile_text_becomes_data(archive: Archive, database: Database) -> None:
    instance = ct_series(slices=1)[0]
    instance.PatientID = "../../etc/passwd"
    instance.PatientName = "<script>alert(1)</script>^; DROP TABLE instances"
    instance.SeriesDescription = "x" * 32 + "\x1b[31m"
    store(archive, instance)
    with database.read() as session:
        study = session.scalars(select(StudyRow)).one()
    assert study.patient_id == "../../etc/passwd"
    assert study.patient_name == "<script>alert(1)</script>^; DROP TABLE instances"


def test_references_to_other_series_are_noted(archive: Archive, database: Database) -> None:
    instance = ct_series(slices=1)[0]
    reference = Dataset()
    reference.SeriesInstanceUID = "1.2.3.4"
    instance.ReferencedSeriesSequence = [reference]
    store(archive, instance)
    with database.read() as session:
        rows = session.execute(select(SeriesReferenceRow.target_series_uid)).scalars().all()
    assert rows == ["1.2.3.4"]


def test_many_threads_store_one_series(archive: Archive, database: Database) -> None:
    instances = ct_series(slices=40)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda instance: store(archive, instance), instances * 2))
    assert sum(result.duplicate for result in results) == 40
    with database.read() as session:
        series = session.scalars(select(SeriesRow)).one()
        assert len(session.scalars(select(InstanceRow)).all()) == series.instance_count == 40


def test_real_files_come_out_byte_for_byte(archive: Archive, database: Database) -> None:
    folder = shared_data()
    if folder is None:
        pytest.skip("needs the shared test data")
    paths = [path for path in sorted((folder / "transfer_syntaxes").rglob("*")) if path.is_file()]
    results = archive.store_files("main", paths, Origin(door="import", sender="test"))
    assert sum(isinstance(result, Accepted) for result in results) > len(paths) // 2
    for path, result in zip(paths, results, strict=True):
        assert isinstance(result, Accepted | SopInstanceConflict | MissingAttribute), f"{path}: {result}"
        with path.open("rb") as file:
            expected = path.read_bytes()[read_file_meta(file).data_offset :]
        if isinstance(result, Accepted):
            with database.read() as session:
                row = session.scalars(
                    select(InstanceRow).where(InstanceRow.sop_instance_uid == result.sop_instance_uid)
                ).one()
            stored = archive.objects.read(row.object_key)[row.data_offset :]
            assert hashlib.sha256(stored).digest() == hashlib.sha256(expected).digest()
