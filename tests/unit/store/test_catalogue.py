"""What is in the archive is found, in its project only, page by page."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import Dataset
from sqlalchemy.orm import Session

from kahua.errors import InvalidInput, NotFound
from kahua.store import (
    Accepted,
    Archive,
    Origin,
    add_file,
    files_of,
    find_file,
    find_instance_row,
    find_series_row,
    find_study_row,
    instances_of,
    quarantined,
    references_of,
    referring_to,
    series_of,
    series_with_uid,
    studies_with_uid,
)
from kahua.testing.factory import ct_series, part10


def store(archive: Archive, folder: Path, instances: list[Dataset]) -> list[Accepted]:
    paths = []
    for number, instance in enumerate(instances):
        paths.append(folder / f"{number}.dcm")
        paths[-1].write_bytes(part10(instance))
    results = archive.store_files("main", paths, Origin(door="import", sender="test"))
    return [result for result in results if isinstance(result, Accepted)]


@pytest.fixture
def session(archive: Archive) -> Iterator[Session]:
    with archive.database.read() as session:
        yield session


def test_a_series_is_found_in_its_project_only(archive: Archive, session: Session, tmp_path: Path) -> None:
    (accepted, *_) = store(archive, tmp_path, ct_series(slices=3))
    row = find_series_row(session, "main", accepted.series_id)
    assert series_with_uid(session, "main", [accepted.series_uid]) == [row]
    (study,) = studies_with_uid(session, "main", accepted.study_uid)
    assert find_study_row(session, "main", row.study_id) is study
    assert series_of(session, study) == [row]
    assert find_instance_row(session, "main", accepted.sop_instance_uid).series_id == row.id
    for ask in (
        lambda: find_series_row(session, "other", accepted.series_id),
        lambda: studies_with_uid(session, "other", accepted.study_uid),
        lambda: find_study_row(session, "other", row.study_id),
        lambda: find_instance_row(session, "other", accepted.sop_instance_uid),
    ):
        with pytest.raises(NotFound):
            ask()


def test_instances_come_in_pages_by_their_number_those_without_first(
    archive: Archive, session: Session, tmp_path: Path
) -> None:
    instances = ct_series(slices=7)
    for instance, number in zip(instances, [5, None, 3, 3, None, 1, -2], strict=True):
        instance.InstanceNumber = number
    series = find_series_row(session, "main", store(archive, tmp_path, instances)[0].series_id)
    numbers, last = [], None
    while page := instances_of(session, series, limit=2, after=last):
        numbers += [row.instance_number for row in page]
        last = page[-1]
    assert numbers == [None, None, -2, 1, 3, 3, 5]
    assert [row.instance_number for row in instances_of(session, series)] == numbers


def test_references_are_found_from_both_ends(archive: Archive, session: Session, tmp_path: Path) -> None:
    image = ct_series(slices=1)[0]
    result = ct_series(slices=1, seed="result")[0]
    reference = Dataset()
    reference.SeriesInstanceUID = image.SeriesInstanceUID
    result.ReferencedSeriesSequence = [reference]
    ids = [accepted.series_id for accepted in store(archive, tmp_path, [image, result])]
    rows = [find_series_row(session, "main", series_id) for series_id in ids]
    assert references_of(session, rows[1]) == [rows[0]]
    assert referring_to(session, rows[0]) == [rows[1]]
    assert references_of(session, rows[0]) == referring_to(session, rows[1]) == []


def test_files_are_listed_newest_first_in_pages(archive: Archive) -> None:
    with archive.database.write() as session:
        for number in range(5):
            add_file(
                session,
                project_id="main",
                name=f"{number}.csv",
                media_type="text/csv",
                object_key=f"key {number}",
                size=1,
                created_by="ann",
                run_id="run" if number % 2 else None,
            )
        names, last = [], None
        while page := files_of(session, "main", limit=2, before=last):
            names += [row.name for row in page]
            last = page[-1]
        assert names == ["4.csv", "3.csv", "2.csv", "1.csv", "0.csv"]
        assert [row.name for row in files_of(session, "main", limit=9, run_id="run")] == ["3.csv", "1.csv"]
        assert find_file(session, "main", last.id if last else "").name == "0.csv"
        with pytest.raises(NotFound):
            find_file(session, "other", last.id if last else "")
        with pytest.raises(InvalidInput):
            add_file(session, project_id="main", name="", media_type="", object_key="key", size=1, created_by="ann")


def test_quarantine_is_listed_newest_first_in_pages(archive: Archive, session: Session, tmp_path: Path) -> None:
    for number in range(5):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(b"broken %d" % number * 30)
        (refused,) = archive.store_files("main", [path], Origin(door="import", sender="test"))
        assert not isinstance(refused, Accepted)
    names, last = [], None
    while page := quarantined(session, "main", limit=2, before=last):
        names += [row.name for row in page]
        last = page[-1]
    assert names == ["4.dcm", "3.dcm", "2.dcm", "1.dcm", "0.dcm"]
    assert quarantined(session, "other", limit=2) == []
