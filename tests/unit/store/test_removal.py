"""A series can be removed; its objects go when no one refers to them any more, and never before."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import String, select

from kahua.database import Base, EventRow
from kahua.errors import NotFound, SopInstanceConflict
from kahua.store import Accepted, Archive, InstanceRow, Origin, add_file, discard, find_series_row, remove_series
from kahua.store.deletion.removal import KEY_COLUMNS, missing
from kahua.testing.factory import ct_series, part10

Count = Callable[[str], int]

ORIGIN = Origin(door="import", sender="test")


def store(archive: Archive, folder: Path, *, project: str = "main", slices: int = 2, seed: str = "ct") -> str:
    """Store a series; return its id."""
    paths = []
    for number, instance in enumerate(ct_series(slices=slices, seed=seed)):
        paths.append(folder / f"{seed}-{number}.dcm")
        paths[-1].write_bytes(part10(instance))
    results = archive.store_files(project, paths, ORIGIN)
    assert all(isinstance(result, Accepted) for result in results)
    return next(result.series_id for result in results if isinstance(result, Accepted))


def remove(archive: Archive, series_id: str, *, project: str = "main") -> None:
    with archive.database.write() as session:
        remove_series(session, project, series_id)


def make_old(archive: Archive) -> None:
    """Let all objects be older than an hour."""
    for key in archive.objects.keys():  # noqa: SIM118 - a port, not a dictionary
        path = archive.objects.path(key)
        assert path is not None
        os.utime(path, (0, 0))


def test_a_removed_series_is_gone_with_its_study_and_objects(archive: Archive, tmp_path: Path, count: Count) -> None:
    series_id = store(archive, tmp_path)
    remove(archive, series_id)
    assert [count(table) for table in ("studies", "series", "instances")] == [0, 0, 0]
    assert len(list(archive.objects.keys())) == 2
    assert archive.collect() == 2
    assert list(archive.objects.keys()) == []
    assert count("discarded_objects") == 0
    with archive.database.read() as session:
        names = session.scalars(select(EventRow.name).order_by(EventRow.sequence)).all()
        with pytest.raises(NotFound):
            find_series_row(session, "main", series_id)
    assert names == ["series-received", "series-removed"]


def test_only_the_own_project_can_remove_a_series(archive: Archive, tmp_path: Path) -> None:
    series_id = store(archive, tmp_path)
    with pytest.raises(NotFound):
        remove(archive, series_id, project="other")


def test_objects_of_another_project_stay(archive: Archive, tmp_path: Path) -> None:
    store(archive, tmp_path, project="other")
    remove(archive, store(archive, tmp_path))
    assert archive.collect() == 0
    assert len(list(archive.objects.keys())) == 2


def test_the_study_stays_while_it_has_another_series(archive: Archive, tmp_path: Path, count: Count) -> None:
    one, other = ct_series(slices=2)
    other.SeriesInstanceUID = "1.2.3"
    paths = [tmp_path / "one.dcm", tmp_path / "other.dcm"]
    for path, instance in zip(paths, (one, other), strict=True):
        path.write_bytes(part10(instance))
    first, _ = archive.store_files("main", paths, ORIGIN)
    assert isinstance(first, Accepted)
    remove(archive, first.series_id)
    assert (count("studies"), count("series"), count("instances")) == (1, 1, 1)


def test_a_series_that_comes_again_after_its_removal_keeps_its_objects(archive: Archive, tmp_path: Path) -> None:
    remove(archive, store(archive, tmp_path))
    store(archive, tmp_path)
    assert archive.collect() == 0
    assert list(missing(archive.database, archive.objects)) == []


def test_an_object_in_quarantine_is_kept(archive: Archive, tmp_path: Path) -> None:
    store(archive, tmp_path, slices=1)
    other = ct_series(slices=1, seed="other")[0]
    other.SOPInstanceUID = ct_series(slices=1)[0].SOPInstanceUID
    path = tmp_path / "other.dcm"
    path.write_bytes(part10(other))
    with pytest.raises(SopInstanceConflict) as refused:
        archive.store_file("main", path, ORIGIN)
    assert refused.value.details["sop_instance_uid"] == other.SOPInstanceUID
    keys = list(archive.objects.keys())
    with archive.database.write() as session:
        discard(session, keys)
    assert archive.collect() == 0


def test_coming_and_going_at_once_loses_nothing_that_was_acknowledged(archive: Archive, tmp_path: Path) -> None:
    """One thread stores the same series again and again, one removes it, one collects."""
    ended = threading.Event()
    failures: list[BaseException] = []

    def repeat(action: Callable[[], object]) -> None:
        try:
            while not ended.wait(0.01):
                action()
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    def remove_all() -> None:
        with archive.database.write() as session:
            for series_id in session.scalars(select(InstanceRow.series_id).distinct()).all():
                remove_series(session, "main", series_id)

    threads = [threading.Thread(target=repeat, args=(action,)) for action in (remove_all, archive.collect)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        store(archive, tmp_path)
        with archive.database.read() as session:
            keys = session.scalars(select(InstanceRow.object_key)).all()
        for key in keys:
            content = None
            try:
                content = archive.objects.read(key)
            except NotFound:
                with archive.database.read() as session:  # then its row must be gone, too
                    assert key not in session.scalars(select(InstanceRow.object_key)).all()
            assert content is None or content
    ended.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert list(missing(archive.database, archive.objects)) == []


def test_an_orphan_is_found_when_it_is_old_and_mended(archive: Archive, tmp_path: Path) -> None:
    store(archive, tmp_path)
    with archive.database.write() as session:
        archive.objects.put("file", [b"1"])
        add_file(
            session,
            project_id="main",
            name="a.csv",
            media_type="text/csv",
            object_key="file",
            size=1,
            created_by="ann",
        )
    archive.objects.put("orphan", [b"1"])
    assert list(archive.orphans()) == []
    make_old(archive)
    assert list(archive.orphans()) == ["orphan"]
    assert archive.mend() == 1
    assert not archive.objects.exists("orphan")
    assert len(list(archive.objects.keys())) == 3


def test_a_lost_object_is_found(archive: Archive, tmp_path: Path) -> None:
    store(archive, tmp_path)
    with archive.database.read() as session:
        row = session.scalars(select(InstanceRow)).first()
    assert row is not None
    archive.objects.delete(row.object_key)
    assert [lost.id for lost in missing(archive.database, archive.objects)] == [row.id]


def test_every_column_that_holds_an_object_key_keeps_its_object() -> None:
    named = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.name.endswith("_key") and isinstance(column.type, String) and table.name != "discarded_objects"
    }
    assert named == {f"{column.class_.__tablename__}.{column.key}" for column in KEY_COLUMNS}
