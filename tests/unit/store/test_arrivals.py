"""What comes into a project that de-identifies arrivals: nothing on the disk tells who it was."""

import io
from pathlib import Path

import psutil
import pytest
from pydicom import Dataset, dcmread
from sqlalchemy import select

from kahua.dicom import Profile
from kahua.errors import HeldBack, InvalidInput, KahuaError, Unavailable, UnreadableDicom
from kahua.store import (
    Accepted,
    Archive,
    InstanceRow,
    MemoryData,
    Origin,
    Policy,
    QuarantineRow,
    SealKeys,
    StudyRow,
    break_seal,
    count_sealed,
    make_seal,
    pseudonyms_of,
    reports_of,
    set_policy,
    unseal,
)
from kahua.testing.factory import ct_series, data_set_bytes, part10, segmentation

EXPLICIT = "1.2.840.10008.1.2.1"
NAME, PATIENT_ID = "Quillfeather^Ottoline", "PAT-778899"
TELLING = (b"quillfeather", b"ottoline", b"pat-778899", b"19310417", b"20240229")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for the policy each time."""
    monkeypatch.setattr("kahua.store.ingest.arrivals.POLICY_SECONDS", 0)


@pytest.fixture
def confidential(archive: Archive) -> Archive:
    """Give an archive whose project `main` de-identifies arrivals."""
    decide(archive)
    return archive


def decide(archive: Archive, **choices: str) -> None:
    with archive.database.write() as session:
        set_policy(session, "main", Policy(on_arrival=True, profile=Profile(**choices)), actor="test")


def head(slices: int = 1, **attributes: object) -> list[Dataset]:
    return ct_series(slices=slices, patient_id=PATIENT_ID, patient_name=NAME, PatientBirthDate="19310417", **attributes)


def send(archive: Archive, instance: Dataset, *, project: str = "main", door: str = "dimse") -> Accepted:
    """Store an instance as the receiver does."""
    return archive.store_dataset(
        project,
        sop_class_uid=instance.SOPClassUID,
        sop_instance_uid=instance.SOPInstanceUID,
        transfer_syntax_uid=EXPLICIT,
        data=MemoryData(memoryview(data_set_bytes(instance))),
        origin=Origin(door=door, sender="SCANNER", name=f"{NAME}.dcm"),
    )


def bring(archive: Archive, instance: Dataset, folder: Path) -> Accepted:
    """Store an instance as an upload does."""
    path = folder / "incoming"
    path.write_bytes(part10(instance))
    try:
        return archive.store_file("main", path, Origin(door="upload", sender="test", name=f"{NAME}.dcm"))
    finally:
        path.unlink()


def stored(archive: Archive, project: str = "main") -> list[Dataset]:
    with archive.database.read() as session:
        keys = session.scalars(
            select(InstanceRow.object_key).where(InstanceRow.project_id == project).order_by(InstanceRow.id)
        ).all()
    return [dcmread(io.BytesIO(archive.objects.read(key))) for key in keys]


def left_on_disk(folder: Path) -> list[str]:
    """Telling words in any file of the site, its database and its staging."""
    return [
        f"{word!r} in {file.relative_to(folder)}"
        for file in folder.rglob("*")
        if file.is_file()
        for word in TELLING
        if word in file.read_bytes().lower()
    ]


def treating() -> list[int]:
    """Child processes of this one that de-identify, and live."""
    found = []
    for child in psutil.Process().children():
        try:
            if "kahua.store.confidentiality.deidentify" in child.cmdline():
                found.append(child.pid)
        except (psutil.ZombieProcess, psutil.NoSuchProcess):
            continue
    return found


def test_nothing_on_the_disk_tells_who_it_was(confidential: Archive, tmp_path: Path) -> None:
    send(confidential, head()[0])
    bring(confidential, head(seed="upload")[0], tmp_path)
    assert left_on_disk(tmp_path) == []
    with confidential.database.read() as session:
        (study,) = session.scalars(select(StudyRow)).all()
    with confidential.database.write() as session:
        pseudonym = pseudonyms_of(session, "main").patient(f"id\n{PATIENT_ID}")
    assert study.patient_id == study.patient_name == pseudonym


def test_same_object_twice_is_one(confidential: Archive, tmp_path: Path) -> None:
    (image,) = head()
    first, again, uploaded = (
        send(confidential, image),
        send(confidential, image),
        bring(confidential, image, tmp_path),
    )
    assert [first.duplicate, again.duplicate, uploaded.duplicate] == [False, True, True]
    assert first.sop_instance_uid != image.SOPInstanceUID


def test_segmentation_finds_its_image(confidential: Archive) -> None:
    images = head(slices=2)
    send(confidential, segmentation(images))
    for image in images:
        send(confidential, image)
    mask, *treated = stored(confidential)
    (referenced,) = mask.ReferencedSeriesSequence
    assert referenced.SeriesInstanceUID == treated[0].SeriesInstanceUID
    assert {item.ReferencedSOPInstanceUID for item in referenced.ReferencedInstanceSequence} == {
        image.SOPInstanceUID for image in treated
    }


def test_what_is_made_of_treated_objects_is_not_treated_again(confidential: Archive) -> None:
    send(confidential, head()[0])
    (treated,) = stored(confidential)
    for seed, door in (("result", "run"), ("drawn", "stow")):
        mask = segmentation([treated], seed=seed)
        accepted = send(confidential, mask, door=door)
        assert accepted.sop_instance_uid == mask.SOPInstanceUID


def test_pseudonym_of_another_study_does_not_open_the_door(confidential: Archive) -> None:
    send(confidential, head()[0])
    (treated,) = stored(confidential)
    (other,) = ct_series(slices=1, seed="other", patient_id=treated.PatientID, patient_name=NAME)
    send(confidential, other)
    assert stored(confidential)[1].PatientName != NAME


def test_other_projects_keep_what_they_get(confidential: Archive) -> None:
    (image,) = head()
    accepted = send(confidential, image, project="other")
    assert accepted.sop_instance_uid == image.SOPInstanceUID
    assert stored(confidential, "other")[0].PatientName == NAME
    assert treating() == []


def test_refused_object_leaves_its_reason_alone(confidential: Archive, tmp_path: Path) -> None:
    (image,) = head()
    image.EncapsulatedDocument = b"%PDF-1.7 Quillfeather"
    with pytest.raises(KahuaError):
        send(confidential, image)
    path = tmp_path / "incoming"
    path.write_bytes(part10(head(seed="cut")[0])[:-700])
    with pytest.raises(UnreadableDicom):
        confidential.store_file("main", path, Origin(door="upload", sender="test", name=f"{NAME}.dcm"))
    path.unlink()
    assert left_on_disk(tmp_path) == []
    with confidential.database.read() as session:
        rows = session.scalars(select(QuarantineRow)).all()
    assert sorted(row.reason_code for row in rows) == ["dicom-refused", "unreadable-dicom"]
    assert not any(confidential.objects.exists(row.object_key) for row in rows)


def test_suspicious_object_waits_without_its_name(confidential: Archive, tmp_path: Path) -> None:
    (scan,) = head(Modality="US")
    for _ in range(2):
        with pytest.raises(HeldBack):
            send(confidential, scan)
    with confidential.database.read() as session:
        (row,) = session.scalars(select(QuarantineRow)).all()
    waiting = dcmread(io.BytesIO(confidential.objects.read(row.object_key)))
    assert (row.reason_code, row.sop_instance_uid) == ("held-back", waiting.SOPInstanceUID)
    assert left_on_disk(tmp_path) == []
    assert stored(confidential) == []


def test_changed_profile_acts_on_what_comes_later(confidential: Archive) -> None:
    send(confidential, head(PatientSex="F")[0])
    decide(confidential, dates="remove")
    send(confidential, head(seed="later")[0])
    first, later = stored(confidential)
    assert first.LongitudinalTemporalInformationModified == "MODIFIED"
    assert later.LongitudinalTemporalInformationModified == "REMOVED"
    assert first.PatientID == later.PatientID


def test_arrivals_of_a_day_are_counted_together(confidential: Archive) -> None:
    for image in head(slices=3):
        send(confidential, image)
    with pytest.raises(HeldBack):
        send(confidential, head(seed="us", Modality="US")[0])
    confidential.arrivals.close()
    with confidential.database.read() as session:
        (report,) = reports_of(session, "main", limit=10)
    assert (report.occasion, report.instances, report.left_out) == ("arrival", 3, 1)
    assert ["(0010,0010) PatientName", "pseudonym", 3] in report.changes


def test_counts_wait_for_a_database_that_is_away(confidential: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise Unavailable("The database is away.")

    send(confidential, head()[0])
    with monkeypatch.context() as away:
        away.setattr("kahua.store.ingest.arrivals.count_arrivals", refuse)
        confidential.arrivals.close()
    confidential.arrivals.close()
    with confidential.database.read() as session:
        (report,) = reports_of(session, "main", limit=10)
    assert report.instances == 1


def test_sealed_patients_are_found_with_the_passphrase_alone(confidential: Archive, tmp_path: Path) -> None:
    with confidential.database.write() as session:
        make_seal(session, "main", SealKeys.new("correct horse battery"), actor="test")
    for image in head(slices=2):
        send(confidential, image)
    assert left_on_disk(tmp_path) == []
    pseudonym = stored(confidential)[0].PatientID
    with confidential.database.read() as session:
        assert count_sealed(session, "main") == 1
        (found,) = unseal(session, "main", {pseudonym, "PNOBODY"}, passphrase="correct horse battery")
        with pytest.raises(InvalidInput):
            unseal(session, "main", {pseudonym}, passphrase="wrong horse battery")
    assert (found.patient_id, found.patient_name, found.patient_birth_date) == (PATIENT_ID, NAME, "19310417")
    with confidential.database.write() as session:
        assert break_seal(session, "main") == 1
        assert count_sealed(session, "main") == 0


def test_processes_end_with_the_archive(confidential: Archive) -> None:
    send(confidential, head()[0])
    assert len(treating()) == 1
    confidential.close()
    assert treating() == []
