"""Carries orders out, one item of one order after the other."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from sqlalchemy.orm import Session

from kahua.database import Database
from kahua.errors import NotFound
from kahua.store.peers import Peer, peer_of_id
from kahua.store.remote.orders import Item, Order, Orders


@dataclass(frozen=True, kw_only=True)
class Carrier(ABC, Generic[Order, Item]):
    """Any number of processes may do so at once: each order is in the hands of one."""

    database: Database
    #: Told when an order is done, in the transaction that ends it.
    ended: Callable[[Session, Order], None]

    @property
    @abstractmethod
    def orders(self) -> Orders[Order, Item]:
        """The orders that are carried out."""

    @abstractmethod
    def carry_out(self, order: Order, item: Item) -> None:
        """Make an attempt at an item, and write down how it ended."""

    def may_begin(self, order: Order) -> bool:  # noqa: ARG002 - for those who have something to say
        """Say whether an order may go on at this time of the day."""
        return True

    def step(self) -> bool:
        """Do the next thing that is due; say whether there was one."""
        with self.database.read() as session:
            due = self.orders.due(session)
        return any(self._step(order) for order in due if self.may_begin(order))

    def _step(self, order: Order) -> bool:
        with self.database.claim(f"{self.orders.word} {order.id}") as claim:
            if not claim.is_held:
                return False
            with self.database.write() as session:
                item = self.orders.begin(session, order, self.ended)
            if item is not None:
                self.carry_out(order, item)
            return item is not None

    def peer_of(self, order: Order) -> Peer:
        """Give the peer of an order.

        Raises
        ------
        NotFound
            It is not known any more.
        """
        with self.database.read() as session:
            peer = peer_of_id(session, order.project_id, order.peer_id)
        if peer is None:
            raise NotFound("The peer was removed.")
        return peer
