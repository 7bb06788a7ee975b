"""Fetching from a peer: who wanted what, how it ended, and what was removed again, in the audit log."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from kahua.access import record
from kahua.database import Database, now
from kahua.errors import NotFound
from kahua.store import InstanceRow, Peer, peer_of_id, remove_series
from kahua.store.remote import pulls
from kahua.store.remote.tables import PullItemRow, PullRow
from kahua.store.remote.wishes import Wish

#: Who removes what was fetched for a while only.
ACTOR = "site"


def start_pull(session: Session, *, peer: Peer, actor: str, wishes: Sequence[Wish], terms: pulls.PullTerms) -> PullRow:
    """Note what is wanted of a peer; see `kahua.store.remote.pulls.start_pull` for what is refused."""
    pull = pulls.start_pull(session, peer=peer, actor=actor, wishes=wishes, terms=terms)
    record(
        session,
        actor=actor,
        action="pull.started",
        subject=pull.id,
        project_id=peer.project_id,
        peer=peer.name,
        wishes=len(wishes),
        **vars(terms),
    )
    return pull


def cancel_pull(session: Session, *, project_id: str, actor: str, pull_id: str) -> PullRow:
    """End a pull; what came stays."""
    pull = pulls.cancel_pull(session, project_id, pull_id)
    record(session, actor=actor, action="pull.cancelled", subject=pull.id, project_id=project_id)
    return pull


def note_end_of_pull(session: Session, pull: PullRow) -> None:
    """Write down that a pull is done, and what it brought."""
    progress = pulls.progress_of(session, pull)
    record(
        session,
        actor=pull.created_by,
        action="pull.finished",
        subject=pull.id,
        project_id=pull.project_id,
        items=progress.items,
        received=progress.received,
        refused=progress.refused,
    )


def remove_expired_pulls(database: Database) -> int:
    """Remove the series that were fetched for a while only and whose time has come; return their number.

    A series to which somebody else has added instances stays.
    """
    with database.read() as session:
        query = select(PullItemRow.id, PullRow).join(PullRow, PullItemRow.pull_id == PullRow.id)
        due = session.execute(query.where(PullRow.keep_hours.is_not(None), PullItemRow.state == "done")).all()
    removed = 0
    for item_id, pull in due:
        with database.write() as session:
            removed += _expire(session, pull, item_id)
    return removed


def _expire(session: Session, pull: PullRow, item_id: int) -> int:
    item = session.scalars(select(PullItemRow).where(PullItemRow.id == item_id).with_for_update()).one()
    if item.finished_at is None or item.finished_at > now() - timedelta(hours=pull.keep_hours or 0):
        return 0
    removed = [series_id for series_id in item.series_ids if _remove(session, pull, series_id)]
    item.state, item.note = "removed", f"{len(removed)} series were removed again."
    return len(removed)


def _remove(session: Session, pull: PullRow, series_id: str) -> bool:
    peer = peer_of_id(session, pull.project_id, pull.peer_id)
    senders = {pull.peer_name, peer.ae_title if peer else pull.peer_name}
    others = exists().where(
        InstanceRow.series_id == series_id,
        InstanceRow.door.not_in(("pull", "dimse")) | InstanceRow.sender.not_in(senders),
    )
    if session.scalar(select(others)):
        return False
    try:
        remove_series(session, pull.project_id, series_id)
    except NotFound:
        return False
    record(session, actor=ACTOR, action="series.deleted", subject=series_id, project_id=pull.project_id, pull=pull.id)
    return True
