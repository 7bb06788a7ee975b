"""Event reports: what is told of a workitem, and to whom (PS3.4 section CC.2.4; PS3.18 section 11.13)."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from kahua.store.workitems.attributes import (
    CANCEL_CODE,
    CANCEL_REASON,
    CONTACT_NAME,
    CONTACT_URI,
    HUMANS,
    PROGRESS,
    READINESS,
    STATE,
    STATION,
    UPS_PUSH,
)
from kahua.store.workitems.documents import Json, items_of, sequence, words
from kahua.store.workitems.tables import EventReportRow, SubscriberRow, SubscriptionRow, WorkitemRow

#: Most reports that wait for one subscriber; the oldest are forgotten first.
MAX_WAITING: Final = 1000

#: Event types (PS3.4 table CC.2.4-1).
STATE_REPORT, CANCEL_REQUESTED, PROGRESS_REPORT, SITE_STATUS, ASSIGNED = 1, 2, 3, 4, 5

#: Reports are numbered for each connection, which nobody does here: the element is there for its form (PS3.7).
_MESSAGE_ID: Final = 1


def state_report(document: Json) -> Json:
    """Say in which state a workitem is."""
    first = next(iter(items_of(document, PROGRESS)), {})
    reasons = {tag: first[tag] for tag in (CANCEL_REASON, CANCEL_CODE) if tag in first}
    return {STATE: document[STATE], READINESS: document[READINESS], **reasons}


def tell(session: Session, row: WorkitemRow, kind: int, content: Json) -> int:
    """Keep a report for everybody who is subscribed to a workitem; return how many that are."""
    query = select(SubscriptionRow.subscriber_id).where(SubscriptionRow.workitem_id == row.id)
    subscribers = session.scalars(query).all()
    keep(session, subscribers, kind, row.uid, content)
    return len(subscribers)


def tell_of_change(session: Session, row: WorkitemRow, before: Json, after: Json) -> None:
    """Keep the reports that an update is worth."""
    if before.get(READINESS) != after.get(READINESS):
        tell(session, row, STATE_REPORT, state_report(after))
    if before.get(PROGRESS) != after.get(PROGRESS):
        first = next(iter(items_of(after, PROGRESS)), {})
        tell(session, row, PROGRESS_REPORT, {PROGRESS: sequence(first)})
    if any(before.get(tag) != after.get(tag) for tag in (STATION, HUMANS)):
        tell(session, row, ASSIGNED, assignment(after))


def assignment(document: Json) -> Json:
    """Say to which stations and people a workitem is assigned."""
    human = next(iter(items_of(document, HUMANS)), {})
    found = {tag: human[tag] for tag in ("00404009", "00404036") if human.get(tag, {}).get("Value")}
    if items_of(document, STATION):
        found[STATION] = document[STATION]
    return found


def cancel_request(request: Json, requester: str) -> Json:
    """Say who asks for a cancellation, and why."""
    told = (CANCEL_REASON, CANCEL_CODE, CONTACT_URI, CONTACT_NAME)
    return {
        "00741236": words("AE", requester),
        **{tag: request[tag] for tag in told if request.get(tag, {}).get("Value")},
    }


def tell_of_restart(session: Session) -> None:
    """Tell every subscriber that the site was started again, and that it has forgotten nothing."""
    content = {"00741242": words("CS", "RESTARTED")} | {
        tag: words("CS", "WARM START") for tag in ("00741244", "00741246")
    }
    subscribers = session.scalars(select(SubscriberRow.id)).all()
    keep(session, subscribers, SITE_STATUS, None, content)


def keep(session: Session, subscribers: Sequence[str], kind: int, uid: str | None, content: Json) -> None:
    """Keep a report for some subscribers, in the form of an N-EVENT-REPORT (PS3.7 section 10.3.1)."""
    if not subscribers:
        return
    report = orjson.dumps(
        {
            "00000002": words("UI", UPS_PUSH),
            "00000110": words("US", _MESSAGE_ID),
            **({"00001000": words("UI", uid)} if uid else {}),
            "00001002": words("US", kind),
            **content,
        }
    )
    session.execute(insert(EventReportRow), [{"subscriber_id": each, "report": report} for each in subscribers])
    _forget_oldest(session, subscribers)


def waiting(session: Session, subscriber_ids: Iterable[str], *, limit: int) -> Sequence[Any]:
    """Give id, subscriber and content of reports that wait for some subscribers, oldest first."""
    query = select(EventReportRow.id, EventReportRow.subscriber_id, EventReportRow.report)
    query = query.where(EventReportRow.subscriber_id.in_(list(subscriber_ids)))
    return session.execute(query.order_by(EventReportRow.id).limit(limit)).all()


def forget(session: Session, report_ids: Sequence[int]) -> None:
    """Remove reports that were delivered."""
    session.execute(delete(EventReportRow).where(EventReportRow.id.in_(report_ids)))


def _forget_oldest(session: Session, subscribers: Sequence[str]) -> None:
    counts = select(EventReportRow.subscriber_id, func.count()).where(EventReportRow.subscriber_id.in_(subscribers))
    for subscriber, count in session.execute(counts.group_by(EventReportRow.subscriber_id)).all():
        if count > MAX_WAITING:
            own = select(EventReportRow.id).where(EventReportRow.subscriber_id == subscriber)
            oldest = own.order_by(EventReportRow.id).limit(count - MAX_WAITING)
            session.execute(delete(EventReportRow).where(EventReportRow.id.in_(session.scalars(oldest).all())))
