"""Removing series, and the objects to which no row refers any more.

An object may be shared by rows of several projects, and may come in again at the very moment at which
its last row goes. Therefore a series is removed in two steps: its rows, with a note of their objects;
and later, apart from all who make rows, the objects that are still without any.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, insert, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from kahua.database import Database, announce, now
from kahua.errors import NotFound
from kahua.events import SeriesRemoved
from kahua.store.objects import ObjectStore
from kahua.store.remote.tables import SeriesSourceRow
from kahua.store.tables import (
    DiscardedObjectRow,
    FileRow,
    InstanceRow,
    QuarantineRow,
    SeriesReferenceRow,
    SeriesRow,
    StudyRow,
    TrashedInstanceRow,
)

#: Every column that refers to an object; that of the instances first.
KEY_COLUMNS: tuple[InstrumentedAttribute[str] | InstrumentedAttribute[str | None], ...] = (
    InstanceRow.object_key,
    QuarantineRow.object_key,
    FileRow.object_key,
    TrashedInstanceRow.object_key,
    SeriesRow.preview_key,
    SeriesRow.filmstrip_key,
    SeriesRow.metadata_key,
)

#: Lock of who deletes objects, and of who copies them from one place to another.
OBJECTS_LOCK = "objects"

#: An object this young may still wait for its row.
ORPHAN_AGE = timedelta(hours=1)

#: Objects that are looked at in one transaction.
BATCH = 200

#: The instance is of a series that is at a source, too; and its object was left there.
_SOURCED = exists().where(SeriesSourceRow.series_id == InstanceRow.series_id)
_AWAY = exists().where(SeriesSourceRow.series_id == InstanceRow.series_id, InstanceRow.id <= SeriesSourceRow.away_until)


def remove_series(session: Session, project_id: str, series_id: str) -> None:
    """Remove a series and its instances from a project for ever, and the study with its last series.

    Raises
    ------
    NotFound
        The project has no such series.
    """
    series = lock_series(session, project_id, series_id)
    discard(session, session.scalars(select(InstanceRow.object_key).where(InstanceRow.series_id == series_id)).all())
    delete_series_rows(session, series)


def lock_series(session: Session, project_id: str, series_id: str) -> SeriesRow:
    """Give a series that nobody else changes before the transaction ends.

    Raises
    ------
    NotFound
        The project has no such series.
    """
    here = (SeriesRow.project_id == project_id, SeriesRow.id == series_id)
    # The study first, in the order in which arrivals lock them. Whoever adds a series to it at this moment waits,
    # and then makes a study of his own.
    study_id = select(SeriesRow.study_id).where(*here).scalar_subquery()
    session.execute(select(StudyRow.id).where(StudyRow.id == study_id).with_for_update())
    series = session.scalar(select(SeriesRow).where(*here).with_for_update())
    if series is None:
        raise NotFound("There is no such series.")
    return series


def delete_series_rows(session: Session, series: SeriesRow) -> None:
    """Delete the rows of a locked series and discard what was derived from it; its objects are the caller's."""
    discard(session, [key for key in (series.preview_key, series.filmstrip_key, series.metadata_key) if key])
    session.execute(delete(InstanceRow).where(InstanceRow.series_id == series.id))
    session.execute(delete(SeriesReferenceRow).where(SeriesReferenceRow.series_id == series.id))
    session.execute(delete(SeriesRow).where(SeriesRow.id == series.id))
    others = exists().where(SeriesRow.study_id == series.study_id)
    session.execute(delete(StudyRow).where(StudyRow.id == series.study_id, ~others))
    announce(session, SeriesRemoved(project_id=series.project_id, series_id=series.id))


def discard(session: Session, keys: Sequence[str]) -> None:
    """Note objects to which a row ceased to refer: they are deleted later, when no other row does."""
    if keys:
        session.execute(insert(DiscardedObjectRow), [{"object_key": key} for key in sorted(set(keys))])


def collect(database: Database, objects: ObjectStore) -> int:
    """Delete the objects that were discarded and to which no row refers; return their number.

    Safe at any time and in any number of processes. An object that is deleted here is gone before anyone
    can make a new row for it, and who made one just now is seen. While objects move, none is copied meanwhile:
    the copy would bring it back.
    """
    deleted = 0
    while True:
        with database.hold(OBJECTS_LOCK), database.write(alone=True) as session:
            notes = session.scalars(select(DiscardedObjectRow).order_by(DiscardedObjectRow.id).limit(BATCH)).all()
            keys = {note.object_key for note in notes}
            unused = unreferred(session, objects, keys)
            for key in unused:
                objects.delete(key)
            session.execute(delete(DiscardedObjectRow).where(DiscardedObjectRow.id.in_([note.id for note in notes])))
        deleted += len(unused)
        if len(notes) < BATCH:
            return deleted


def orphans(database: Database, objects: ObjectStore) -> Iterator[str]:
    """Find objects to which no row refers and none will: the site died between object and row."""
    batch: list[str] = []
    for key in objects.keys():  # noqa: SIM118 - a port, not a dictionary
        batch.append(key)
        if len(batch) == BATCH:
            yield from _orphans_among(database, objects, batch)
            batch = []
    yield from _orphans_among(database, objects, batch)


def left_over(objects: ObjectStore) -> int:
    """Count what writers that died left behind, under no key: it was never an object.

    Raises
    ------
    Unavailable
        It cannot be told.
    """
    return objects.left_over(older_than_seconds=ORPHAN_AGE.total_seconds())


def mend(database: Database, objects: ObjectStore) -> int:
    """Delete all orphans, and what writers that died left behind; return the number of orphans."""
    objects.clean(older_than_seconds=ORPHAN_AGE.total_seconds())
    found = list(orphans(database, objects))
    for start in range(0, len(found), BATCH):
        with database.write() as session:
            discard(session, found[start : start + BATCH])
    return collect(database, objects)


def missing(database: Database, objects: ObjectStore) -> Iterator[InstanceRow]:
    """Find instances whose object is neither here nor at a source: the disk lost it, or someone deleted it by hand."""
    last = 0
    while True:
        with database.read() as session:
            rows = session.scalars(
                select(InstanceRow).where(InstanceRow.id > last, ~_SOURCED).order_by(InstanceRow.id).limit(BATCH)
            ).all()
        for row in rows:
            if not objects.exists(row.object_key):
                yield row
        if len(rows) < BATCH:
            return
        last = rows[-1].id


def referred(session: Session, keys: Collection[str]) -> set[str]:
    """Give those of the keys to which some row refers."""
    found = set(session.scalars(select(InstanceRow.object_key).where(InstanceRow.object_key.in_(keys))))
    return found | _referred_elsewhere(session, keys)


def unreferred(session: Session, objects: ObjectStore, keys: Collection[str]) -> set[str]:
    """Give those of the keys whose object no row needs: none refers to it, or only instances left at their source.

    What was stored again since it was left there belongs to whoever sent it, and is needed.
    """
    here = select(InstanceRow.object_key).where(InstanceRow.object_key.in_(keys), ~_AWAY)
    unused = set(keys) - set(session.scalars(here)) - _referred_elsewhere(session, keys)
    was_left = (SeriesSourceRow.series_id == InstanceRow.series_id) & (InstanceRow.id <= SeriesSourceRow.away_until)
    left = select(InstanceRow.object_key, SeriesSourceRow.away_since).join(SeriesSourceRow, was_left)
    away = session.execute(left.where(InstanceRow.object_key.in_(unused)))
    return unused - {key for key, since in away if _was_stored_since(objects, key, since)}


def _referred_elsewhere(session: Session, keys: Collection[str]) -> set[str]:
    found: set[str] = set()
    for column in KEY_COLUMNS[1:]:
        found.update(key for key in session.scalars(select(column).where(column.in_(keys))) if key is not None)
    return found


def _was_stored_since(objects: ObjectStore, key: str, moment: datetime | None) -> bool:
    try:
        return moment is not None and objects.stored_at(key) >= moment
    except NotFound:
        return False


def _orphans_among(database: Database, objects: ObjectStore, keys: Sequence[str]) -> Iterator[str]:
    with database.read() as session:
        unknown = unreferred(session, objects, keys)
    for key in unknown:
        try:
            old = objects.stored_at(key) < now() - ORPHAN_AGE
        except NotFound:
            continue
        if old:
            yield key
