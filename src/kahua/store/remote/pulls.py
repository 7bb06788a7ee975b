"""Pulls: what is wanted of a peer, kept until it is here, whatever happens to the site in between."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from kahua.database import now
from kahua.errors import InvalidInput, NotFound, StateConflict
from kahua.store.peers import Peer, check_keep_hours
from kahua.store.remote.tables import PullItemRow, PullRow
from kahua.store.remote.windows import check_windows
from kahua.store.remote.wishes import Wish, checked

#: Fastest rate that can be asked for, in instances a minute.
MAX_RATE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class PullTerms:
    """How a pull goes about it."""

    #: Instances a minute, on average; 0 is as fast as it goes.
    rate: int = 0
    #: Times of the day in which series may begin.
    windows: tuple[str, ...] = ()
    #: Hours after which the objects go again, and are at the peer alone; never more than the peer's own.
    keep_hours: int | None = None
    #: Name of the dataset to which the series are added.
    dataset: str | None = None

    def check(self) -> None:
        """Refuse terms that cannot be.

        Raises
        ------
        InvalidInput
            One cannot be; the field is named.
        """
        check_windows(self.windows)
        if not 0 <= self.rate <= MAX_RATE:
            raise InvalidInput(f"A rate is 0 to {MAX_RATE} instances a minute.", field="rate")
        check_keep_hours(self.keep_hours)
        if self.dataset is not None and not 0 < len(self.dataset) <= 64:
            raise InvalidInput("The name of a dataset has 1 to 64 characters.", field="dataset")


@dataclass(frozen=True, kw_only=True)
class PullProgress:
    """How far a pull is."""

    pull: PullRow
    #: Items by state.
    items: dict[str, int]
    received: int
    duplicates: int
    refused: int


def start_pull(session: Session, *, peer: Peer, actor: str, wishes: Sequence[Wish], terms: PullTerms) -> PullRow:
    """Note what is wanted; the worker fetches it.

    Raises
    ------
    InvalidInput
        A wish or a term cannot be.
    """
    terms.check()
    wanted = checked(wishes)
    moment = now()
    pull = PullRow(
        project_id=peer.project_id,
        peer_id=peer.id,
        peer_name=peer.name,
        created_by=actor,
        created_at=moment,
        not_before=moment,
        rate=terms.rate,
        windows=list(terms.windows),
        keep_hours=min((hours for hours in (terms.keep_hours, peer.keep_hours) if hours), default=None),
        dataset=terms.dataset,
    )
    session.add(pull)
    session.flush()
    session.add_all(PullItemRow(pull_id=pull.id, not_before=moment, **vars(wish)) for wish in wanted)
    session.flush()
    return pull


def find_pull(session: Session, project_id: str, pull_id: str) -> PullRow:
    """Give a pull.

    Raises
    ------
    NotFound
        The project has none of this id.
    """
    row = session.scalar(select(PullRow).where(PullRow.project_id == project_id, PullRow.id == pull_id))
    if row is None:
        raise NotFound("There is no such pull.")
    return row


def list_pulls(
    session: Session, project_id: str, *, limit: int, before: PullRow | None = None
) -> Sequence[PullProgress]:
    """Give the pulls of a project, newest first; the next page is what came before its last."""
    query = select(PullRow).where(PullRow.project_id == project_id)
    if before is not None:
        query = query.where(
            (PullRow.created_at < before.created_at)
            | ((PullRow.created_at == before.created_at) & (PullRow.id < before.id))
        )
    rows = session.scalars(query.order_by(PullRow.created_at.desc(), PullRow.id.desc()).limit(limit)).all()
    return [progress_of(session, row) for row in rows]


def progress_of(session: Session, pull: PullRow) -> PullProgress:
    """Say how far a pull is."""
    sums = [
        func.coalesce(func.sum(each), 0) for each in (PullItemRow.received, PullItemRow.duplicates, PullItemRow.refused)
    ]
    query = select(PullItemRow.state, func.count(), *sums).where(PullItemRow.pull_id == pull.id)
    rows = session.execute(query.group_by(PullItemRow.state)).all()
    return PullProgress(
        pull=pull,
        items={row[0]: row[1] for row in rows},
        received=sum(int(row[2]) for row in rows),
        duplicates=sum(int(row[3]) for row in rows),
        refused=sum(int(row[4]) for row in rows),
    )


def items_of_pull(session: Session, pull: PullRow, *, limit: int, after: int = 0) -> Sequence[PullItemRow]:
    """Give the items of a pull in their order; the next page begins after the last one's id."""
    query = select(PullItemRow).where(PullItemRow.pull_id == pull.id, PullItemRow.id > after)
    return session.scalars(query.order_by(PullItemRow.id).limit(limit)).all()


def cancel_pull(session: Session, project_id: str, pull_id: str) -> PullRow:
    """End a pull; what came stays, and a series that is coming in at the moment ends with its next group.

    Raises
    ------
    NotFound
        The project has none of this id.
    StateConflict
        It has ended.
    """
    pull = find_pull(session, project_id, pull_id)
    if pull.state != "active":
        raise StateConflict(f"The pull is {pull.state}.", remedy="Only one that is active can be cancelled.")
    pull.state, pull.finished_at = "cancelled", now()
    session.execute(
        update(PullItemRow)
        .where(PullItemRow.pull_id == pull.id, PullItemRow.state == "waiting")
        .values(state="cancelled", finished_at=pull.finished_at)
    )
    session.flush()
    return pull
