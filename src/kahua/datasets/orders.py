"""Cancelling pulls and deliveries, and trying again what failed of them: in the audit log."""

from sqlalchemy.orm import Session

from kahua.access import record
from kahua.store.remote.orders import Item, Order, Orders


def cancel_order(session: Session, orders: Orders[Order, Item], *, project_id: str, actor: str, order_id: str) -> Order:
    """End a pull or a delivery; what has come or gone stays so."""
    order = orders.cancel(session, project_id, order_id)
    record(session, actor=actor, action=f"{orders.word}.cancelled", subject=order.id, project_id=project_id)
    return order


def retry_order(session: Session, orders: Orders[Order, Item], *, project_id: str, actor: str, order_id: str) -> Order:
    """Try again what failed, or was cancelled, of a pull or a delivery."""
    order = orders.retry(session, project_id, order_id)
    record(session, actor=actor, action=f"{orders.word}.retried", subject=order.id, project_id=project_id)
    return order
