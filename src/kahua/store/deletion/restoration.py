"""Bringing back what is in the trash: as it was, beside what has come in since."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from kahua.database import Base, announce, now
from kahua.errors import ResourceBusy, SopInstanceConflict
from kahua.events import SeriesReceived
from kahua.store.deletion.removal import discard
from kahua.store.deletion.snapshots import NOTHING_DERIVED, hanging_tables, known_columns, unpack
from kahua.store.ingest.origin import Origin
from kahua.store.ingest.quarantine import set_aside
from kahua.store.tables import InstanceRow, SeriesRow, StudyRow, TrashedInstanceRow, TrashRow

#: UIDs that are asked for, and instances that are moved, in one statement.
BATCH = 5000

_SERIES: Table = Base.metadata.tables[SeriesRow.__tablename__]
_STUDIES: Table = Base.metadata.tables[StudyRow.__tablename__]
_INSTANCES: Table = Base.metadata.tables[InstanceRow.__tablename__]


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What became of the instances of something in the trash."""

    series_id: str
    restored: int
    #: They had come in again meanwhile.
    duplicates: int
    #: Others had come in with their UIDs; these are in quarantine now.
    conflicts: int


def restore(session: Session, item: TrashRow) -> Restored:
    """Bring something back from the trash, as it was; whoever has come in since keeps its place.

    Raises
    ------
    ResourceBusy
        Instances come in for the same series at this moment; nothing was changed.
    """
    content = unpack(item.content)
    try:
        study_id = _restore_study(session, content["study"])
        series_id = _restore_series(session, content["series"], study_id)
        outcome = _restore_instances(session, item, series_id)
        _restore_rows(session, content.get("rows", {}), series_id)
    except IntegrityError as error:
        raise ResourceBusy("Instances come in for the same series at this moment; try again.") from error
    session.execute(delete(TrashRow).where(TrashRow.id == item.id))
    return outcome


def _restore_study(session: Session, values: dict[str, Any]) -> str:
    same = [StudyRow.project_id, StudyRow.study_uid, StudyRow.patient_id]
    known = session.scalar(
        select(StudyRow.id).where(*(column == values[column.key] for column in same)).with_for_update()
    )
    if known is None:
        session.execute(insert(_STUDIES), known_columns(_STUDIES, values))
    return known or values["id"]


def _restore_series(session: Session, values: dict[str, Any], study_id: str) -> str:
    known = session.scalar(
        select(SeriesRow.id)
        .where(SeriesRow.study_id == study_id, SeriesRow.series_uid == values["series_uid"])
        .with_for_update()
    )
    if known is None:
        bare = {**values, **NOTHING_DERIVED, "study_id": study_id, "instance_count": 0, "size": 0}
        session.execute(insert(_SERIES), known_columns(_SERIES, bare))
    return known or values["id"]


def _restore_instances(session: Session, item: TrashRow, series_id: str) -> Restored:
    trashed = session.scalars(select(TrashedInstanceRow).where(TrashedInstanceRow.trash_id == item.id)).all()
    here = _keys_by_uid(session, item.project_id, [row.sop_instance_uid for row in trashed])
    back = [unpack(row.content) for row in trashed if row.sop_instance_uid not in here]
    again = [row for row in trashed if row.sop_instance_uid in here]
    conflicts = [row for row in again if here[row.sop_instance_uid] != row.object_key]
    rows = [known_columns(_INSTANCES, {**values, "series_id": series_id}, without={"id"}) for values in back]
    rows.sort(key=lambda row: str(row["sop_instance_uid"]))  # the order in which arrivals are written, too
    for start in range(0, len(rows), BATCH):
        session.execute(insert(_INSTANCES), rows[start : start + BATCH])
    for row in conflicts:
        _set_aside(session, item.project_id, unpack(row.content))
    discard(session, [row.object_key for row in again])
    session.execute(delete(TrashedInstanceRow).where(TrashedInstanceRow.trash_id == item.id))
    _grow(session, item.project_id, series_id, len(rows), sum(row["size"] for row in rows))
    return Restored(
        series_id=series_id,
        restored=len(rows),
        duplicates=len(again) - len(conflicts),
        conflicts=len(conflicts),
    )


def _keys_by_uid(session: Session, project_id: str, uids: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(uids), BATCH):
        batch = uids[start : start + BATCH]
        rows = session.execute(
            select(InstanceRow.sop_instance_uid, InstanceRow.object_key).where(
                InstanceRow.project_id == project_id, InstanceRow.sop_instance_uid.in_(batch)
            )
        )
        found.update((uid, key) for uid, key in rows)
    return found


def _set_aside(session: Session, project_id: str, values: dict[str, Any]) -> None:
    set_aside(
        session.connection(),
        project_id=project_id,
        error=SopInstanceConflict(remedy="It came back from the trash; the one that is there stays as it is."),
        sop_instance_uid=values["sop_instance_uid"],
        object_key=values["object_key"],
        size=values["size"],
        origin=Origin(door=values["door"], sender=values["sender"]),
    )


def _grow(session: Session, project_id: str, series_id: str, count: int, size: int) -> None:
    change = {
        "instance_count": SeriesRow.instance_count + count,
        "size": SeriesRow.size + size,
        "revision": SeriesRow.revision + 1,
        "changed_at": now(),
    }
    revision = session.execute(
        update(SeriesRow)
        .where(SeriesRow.id == series_id)
        .values(change)
        .returning(SeriesRow.revision)
        .execution_options(synchronize_session=False)
    ).scalar_one()
    announce(session, SeriesReceived(project_id=project_id, series_id=series_id, revision=revision))


def _restore_rows(session: Session, rows: dict[str, list[dict[str, Any]]], series_id: str) -> None:
    """Let rows hang on the series again, each if what else it belongs to is still there."""
    for table, column in hanging_tables():
        for values in rows.get(table.name, ()):
            numbered = {key.name for key in table.primary_key if key.autoincrement is True or key.name == "id"}
            known = known_columns(table, {**values, column.name: series_id}, without=numbered)
            try:
                with session.begin_nested():
                    session.execute(insert(table), known)
            except IntegrityError:  # the dataset is deleted, or has the series already
                continue
