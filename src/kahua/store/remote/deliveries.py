"""Deliveries: series that are sent to a peer, kept until they are there, and the history of what went where."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from kahua.database import now
from kahua.dicom import Profile
from kahua.errors import InvalidInput, NotFound, StateConflict
from kahua.store.peers import Peer
from kahua.store.remote.tables import DeliveryItemRow, DeliveryRow

#: Most series of one delivery.
MAX_SERIES = 10_000


@dataclass(frozen=True, kw_only=True)
class DeliveryProgress:
    """How far a delivery is."""

    delivery: DeliveryRow
    #: Series by state.
    items: dict[str, int]
    sent: int
    failed: int
    held_back: int


def start_delivery(
    session: Session, *, peer: Peer, actor: str, series: Sequence[str], profile: Profile | None
) -> DeliveryRow:
    """Note which series are to be sent; the worker sends them.

    Parameters
    ----------
    series
        Ids of series of the peer's project.
    profile
        How they are de-identified; None sends them as stored.

    Raises
    ------
    InvalidInput
        There are no series, or too many.
    """
    if not 0 < len(series) <= MAX_SERIES:
        raise InvalidInput(f"A delivery has 1 to {MAX_SERIES} series, not {len(series)}.", field="series")
    moment = now()
    delivery = DeliveryRow(
        project_id=peer.project_id,
        peer_id=peer.id,
        peer_name=peer.name,
        created_by=actor,
        created_at=moment,
        not_before=moment,
        profile=asdict(profile) if profile else None,
    )
    session.add(delivery)
    session.flush()
    wanted = dict.fromkeys(series)
    session.add_all(DeliveryItemRow(delivery_id=delivery.id, not_before=moment, series_id=each) for each in wanted)
    session.flush()
    return delivery


def find_delivery(session: Session, project_id: str, delivery_id: str) -> DeliveryRow:
    """Give a delivery.

    Raises
    ------
    NotFound
        The project has none of this id.
    """
    wanted = select(DeliveryRow).where(DeliveryRow.project_id == project_id, DeliveryRow.id == delivery_id)
    row = session.scalar(wanted)
    if row is None:
        raise NotFound("There is no such delivery.")
    return row


def list_deliveries(
    session: Session, project_id: str, *, limit: int, before: DeliveryRow | None = None
) -> Sequence[DeliveryProgress]:
    """Give the deliveries of a project, newest first; the next page is what came before its last."""
    query = select(DeliveryRow).where(DeliveryRow.project_id == project_id)
    if before is not None:
        query = query.where(
            (DeliveryRow.created_at < before.created_at)
            | ((DeliveryRow.created_at == before.created_at) & (DeliveryRow.id < before.id))
        )
    rows = session.scalars(query.order_by(DeliveryRow.created_at.desc(), DeliveryRow.id.desc()).limit(limit)).all()
    return [progress_of(session, row) for row in rows]


def progress_of(session: Session, delivery: DeliveryRow) -> DeliveryProgress:
    """Say how far a delivery is."""
    counted = (DeliveryItemRow.sent, DeliveryItemRow.failed, DeliveryItemRow.held_back)
    sums = [func.coalesce(func.sum(each), 0) for each in counted]
    query = select(DeliveryItemRow.state, func.count(), *sums).where(DeliveryItemRow.delivery_id == delivery.id)
    rows = session.execute(query.group_by(DeliveryItemRow.state)).all()
    return DeliveryProgress(
        delivery=delivery,
        items={row[0]: row[1] for row in rows},
        sent=sum(int(row[2]) for row in rows),
        failed=sum(int(row[3]) for row in rows),
        held_back=sum(int(row[4]) for row in rows),
    )


def items_of_delivery(
    session: Session, delivery: DeliveryRow, *, limit: int, after: int = 0
) -> Sequence[DeliveryItemRow]:
    """Give the series of a delivery in their order; the next page begins after the last one's id."""
    query = select(DeliveryItemRow).where(DeliveryItemRow.delivery_id == delivery.id, DeliveryItemRow.id > after)
    return session.scalars(query.order_by(DeliveryItemRow.id).limit(limit)).all()


def cancel_delivery(session: Session, project_id: str, delivery_id: str) -> DeliveryRow:
    """End a delivery; what has gone is gone, and a series that is under way is sent to its end.

    Raises
    ------
    NotFound
        The project has none of this id.
    StateConflict
        It has ended.
    """
    delivery = find_delivery(session, project_id, delivery_id)
    if delivery.state != "active":
        raise StateConflict(f"The delivery is {delivery.state}.", remedy="Only one that is active can be cancelled.")
    delivery.state, delivery.finished_at = "cancelled", now()
    session.execute(
        update(DeliveryItemRow)
        .where(DeliveryItemRow.delivery_id == delivery.id, DeliveryItemRow.state == "waiting")
        .values(state="cancelled", finished_at=delivery.finished_at)
    )
    session.flush()
    return delivery
