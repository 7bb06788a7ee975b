"""Who wants to hear of which workitems (PS3.4 section CC.2.3; PS3.18 sections 11.10 to 11.12)."""

from collections.abc import Iterable, Sequence
from typing import Final

import orjson
from sqlalchemy import ColumnElement, func, insert, literal, select
from sqlalchemy.orm import Session

from kahua.database import new_id
from kahua.errors import InvalidInput, NotAllowed, NotFound, TooMuch
from kahua.store.workitems import reports
from kahua.store.workitems.documents import Json
from kahua.store.workitems.filters import Filters, keys_of, read_filters
from kahua.store.workitems.tables import SubscriberRow, SubscriptionRow, WorkitemRow

#: Targets of subscriptions that are no workitem: all, and all that match.
GLOBAL: Final = "1.2.840.10008.5.1.4.34.5"
FILTERED: Final = "1.2.840.10008.5.1.4.34.5.1"

#: Most subscribers of a project.
MAX_SUBSCRIBERS: Final = 200

#: Workitems that are looked at in one go.
BATCH: Final = 500


def find_subscriber(session: Session, project_id: str, ae_title: str, *, user: str) -> SubscriberRow:
    """Give a subscriber of a user.

    Raises
    ------
    NotFound
        The project has none of that title.
    NotAllowed
        It is another user's.
    """
    row = _known(session, project_id, ae_title)
    if row is None:
        raise NotFound("There is no such subscriber.", remedy="Subscribe first.")
    if row.owner != user:
        raise NotAllowed("The AE title is in use by another user's subscriptions.", remedy="Choose another AE title.")
    return row


def begin_channel(session: Session, project_id: str, ae_title: str, *, user: str) -> str:
    """Note that a subscriber opens a channel, which ends its older ones in all processes; give its id.

    Raises
    ------
    NotFound
        The project has none of that title.
    NotAllowed
        It is another user's.
    """
    subscriber = find_subscriber(session, project_id, ae_title, user=user)
    subscriber.channel = channel = new_id()
    return channel


def is_newest(session: Session, subscriber_id: str, channel: str) -> bool:
    """Whether a subscriber has opened no other channel since; one that is gone has not."""
    newest = session.scalar(select(SubscriberRow.channel).where(SubscriberRow.id == subscriber_id))
    return newest in (channel, None)


def subscribe(session: Session, project_id: str, target: str, ae_title: str, *, user: str, locked: bool) -> None:
    """Note that an application wants to hear of one workitem; it is told how things stand.

    Raises
    ------
    InvalidInput
        The title is no AE title.
    NotFound
        There is no such workitem.
    NotAllowed
        The title is another user's.
    """
    query = select(WorkitemRow).where(WorkitemRow.project_id == project_id, WorkitemRow.uid == target)
    workitem = session.scalar(query)
    if workitem is None:
        raise NotFound("There is no such workitem.")
    subscriber = _ensured(session, project_id, ae_title, user)
    known = session.get(SubscriptionRow, (workitem.id, subscriber.id))
    if known is not None:
        known.locked = locked
    else:
        session.add(SubscriptionRow(workitem_id=workitem.id, subscriber_id=subscriber.id, locked=locked))
    session.flush()
    _tell_state(session, subscriber.id, workitem.uid, workitem.document)


def subscribe_to_all(
    session: Session,
    project_id: str,
    ae_title: str,
    *,
    user: str,
    locked: bool,
    filters: Sequence[tuple[str, str]] = (),
) -> None:
    """Note that an application wants to hear of all workitems, or of all that match, and of all that are to come.

    Raises
    ------
    InvalidInput
        The title is no AE title, or a condition has no meaning.
    NotAllowed
        The title is another user's.
    """
    read = read_filters(filters)
    subscriber = _ensured(session, project_id, ae_title, user)
    subscriber.to_new = "locked" if locked else "yes"
    subscriber.filters = [list(pair) for pair in filters]
    session.flush()
    own = select(SubscriptionRow.workitem_id).where(SubscriptionRow.subscriber_id == subscriber.id)
    missing = (WorkitemRow.project_id == project_id, WorkitemRow.id.not_in(own))
    if read or locked:
        _subscribe_to_each(session, subscriber, missing, read)
        return
    rows = select(WorkitemRow.id, literal(subscriber.id), literal(value=False)).where(*missing)
    session.execute(insert(SubscriptionRow).from_select(["workitem_id", "subscriber_id", "locked"], rows))


def subscribe_to_new(session: Session, workitem: WorkitemRow, document: Json) -> None:
    """Subscribe to a new workitem whoever wants to hear of such; they are told of it."""
    query = select(SubscriberRow).where(SubscriberRow.project_id == workitem.project_id, SubscriberRow.to_new != "no")
    for subscriber in session.scalars(query).all():
        filters = read_filters((name, value) for name, value in subscriber.filters)
        if keys_of(filters).fit(document):
            locked = subscriber.to_new == "locked"
            session.add(SubscriptionRow(workitem_id=workitem.id, subscriber_id=subscriber.id, locked=locked))
    session.flush()
    reports.tell(session, workitem, reports.STATE_REPORT, reports.state_report(document))
    if assigned := reports.assignment(document):
        reports.tell(session, workitem, reports.ASSIGNED, assigned)


def unsubscribe(session: Session, project_id: str, target: str, ae_title: str, *, user: str) -> None:
    """End a subscription to one workitem; the end of that to all ends every one, and what waits is forgotten.

    Raises
    ------
    NotFound
        There is none.
    NotAllowed
        It is another user's.
    """
    subscriber = find_subscriber(session, project_id, ae_title, user=user)
    if target in (GLOBAL, FILTERED):
        session.delete(subscriber)
        return
    query = select(SubscriptionRow).join(WorkitemRow).where(WorkitemRow.uid == target)
    subscription = session.scalar(query.where(SubscriptionRow.subscriber_id == subscriber.id))
    if subscription is None:
        raise NotFound("There is no such subscription.")
    session.delete(subscription)
    session.flush()
    own = select(SubscriptionRow.workitem_id).where(SubscriptionRow.subscriber_id == subscriber.id).limit(1)
    if subscriber.to_new == "no" and session.scalar(own) is None:
        session.delete(subscriber)


def suspend(session: Session, project_id: str, ae_title: str, *, user: str) -> None:
    """Let an application hear no more of new workitems; it goes on hearing of those that it knows.

    Raises
    ------
    NotFound
        It is not subscribed to new workitems.
    NotAllowed
        It is another user's.
    """
    subscriber = find_subscriber(session, project_id, ae_title, user=user)
    if subscriber.to_new == "no":
        raise NotFound("There is no such subscription.")
    subscriber.to_new, subscriber.filters = "no", []


def _subscribe_to_each(
    session: Session, subscriber: SubscriberRow, missing: Iterable[ColumnElement[bool]], filters: Filters
) -> None:
    """Subscribe to workitems one by one: those that match; with a lock, the application is told of each."""
    last, conditions, keys = "", list(missing), keys_of(filters)
    while True:
        query = select(WorkitemRow.id, WorkitemRow.uid, WorkitemRow.document).where(*conditions, WorkitemRow.id > last)
        rows = session.execute(query.order_by(WorkitemRow.id).limit(BATCH)).all()
        for row in rows:
            if keys.fit(orjson.loads(row.document)):
                locked = subscriber.to_new == "locked"
                session.add(SubscriptionRow(workitem_id=row.id, subscriber_id=subscriber.id, locked=locked))
                if locked:
                    _tell_state(session, subscriber.id, row.uid, row.document)
        session.flush()
        if len(rows) < BATCH:
            return
        last = rows[-1].id


def _tell_state(session: Session, subscriber_id: str, uid: str, document: bytes) -> None:
    reports.keep(session, [subscriber_id], reports.STATE_REPORT, uid, reports.state_report(orjson.loads(document)))


def _ensured(session: Session, project_id: str, ae_title: str, user: str) -> SubscriberRow:
    title = ae_title.strip()
    if not 0 < len(title) <= 16 or not title.isascii() or not title.isprintable() or "\\" in title:
        raise InvalidInput("A subscriber is named by an AE title of 1 to 16 characters.", field="subscriber")
    if _known(session, project_id, title) is not None:
        return find_subscriber(session, project_id, title, user=user)
    count = session.scalar(select(func.count()).where(SubscriberRow.project_id == project_id)) or 0
    if count >= MAX_SUBSCRIBERS:
        raise TooMuch(f"A project has at most {MAX_SUBSCRIBERS} subscribers.", remedy="End subscriptions not needed.")
    row = SubscriberRow(project_id=project_id, ae_title=title, owner=user)
    session.add(row)
    session.flush()
    return row


def _known(session: Session, project_id: str, ae_title: str) -> SubscriberRow | None:
    query = select(SubscriberRow).where(
        SubscriberRow.project_id == project_id, SubscriberRow.ae_title == ae_title.strip()
    )
    return session.scalar(query.with_for_update())


def is_locked() -> ColumnElement[bool]:
    """Whether somebody wants a workitem to be kept (a condition on `WorkitemRow`)."""
    locks = select(SubscriptionRow.workitem_id).where(
        SubscriptionRow.workitem_id == WorkitemRow.id, SubscriptionRow.locked
    )
    return locks.exists()
