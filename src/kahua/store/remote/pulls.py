"""Pulls: what is wanted of a peer, kept until it is here, whatever happens to the site in between."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from kahua.database import now
from kahua.errors import InvalidInput
from kahua.store.peers import Peer, check_keep_hours
from kahua.store.remote.orders import Orders
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


#: The pulls of a site.
PULLS: Final = Orders(word="pull", order=PullRow, item=PullItemRow, counted=("received", "duplicates", "refused"))


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
    session.add_all(PullItemRow(order_id=pull.id, not_before=moment, **vars(wish)) for wish in wanted)
    session.flush()
    return pull
