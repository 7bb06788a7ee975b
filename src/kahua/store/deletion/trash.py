"""The trash: what was deleted, kept for a while with all that is needed to bring it back.

Rows are moved out of the tables in which they live, so that no query can forget that they are deleted. What
hangs on a series goes with it, whichever component's it is: every row that refers to it by a foreign key.
What comes in again meanwhile is new; the trash does not stand in its way.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, insert, select, update
from sqlalchemy.orm import Session

from kahua.database import Base, Database, announce, new_id, now
from kahua.errors import NotFound
from kahua.events import InstancesRemoved
from kahua.store.deletion.removal import delete_series_rows, discard, lock_series, remove_series
from kahua.store.deletion.snapshots import NOTHING_DERIVED, hanging_tables, pack
from kahua.store.tables import InstanceRow, SeriesRow, StudyRow, TrashedInstanceRow, TrashRow
from kahua.store.text import cut

#: Instances that are moved in one statement.
BATCH = 5000

_SERIES: Table = Base.metadata.tables[SeriesRow.__tablename__]
_STUDIES: Table = Base.metadata.tables[StudyRow.__tablename__]
_INSTANCES: Table = Base.metadata.tables[InstanceRow.__tablename__]


def delete_series(session: Session, project_id: str, series_id: str, *, actor: str, keep: bool) -> None:
    """Delete a series from a project; with `keep` it goes into the trash.

    Raises
    ------
    NotFound
        The project has no such series.
    """
    if not keep:
        remove_series(session, project_id, series_id)
        return
    series = lock_series(session, project_id, series_id)
    item = _new_item(session, series, actor)
    item.content = pack(_snapshot(session, series))
    _move_instances(session, item, InstanceRow.series_id == series.id)
    delete_series_rows(session, series)


def delete_instances(session: Session, project_id: str, uids: Sequence[str], *, actor: str, keep: bool) -> int:
    """Delete instances of one series from a project, by UID; return their number. The last ones take it with them.

    Raises
    ------
    NotFound
        The project has none of them.
    """
    these = (InstanceRow.project_id == project_id) & InstanceRow.sop_instance_uid.in_(uids)
    series_id = session.scalar(select(InstanceRow.series_id).where(these).limit(1))
    if series_id is None:
        raise NotFound("There is no such instance.")
    series = lock_series(session, project_id, series_id)
    these &= InstanceRow.series_id == series.id
    found = session.execute(select(InstanceRow.object_key, InstanceRow.size).where(these)).all()
    if len(found) == series.instance_count:
        delete_series(session, project_id, series_id, actor=actor, keep=keep)
        return len(found)
    if keep:
        item = _new_item(session, series, actor)
        item.content = pack({"study": _row(session, _STUDIES, series.study_id), "series": _values(series)})
        _move_instances(session, item, these)
    else:
        discard(session, [row.object_key for row in found])
    session.execute(delete(InstanceRow).where(these))
    _shrink(session, series, len(found), sum(row.size for row in found))
    return len(found)


def trash_of(session: Session, project_id: str, *, limit: int, before: TrashRow | None = None) -> Sequence[TrashRow]:
    """List what is in the trash of a project, newest first; the next page is what came before its last row."""
    query = select(TrashRow).where(TrashRow.project_id == project_id)
    if before is not None:
        same = (TrashRow.deleted_at == before.deleted_at) & (TrashRow.id < before.id)
        query = query.where((TrashRow.deleted_at < before.deleted_at) | same)
    return session.scalars(query.order_by(TrashRow.deleted_at.desc(), TrashRow.id.desc()).limit(limit)).all()


def find_trashed(session: Session, project_id: str, trash_id: str) -> TrashRow:
    """Give something in the trash by its id; nobody else restores or erases it before the transaction ends.

    Raises
    ------
    NotFound
        The trash of the project has none of this id.
    """
    row = session.scalar(
        select(TrashRow).where(TrashRow.project_id == project_id, TrashRow.id == trash_id).with_for_update()
    )
    if row is None:
        raise NotFound("There is no such thing in the trash.", remedy="It was restored, or its time is over.")
    return row


def empty_trashed(session: Session, item: TrashRow) -> list[str]:
    """Let go of something in the trash for ever; return the keys of its objects, which `collect` deletes."""
    keys = list(session.scalars(select(TrashedInstanceRow.object_key).where(TrashedInstanceRow.trash_id == item.id)))
    discard(session, keys)
    session.execute(delete(TrashedInstanceRow).where(TrashedInstanceRow.trash_id == item.id))
    session.execute(delete(TrashRow).where(TrashRow.id == item.id))
    return keys


def empty_old(database: Database, *, days: int) -> int:
    """Let go of what has been in the trash for so many days; return the number of things."""
    limit = now() - timedelta(days=days)
    number = 0
    while True:
        with database.write() as session:
            item = session.scalar(
                select(TrashRow).where(TrashRow.deleted_at <= limit).limit(1).with_for_update(skip_locked=True)
            )
            if item is None:
                return number
            empty_trashed(session, item)
        number += 1


def _new_item(session: Session, series: SeriesRow, actor: str) -> TrashRow:
    study = session.get_one(StudyRow, series.study_id)
    item = TrashRow(
        id=new_id(),
        project_id=series.project_id,
        study_uid=study.study_uid,
        series_uid=series.series_uid,
        series_id=series.id,
        patient_id=study.patient_id,
        patient_name=study.patient_name,
        modality=series.modality,
        description=series.description,
        instance_count=0,
        size=0,
        deleted_at=now(),
        deleted_by=cut(actor, 100),
        content=b"",
    )
    session.add(item)
    session.flush()
    return item


def _snapshot(session: Session, series: SeriesRow) -> dict[str, Any]:
    rows = {
        str(table.name): [dict(row) for row in session.execute(select(table).where(column == series.id)).mappings()]
        for table, column in hanging_tables()
    }
    return {"study": _row(session, _STUDIES, series.study_id), "series": _values(series), "rows": rows}


def _values(series: SeriesRow) -> dict[str, Any]:
    return {str(column.name): getattr(series, column.name) for column in _SERIES.columns}


def _row(session: Session, table: Table, row_id: str) -> dict[str, Any]:
    return dict(session.execute(select(table).where(table.c.id == row_id)).mappings().one())


def _move_instances(session: Session, item: TrashRow, these: ColumnElement[bool]) -> None:
    """Copy instances into the trash; deleting them is the caller's."""
    rows = session.execute(select(_INSTANCES).where(these)).mappings().all()
    for start in range(0, len(rows), BATCH):
        copies = [
            {
                "trash_id": item.id,
                "sop_instance_uid": row["sop_instance_uid"],
                "object_key": row["object_key"],
                "content": pack(dict(row)),
            }
            for row in rows[start : start + BATCH]
        ]
        session.execute(insert(TrashedInstanceRow), copies)
    item.instance_count = len(rows)
    item.size = sum(row["size"] for row in rows)


def _shrink(session: Session, series: SeriesRow, count: int, size: int) -> None:
    discard(session, [key for key in (series.preview_key, series.filmstrip_key, series.metadata_key) if key])
    revision = series.revision + 1
    change = {
        "instance_count": series.instance_count - count,
        "size": series.size - size,
        "revision": revision,
        "changed_at": now(),
    }
    session.execute(update(SeriesRow).where(SeriesRow.id == series.id).values(**change, **NOTHING_DERIVED))
    announce(session, InstancesRemoved(project_id=series.project_id, series_id=series.id, revision=revision))
