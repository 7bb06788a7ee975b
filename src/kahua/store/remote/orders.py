"""Orders: what a project wants of a peer, kept until it is done, and the history of it. Pulls and deliveries alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from kahua.database import now
from kahua.errors import NotFound, StateConflict
from kahua.store.remote import attempts
from kahua.store.remote.tables import ItemColumns, OrderColumns

Order = TypeVar("Order", bound=OrderColumns)
Item = TypeVar("Item", bound=ItemColumns)


@dataclass(frozen=True, kw_only=True)
class Progress(Generic[Order]):
    """How far an order is."""

    order: Order
    #: Items by state.
    items: dict[str, int]
    #: Instances by what became of them.
    instances: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Orders(Generic[Order, Item]):
    """The orders of one kind."""

    #: What people call one.
    word: str
    order: type[Order]
    item: type[Item]
    #: Columns of the items that count instances.
    counted: tuple[str, ...]

    def find(self, session: Session, project_id: str, order_id: str) -> Order:
        """Give an order.

        Raises
        ------
        NotFound
            The project has none of this id.
        """
        row = session.scalar(select(self.order).where(self.order.project_id == project_id, self.order.id == order_id))
        if row is None:
            raise NotFound(f"There is no such {self.word}.")
        return row

    def page(
        self, session: Session, project_id: str, *, limit: int, before: Order | None = None
    ) -> list[Progress[Order]]:
        """Give the orders of a project, newest first; the next page is what came before its last."""
        created_at, identity = self.order.created_at, self.order.id
        query = select(self.order).where(self.order.project_id == project_id)
        if before is not None:
            same = (created_at == before.created_at) & (identity < before.id)
            query = query.where((created_at < before.created_at) | same)
        rows = session.scalars(query.order_by(created_at.desc(), identity.desc()).limit(limit)).all()
        return [self.progress(session, row) for row in rows]

    def progress(self, session: Session, order: Order) -> Progress[Order]:
        """Say how far an order is."""
        sums: list[Any] = [func.coalesce(func.sum(getattr(self.item, name)), 0) for name in self.counted]
        query = select(self.item.state, func.count(), *sums).where(self.item.order_id == order.id)
        rows = session.execute(query.group_by(self.item.state)).all()
        return Progress(
            order=order,
            items={row[0]: row[1] for row in rows},
            instances={name: sum(int(row[place]) for row in rows) for place, name in enumerate(self.counted, start=2)},
        )

    def items(self, session: Session, order: Order, *, limit: int, after: int = 0) -> Sequence[Item]:
        """Give the items of an order as they were put in; the next page begins after the last one's id."""
        query = select(self.item).where(self.item.order_id == order.id, self.item.id > after)
        return session.scalars(query.order_by(self.item.id).limit(limit)).all()

    def cancel(self, session: Session, project_id: str, order_id: str) -> Order:
        """End an order; what has come or gone stays so, and an item that is under way goes on to its next group.

        Raises
        ------
        NotFound
            The project has none of this id.
        StateConflict
            It has ended.
        """
        order = self._locked(session, project_id, order_id)
        if order.state != "active":
            raise StateConflict(
                f"The {self.word} is {order.state}.", remedy="Only one that is active can be cancelled."
            )
        order.state, order.finished_at = "cancelled", now()
        waiting = update(self.item).where(self.item.order_id == order.id, self.item.state == "waiting")
        session.execute(waiting.values(state="cancelled", finished_at=order.finished_at))
        session.flush()
        return order

    def retry(self, session: Session, project_id: str, order_id: str) -> Order:
        """Try again at once what failed, was cancelled, or waits for its next try.

        Raises
        ------
        NotFound
            The project has none of this id.
        StateConflict
            There is nothing of that kind.
        """
        order = self._locked(session, project_id, order_id)
        mine = (self.item.order_id == order.id, self.item.state.in_(("failed", "cancelled", "waiting")))
        again = session.scalars(select(self.item).where(*mine)).all()
        if not again:
            raise StateConflict(f"Everything of this {self.word} is done.")
        for item in again:
            item.state, item.attempts, item.not_before, item.finished_at = "waiting", 0, now(), None
        order.state, order.finished_at, order.not_before = "active", None, now()
        session.flush()
        return order

    def due(self, session: Session) -> Sequence[Order]:
        """Give the orders that can go on, those that waited longest first."""
        query = select(self.order).where(self.order.state == "active", self.order.not_before <= now())
        return session.scalars(query.order_by(self.order.not_before, self.order.id)).all()

    def begin(self, session: Session, order: Order, ended: Callable[[Session, Order], None]) -> Item | None:
        """Take the next item that is due; an order that has none left is done."""
        mine = (self.item.order_id == order.id, self.item.state == "waiting")
        due = select(self.item).where(*mine, self.item.not_before <= now()).order_by(self.item.id).limit(1)
        item = session.scalar(due)
        if item is not None:
            turn = update(self.order).where(self.order.id == order.id)
            session.execute(turn.values(not_before=now()))  # then it is the turn of others
            return item if attempts.begin(item) else None
        current = self._locked(session, order.project_id, order.id)
        if current.state == "active" and not session.scalar(select(exists().where(*mine))):
            current.state, current.finished_at = "done", now()
            ended(session, current)
        return None

    def again(self, session: Session, item: Item) -> Item:
        """Give an item as it is now; nobody else changes it before the transaction ends."""
        return session.scalars(select(self.item).where(self.item.id == item.id).with_for_update()).one()

    def _locked(self, session: Session, project_id: str, order_id: str) -> Order:
        self.find(session, project_id, order_id)
        return session.scalars(select(self.order).where(self.order.id == order_id).with_for_update()).one()
