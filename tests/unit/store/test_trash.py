"""What is deleted is nowhere to be seen, and comes back as it was, or goes for ever."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from sqlalchemy import select, update

from kahua.database import now
from kahua.datasets.lists import create_dataset, datasets_of, delete_dataset
from kahua.errors import NotFound
from kahua.store import (
    Accepted,
    Archive,
    InstanceRow,
    Origin,
    Restored,
    SeriesReferenceRow,
    SeriesRow,
    StudyRow,
    TrashRow,
    delete_instances,
    delete_series,
    empty_trashed,
    find_trashed,
    missing,
    quarantined,
    restore,
    trash_of,
)
from kahua.store.deletion.trash import empty_old
from kahua.testing.factory import ct_series, part10

Count = Callable[[str], int]

ORIGIN = Origin(door="import", sender="test")


def store(archive: Archive, folder: Path, instances: list[Dataset]) -> str:
    paths = [folder / f"{number}.dcm" for number in range(len(instances))]
    for path, instance in zip(paths, instances, strict=True):
        path.write_bytes(part10(instance))
    results = [result for result in archive.store_files("main", paths, ORIGIN) if isinstance(result, Accepted)]
    return results[0].series_id


def delete(archive: Archive, series_id: str, *, keep: bool = True) -> None:
    with archive.database.write() as session:
        delete_series(session, "main", series_id, actor="ann", keep=keep)


def delete_some(archive: Archive, uids: list[str], *, keep: bool = True) -> int:
    with archive.database.write() as session:
        return delete_instances(session, "main", uids, actor="ann", keep=keep)


def newest(archive: Archive) -> TrashRow:
    with archive.database.read() as session:
        return trash_of(session, "main", limit=1)[0]


def bring_back(archive: Archive, trash_id: str | None = None) -> Restored:
    identity = trash_id or newest(archive).id
    with archive.database.write() as session:
        return restore(session, find_trashed(session, "main", identity))


def everything(archive: Archive) -> dict[str, Any]:
    """What the archive holds, but for numbers of rows, times and counts of changes."""
    ignored = {"id", "changed_at", "revision"}
    found: dict[str, Any] = {}
    with archive.database.read() as session:
        for kind in (StudyRow, SeriesRow, InstanceRow, SeriesReferenceRow):
            rows = session.scalars(select(kind)).all()
            found[kind.__tablename__] = sorted(
                repr({c.name: getattr(row, c.name) for c in kind.__table__.columns if c.name not in ignored})
                for row in rows
            )
    return found


def test_a_series_in_the_trash_has_no_rows_and_keeps_its_objects(
    archive: Archive, tmp_path: Path, count: Count
) -> None:
    series_id = store(archive, tmp_path, ct_series(slices=3))
    delete(archive, series_id)
    assert [count(table) for table in ("studies", "series", "instances", "series_references")] == [0, 0, 0, 0]
    assert archive.collect() == 0
    assert list(archive.orphans()) == []
    item = newest(archive)
    assert (item.instance_count, item.modality, item.deleted_by, item.series_id) == (3, "CT", "ann", series_id)
    assert len(list(archive.objects.keys())) == 3


def test_what_comes_back_is_as_it_was(archive: Archive, tmp_path: Path, count: Count) -> None:
    series_id = store(archive, tmp_path, ct_series(slices=3))
    before = everything(archive)
    delete(archive, series_id)
    assert bring_back(archive) == Restored(series_id=series_id, restored=3, duplicates=0, conflicts=0)
    assert everything(archive) == before
    assert (count("trash"), count("trashed_instances")) == (0, 0)
    assert archive.collect() == 0
    assert list(missing(archive.database, archive.objects)) == []


def test_a_series_comes_back_into_its_datasets_but_not_into_one_that_is_gone(archive: Archive, tmp_path: Path) -> None:
    series_id = store(archive, tmp_path, ct_series(slices=1))
    with archive.database.write() as session:
        for name in ("stays", "goes"):
            create_dataset(session, project_id="main", actor="ann", name=name, series=[series_id])
    delete(archive, series_id)
    with archive.database.write() as session:
        assert datasets_of(session, "main", series_id) == []
        delete_dataset(session, project_id="main", actor="ann", name="goes")
    bring_back(archive)
    with archive.database.read() as session:
        assert datasets_of(session, "main", series_id) == ["stays"]


def test_only_the_own_project_sees_its_trash(archive: Archive, tmp_path: Path) -> None:
    delete(archive, store(archive, tmp_path, ct_series(slices=1)))
    with archive.database.read() as session:
        assert list(trash_of(session, "other", limit=10)) == []
        with pytest.raises(NotFound):
            find_trashed(session, "other", trash_of(session, "main", limit=1)[0].id)


def test_what_comes_in_again_is_new_and_the_trash_gives_back_the_rest(archive: Archive, tmp_path: Path) -> None:
    instances = ct_series(slices=3)
    first = store(archive, tmp_path, instances)
    delete(archive, first)
    second = store(archive, tmp_path, instances[:1])
    assert second != first
    assert bring_back(archive) == Restored(series_id=second, restored=2, duplicates=1, conflicts=0)
    with archive.database.read() as session:
        series = session.scalars(select(SeriesRow)).one()
        size = sum(session.scalars(select(InstanceRow.size)))
    assert (series.instance_count, series.size) == (3, size)
    archive.collect()
    assert list(missing(archive.database, archive.objects)) == []


def test_other_bytes_that_came_in_under_a_uid_stay_and_the_old_ones_go_to_quarantine(
    archive: Archive, tmp_path: Path
) -> None:
    (instance,) = ct_series(slices=1)
    delete(archive, store(archive, tmp_path, [instance]))
    instance.SeriesDescription = "Other words"
    store(archive, tmp_path, [instance])
    assert bring_back(archive).conflicts == 1
    archive.collect()
    with archive.database.read() as session:
        assert session.scalars(select(SeriesRow.description)).all() == ["Other words"]
        (kept,) = quarantined(session, "main", limit=10)
    assert archive.objects.exists(kept.object_key)


def test_some_instances_go_alone_and_nothing_derived_of_them_stays(archive: Archive, tmp_path: Path) -> None:
    instances = ct_series(slices=3)
    series_id = store(archive, tmp_path, instances)
    archive.objects.put("0" * 64, [b"metadata of all three"])
    with archive.database.write() as session:
        session.execute(update(SeriesRow).values(metadata_key="0" * 64, derived_revision=3))
    before = everything(archive)["instances"]
    assert delete_some(archive, [instances[1].SOPInstanceUID]) == 1
    with archive.database.read() as session:
        series = session.scalars(select(SeriesRow)).one()
        kept = set(session.scalars(select(InstanceRow.sop_instance_uid)))
    assert kept == {instances[0].SOPInstanceUID, instances[2].SOPInstanceUID}
    assert (series.id, series.instance_count, series.metadata_key) == (series_id, 2, None)
    assert archive.collect() == 1
    assert bring_back(archive).restored == 1
    assert everything(archive)["instances"] == before


def test_the_last_instances_take_their_series_with_them(archive: Archive, tmp_path: Path, count: Count) -> None:
    instances = ct_series(slices=2)
    store(archive, tmp_path, instances)
    assert delete_some(archive, [instance.SOPInstanceUID for instance in instances]) == 2
    assert (count("series"), count("studies"), count("trash")) == (0, 0, 1)


def test_parts_of_a_series_that_were_deleted_one_after_the_other_come_back_in_any_order(
    archive: Archive, tmp_path: Path
) -> None:
    instances = ct_series(slices=3)
    series_id = store(archive, tmp_path, instances)
    before = everything(archive)
    delete_some(archive, [instances[0].SOPInstanceUID])
    part = newest(archive).id
    delete(archive, series_id)
    bring_back(archive, part)
    assert bring_back(archive).restored == 2
    assert everything(archive) == before


@pytest.mark.parametrize("keep", [True, False])
def test_without_a_trash_and_when_it_is_emptied_the_objects_go(
    archive: Archive, tmp_path: Path, count: Count, *, keep: bool
) -> None:
    delete(archive, store(archive, tmp_path, ct_series(slices=2)), keep=keep)
    if keep:
        with archive.database.write() as session:
            assert len(empty_trashed(session, find_trashed(session, "main", newest(archive).id))) == 2
    assert (count("trash"), count("trashed_instances")) == (0, 0)
    assert archive.collect() == 2
    assert list(archive.objects.keys()) == []


def test_what_is_old_goes_by_itself_and_what_is_young_stays(archive: Archive, tmp_path: Path, count: Count) -> None:
    for seed in ("old", "young"):
        delete(archive, store(archive, tmp_path, ct_series(slices=1, seed=seed)))
    with archive.database.write() as session:
        oldest = select(TrashRow.id).order_by(TrashRow.deleted_at).limit(1).scalar_subquery()
        session.execute(update(TrashRow).where(TrashRow.id == oldest).values(deleted_at=now() - timedelta(days=31)))
    assert empty_old(archive.database, days=30) == 1
    assert (count("trash"), count("trashed_instances")) == (1, 1)


def test_instances_that_are_not_there_are_said(archive: Archive) -> None:
    with pytest.raises(NotFound):
        delete_some(archive, ["1.2.3"])
