"""Fetching from a peer: who wanted what, and how it ended, in the audit log."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from kahua.access import record
from kahua.store import Peer
from kahua.store.remote import pulls
from kahua.store.remote.tables import PullRow
from kahua.store.remote.wishes import Wish


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
        **vars(terms) | {"keep_hours": pull.keep_hours},
    )
    return pull


def note_end_of_pull(session: Session, pull: PullRow) -> None:
    """Write down that a pull is done, and what it brought."""
    progress = pulls.PULLS.progress(session, pull)
    record(
        session,
        actor=pull.created_by,
        action="pull.finished",
        subject=pull.id,
        project_id=pull.project_id,
        items=progress.items,
        received=progress.instances["received"],
        refused=progress.instances["refused"],
    )
