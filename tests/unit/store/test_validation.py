"""The worker validates what came in, in whatever order it came."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from sqlalchemy import select

from kahua.database import deliver_events
from kahua.dicom.segmentation import SegmentLabel, build_segmentation
from kahua.store import Archive, Origin, SeriesRow, remove_series
from kahua.store.pictures.decoders import Decoders
from kahua.store.validation import Finding, Severity, findings_of
from kahua.store.validation.validator import Validator
from kahua.testing import phantom, shared_data
from kahua.testing.factory import ct_series, part10

ORIGIN = Origin(door="upload", sender="test")


@pytest.fixture(scope="module", autouse=True)
def _end_of_inspection() -> Iterator[None]:
    yield
    _inspectors().close()


@cache
def _inspectors() -> Decoders:
    return Decoders("kahua.store.validation.inspection", most=1)


def keep(archive: Archive, folder: Path, *files: bytes, project: str = "main") -> str:
    """Store files; return the id of the series of those that were accepted."""
    paths = [folder / f"{number}.in" for number in range(len(files))]
    for path, file in zip(paths, files, strict=True):
        path.write_bytes(file)
    results = archive.store_files(project, paths, ORIGIN)
    return next((result.series_id for result in results if hasattr(result, "series_id")), "")


def validator(archive: Archive) -> Validator:
    return Validator(
        database=archive.database,
        objects=archive.objects,
        staging=archive.staging.folder,
        budget=archive.limits.budget,
        inspectors=_inspectors(),
    )


def work(archive: Archive) -> None:
    """Deliver all events, as the worker does."""
    deliver_events(archive.database, validator(archive).subscriptions())
    assert list(archive.staging.folder.iterdir()) == []


def badge(archive: Archive, series_id: str) -> str:
    with archive.database.read() as session:
        return session.scalars(select(SeriesRow.validation_state).where(SeriesRow.id == series_id)).one()


def found(archive: Archive, series_id: str, project: str = "main") -> dict[str, Finding]:
    with archive.database.read() as session:
        return {finding.code: finding for finding in findings_of(session, project, series_id)}


def segmentation(sources: list[Dataset]) -> Dataset:
    return build_segmentation(
        sources,
        (phantom.labels((len(sources), 32, 32)) >= 3).astype(np.uint16),
        [SegmentLabel(label=1, name="Brain")],
        series_uid="1.2.840.1.1",
        algorithm_name="test",
        algorithm_version="1",
        description="Brain",
    )


def test_a_series_gets_a_badge_of_notes_alone_when_it_can_be_used(archive: Archive, tmp_path: Path) -> None:
    series_id = keep(archive, tmp_path, *map(part10, ct_series(slices=6)))
    assert badge(archive, series_id) == "pending"
    work(archive)
    assert badge(archive, series_id) in {"ok", "notes"}


def test_what_the_validator_says_is_kept(archive: Archive, tmp_path: Path) -> None:
    images = ct_series(slices=3)
    for image in images:
        del image.KVP
    series_id = keep(archive, tmp_path, *map(part10, images))
    work(archive)
    finding = found(archive, series_id)["missing-optional"]
    assert finding.instances == 3
    assert any("KVP" in detail for detail in finding.details)


def test_a_late_instance_fills_the_gap(archive: Archive, tmp_path: Path) -> None:
    images = list(map(part10, ct_series(slices=6)))
    series_id = keep(archive, tmp_path, *images[:2], *images[3:])
    work(archive)
    assert badge(archive, series_id) == "warnings"
    assert "missing-slices" in found(archive, series_id)
    keep(archive, tmp_path, images[2])
    work(archive)
    assert "missing-slices" not in found(archive, series_id)
    assert badge(archive, series_id) in {"ok", "notes"}


def test_a_segmentation_before_its_image_is_told_of_until_the_image_comes(archive: Archive, tmp_path: Path) -> None:
    images = ct_series(slices=6)
    series_id = keep(archive, tmp_path, part10(segmentation(images)))
    work(archive)
    assert found(archive, series_id)["missing-reference"].severity is Severity.WARNING
    files = list(map(part10, images))
    keep(archive, tmp_path, *files[:4])
    work(archive)
    assert "4 of them are here" in found(archive, series_id)["missing-referenced-instances"].sentence
    keep(archive, tmp_path, *files[4:])
    work(archive)
    assert not {"missing-reference", "missing-referenced-instances"} & set(found(archive, series_id))


def test_other_content_under_the_same_uid_is_told_of_on_the_series(archive: Archive, tmp_path: Path) -> None:
    first, second = ct_series(slices=2)
    series_id = keep(archive, tmp_path, part10(first), part10(second))
    work(archive)
    second.PixelData = b"\1" * len(second.PixelData)
    keep(archive, tmp_path, part10(second))
    work(archive)
    assert badge(archive, series_id) == "errors"
    assert found(archive, series_id)["uid-conflict"].details == (second.SOPInstanceUID,)


def test_two_patients_under_one_study_uid_are_told_of_at_both(archive: Archive, tmp_path: Path) -> None:
    ids = []
    for patient in ("A", "B"):
        (image,) = ct_series(slices=1, PatientID=patient, SOPInstanceUID=f"1.2.840.7.{ord(patient)}")
        image.StudyInstanceUID, image.SeriesInstanceUID = "1.2.840.7.7", "1.2.840.7.8"
        ids.append(keep(archive, tmp_path, part10(image)))
        work(archive)
    assert [found(archive, series_id)["two-patients"].details for series_id in ids] == [
        ("Patient ID B",),
        ("Patient ID A",),
    ]


def test_two_names_in_one_series_are_told_of(archive: Archive, tmp_path: Path) -> None:
    images = ct_series(slices=3)
    images[1].PatientName = "Other^Person"
    series_id = keep(archive, tmp_path, *map(part10, images))
    work(archive)
    assert found(archive, series_id)["patient-differs"].severity is Severity.ERROR


def test_findings_of_another_project_are_not_there(archive: Archive, tmp_path: Path) -> None:
    images = ct_series(slices=3)
    series_id = keep(archive, tmp_path, part10(segmentation(images)))
    keep(archive, tmp_path, *map(part10, images), project="other")
    work(archive)
    assert "missing-reference" in found(archive, series_id)
    assert found(archive, series_id, project="other") == {}


def test_findings_go_with_their_series(archive: Archive, tmp_path: Path) -> None:
    series_id = keep(archive, tmp_path, *map(part10, ct_series(slices=6)[::2]))
    work(archive)
    with archive.database.write() as session:
        remove_series(session, "main", series_id)
    assert found(archive, series_id) == {}
    assert validator(archive).validate("main", series_id) == []


@pytest.mark.skipif(shared_data() is None, reason="the folder shared/data is not here")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("broken/orig_badVR.dcm", "validator-gave-up"),
        ("broken/empty_patient_id.dcm", "no-patient-id"),
        ("broken/invalid_uid.dcm", "odd-instance"),
        ("broken/invalid_date.dcm", "odd-instance"),
        ("broken/hostile_strings.dcm", "missing-optional"),
        ("broken/rows_60000.dcm", "invalid-values"),
        ("transfer_syntaxes/rtdose.dcm", "validator-gave-up"),
    ],
)
def test_no_file_takes_the_worker_with_it(archive: Archive, tmp_path: Path, name: str, expected: str) -> None:
    folder = shared_data()
    assert folder is not None
    series_id = keep(archive, tmp_path, (folder / name).read_bytes())
    work(archive)
    assert expected in found(archive, series_id), found(archive, series_id)


def test_a_file_that_does_not_name_its_class_is_completed_and_told_of(archive: Archive, tmp_path: Path) -> None:
    (image,) = ct_series(slices=1)
    whole = part10(image)
    start = whole.index(b"\x02\x00\x02\x00UI")
    length = int.from_bytes(whole[start + 6 : start + 8], "little")
    group = bytearray(whole[:start] + whole[start + 8 + length :])
    announced = int.from_bytes(group[140:144], "little")
    group[140:144] = (announced - 8 - length).to_bytes(4, "little")
    series_id = keep(archive, tmp_path, bytes(group))
    work(archive)
    assert "names no SOP Class UID" in found(archive, series_id)["odd-instance"].sentence
