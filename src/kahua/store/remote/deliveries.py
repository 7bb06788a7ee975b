"""Deliveries: series that are sent to a peer, kept until they are there, and the history of what went where."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from sqlalchemy.orm import Session

from kahua.database import now
from kahua.dicom import Profile
from kahua.errors import InvalidInput
from kahua.store.peers import Peer
from kahua.store.remote.orders import Orders
from kahua.store.remote.tables import DeliveryItemRow, DeliveryRow

#: Most series of one delivery.
MAX_SERIES = 10_000


#: The deliveries of a site.
DELIVERIES: Final = Orders(
    word="delivery", order=DeliveryRow, item=DeliveryItemRow, counted=("sent", "failed", "held_back")
)


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
    session.add_all(DeliveryItemRow(order_id=delivery.id, not_before=moment, series_id=each) for each in wanted)
    session.flush()
    return delivery
