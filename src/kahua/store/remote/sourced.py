"""Series whose objects are at a peer: rows, previews and metadata stay, objects come when they are wanted and go again.

Which objects are not here is told by the last instance that was there when they went: what came later, by whatever
door, is here. An object that somebody sends again in the meantime is his, and stays.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, delete, exists, func, select, update
from sqlalchemy.orm import Session

from kahua.database import Database, now
from kahua.store.deletion.removal import discard
from kahua.store.peers import peer_of_id
from kahua.store.remote.tables import PullItemRow, PullRow, SeriesSourceRow
from kahua.store.tables import InstanceRow, SeriesRow

#: What came so short a time ago may just be read: it stays even if there is too much.
LEAST_STAY: Final = timedelta(minutes=5)


def note_source(session: Session, pull: PullRow, item: PullItemRow) -> None:
    """Write down that the series of an item stay here for a while only, or for good."""
    session.execute(delete(SeriesSourceRow).where(SeriesSourceRow.series_id.in_(item.series_ids)))
    if pull.keep_hours is None:
        return
    known = session.scalars(select(SeriesRow.id).where(SeriesRow.id.in_(item.series_ids)))
    session.add_all(
        SeriesSourceRow(
            series_id=series_id,
            project_id=pull.project_id,
            peer_id=pull.peer_id,
            peer_name=pull.peer_name,
            study_uid=item.study_uid,
            series_uid=item.series_uid,
            keep_hours=pull.keep_hours,
            fetched_at=now(),
        )
        for series_id in known.all()
    )
    session.flush()


def sources_of(session: Session, series_ids: Collection[str]) -> Mapping[str, SeriesSourceRow]:
    """Give the sources of those series that are not kept for good."""
    rows = session.scalars(select(SeriesSourceRow).where(SeriesSourceRow.series_id.in_(series_ids)))
    return {row.series_id: row for row in rows}


def is_away(source: SeriesSourceRow | None) -> bool:
    """Say whether the objects of a series are at its source alone; one without a source is here."""
    return source is not None and source.away_until > 0


def place_of(source: SeriesSourceRow | None) -> str:
    """Name the peer at which alone the objects of a series are; empty if they are here."""
    return source.peer_name if source is not None and is_away(source) else ""


def expect(session: Session, *conditions: ColumnElement[bool]) -> None:
    """Note that the objects of series are about to come: from now on nobody takes them for gone."""
    session.execute(update(SeriesSourceRow).where(*conditions).values(away_until=0, away_since=None))


def let_go(session: Session, source: SeriesSourceRow) -> bool:
    """Let the objects of a series go; not if somebody else has added instances to it: those are nowhere else."""
    if _has_others(session, source):
        return False
    mine = InstanceRow.series_id == source.series_id
    source.away_until = session.scalar(select(func.max(InstanceRow.id)).where(mine)) or 0
    source.away_since = now()
    session.flush()
    discard(session, session.scalars(select(InstanceRow.object_key).where(mine)).all())
    return True


def let_go_due(database: Database, *, most_bytes: int) -> int:
    """Let the objects go whose time has come, and the oldest of more than so many bytes; return the number of series.

    The objects themselves are deleted by `kahua.store.deletion.removal.collect`.
    """
    with database.read() as session:
        due = _due(session, most_bytes)
    count = 0
    for series_id in due:
        with database.write() as session:
            source = session.scalars(
                select(SeriesSourceRow).where(SeriesSourceRow.series_id == series_id).with_for_update()
            ).one_or_none()
            count += source is not None and not source.away_until and let_go(session, source)
    return count


def _due(session: Session, most_bytes: int) -> Sequence[str]:
    """Give the series that must go, those that have been here longest first."""
    rows = session.execute(
        select(SeriesSourceRow, SeriesRow.size)
        .join(SeriesRow, SeriesRow.id == SeriesSourceRow.series_id)
        .where(SeriesSourceRow.away_until == 0)
        .order_by(SeriesSourceRow.fetched_at)
    ).all()
    excess = sum(size for _, size in rows) - most_bytes
    moment, due = now(), []
    for source, size in rows:
        if _is_over(source, moment) or (excess > 0 and moment - source.fetched_at > LEAST_STAY):
            due.append(source.series_id)
            excess -= size
    return due


def _is_over(source: SeriesSourceRow, moment: datetime) -> bool:
    return source.fetched_at + timedelta(hours=source.keep_hours) <= moment


def _has_others(session: Session, source: SeriesSourceRow) -> bool:
    peer = peer_of_id(session, source.project_id, source.peer_id)
    senders = {source.peer_name, peer.ae_title if peer else source.peer_name}
    others = exists().where(
        InstanceRow.series_id == source.series_id,
        InstanceRow.door.not_in(("pull", "dimse")) | InstanceRow.sender.not_in(senders),
    )
    return bool(session.scalar(select(others)))
