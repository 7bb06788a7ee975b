"""The worklist of a project: workitems are created, claimed, changed, ended (PS3.18 chapter 11; PS3.4 annex CC)."""

import hmac
from collections.abc import Callable
from datetime import datetime
from typing import Final

import orjson
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from kahua.database import now
from kahua.dicom import is_valid_uid, new_uid
from kahua.errors import InvalidInput, NotFound, StateConflict, TooMuch
from kahua.store.text import cut
from kahua.store.workitems import attributes, reports
from kahua.store.workitems.attributes import (
    CANCEL_REASON,
    LABEL,
    SOP_INSTANCE,
    START,
    STATE,
    STATION,
    TRANSACTION_UID,
    WORKITEM_CODE,
)
from kahua.store.workitems.documents import Json, code_value, code_words, items_of, read_date_time, text_of, words
from kahua.store.workitems.states import (
    CANCELLATIONS,
    CHANGES,
    ENDED_UPDATE,
    FINAL,
    INCONSISTENT,
    UNCLAIMED_UPDATE,
    Already,
    Refusal,
    State,
    refused,
    wrong_transaction,
)
from kahua.store.workitems.subscriptions import FILTERED, GLOBAL, subscribe_to_new
from kahua.store.workitems.tables import WorkitemRow

#: Performer of what this site does itself.
SITE: Final = "this site"

#: Of the history of a workitem: somebody asked its performer to cancel it.
CANCEL_REQUESTED: Final = "CANCEL REQUESTED"

#: Most entries of a history; anybody may ask for a cancellation again and again.
MAX_HISTORY: Final = 50

#: Largest workitem, as JSON.
MAX_BYTES: Final = 1_000_000


def create(
    session: Session, project_id: str, given: Json, *, uid: str | None, creator: str, creator_id: str
) -> WorkitemRow:
    """Make a workitem.

    Raises
    ------
    InvalidInput
        An attribute is missing or impossible.
    StateConflict
        The project has one of that UID.
    """
    uid = uid or text_of(given, SOP_INSTANCE) or new_uid()
    if not is_valid_uid(uid) or uid in (GLOBAL, FILTERED):
        raise InvalidInput("That is no UID that a workitem can have.", field=SOP_INSTANCE)
    moment = now()
    document = attributes.created(given, uid, moment)
    row = WorkitemRow(
        project_id=project_id,
        uid=uid,
        state=State.SCHEDULED.value,
        created_at=moment,
        created_by=cut(creator, 100),
        creator_id=creator_id,
        history=[],
    )
    _note(row, State.SCHEDULED.value, creator)
    _write(row, document, moment)
    _check_size(row)
    _add(session, row)
    subscribe_to_new(session, row, document)
    return row


def find_workitem(session: Session, project_id: str, uid: str, *, lock: bool = False) -> WorkitemRow:
    """Give a workitem.

    Raises
    ------
    NotFound
        The project has none of that UID.
    """
    query = select(WorkitemRow).where(WorkitemRow.project_id == project_id, WorkitemRow.uid == uid)
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound("There is no such workitem.")
    return row


def document_of(row: WorkitemRow) -> Json:
    """Give the attributes of a workitem."""
    document: Json = orjson.loads(row.document)
    return document


def update(session: Session, project_id: str, uid: str, changes: Json, *, transaction_uid: str) -> WorkitemRow:
    """Change attributes; of a workitem in progress only its performer may.

    Raises
    ------
    InvalidInput
        An attribute cannot be changed, the workitem has ended, or the Transaction UID is not that of its performer.
    StateConflict
        A Transaction UID was given, but nobody performs the workitem yet.
    """
    row = find_workitem(session, project_id, uid, lock=True)
    if State(row.state) in FINAL:  # an invalid request, by PS3.18 section 11.6.2
        raise InvalidInput(ENDED_UPDATE.reason, dicom_status=ENDED_UPDATE.status, warning=INCONSISTENT)
    if row.transaction_uid is None and transaction_uid:
        raise refused(UNCLAIMED_UPDATE)
    _check_transaction(row, transaction_uid)
    revise(session, row, lambda document: attributes.updated(document, changes, now()))
    _check_size(row)
    return row


def change_state(session: Session, project_id: str, uid: str, wanted: Json, *, user: str) -> str:
    """Bring a workitem into another state, as its performer asks; return a warning, where nothing had to be done.

    Raises
    ------
    InvalidInput
        The request names no state, or the Transaction UID is missing or not that of the performer.
    StateConflict
        The workitem cannot get there from its state, or does not say yet what it must at its end.
    """
    transaction_uid = text_of(wanted, TRANSACTION_UID)
    if text_of(wanted, STATE) not in list(State):
        raise InvalidInput("The request names no Procedure Step State (0074,1000).", field=STATE)
    state = State(text_of(wanted, STATE))
    row = find_workitem(session, project_id, uid, lock=True)
    if state is not State.SCHEDULED:
        _check_transaction(row, transaction_uid, is_needed=True)
    outcome = CHANGES[State(row.state), state]
    if isinstance(outcome, Refusal):
        raise refused(outcome)
    if isinstance(outcome, Already):
        return outcome.warning
    if state is State.IN_PROGRESS:
        claim(session, row, transaction_uid, performer=user)
    elif state is State.COMPLETED:
        attributes.check_completed(document_of(row))
        enter(session, row, State.COMPLETED, document_of(row))
    else:
        enter(session, row, State.CANCELED, attributes.canceled(document_of(row), now()))
    return ""


def claim(session: Session, row: WorkitemRow, transaction_uid: str, *, performer: str) -> None:
    """Let somebody perform a workitem, of which the caller has the lock.

    Raises
    ------
    StateConflict
        It is not scheduled any more.
    """
    if row.state != State.SCHEDULED:
        raise StateConflict("The workitem is not scheduled any more.", state=row.state)
    row.transaction_uid, row.performer = transaction_uid, cut(performer, 100)
    enter(session, row, State.IN_PROGRESS, document_of(row))


def request_cancellation(session: Session, project_id: str, uid: str, request: Json, *, requester: str) -> str:
    """Ask for the end of a workitem; return a warning, where nothing had to be done.

    One that nobody performs is cancelled; of others the performer is told.

    Raises
    ------
    StateConflict
        The workitem is completed, or its performer cannot be told, because nobody is subscribed to it.
    """
    row = find_workitem(session, project_id, uid, lock=True)
    outcome = CANCELLATIONS[State(row.state)]
    if isinstance(outcome, Refusal):
        raise refused(outcome)
    if isinstance(outcome, Already):
        return outcome.warning
    reason = text_of(request, CANCEL_REASON)
    if row.state == State.SCHEDULED:
        row.transaction_uid = new_uid()
        enter(session, row, State.IN_PROGRESS, document_of(row), by=requester)
        canceled = attributes.canceled(document_of(row), now(), reason=reason)
        enter(session, row, State.CANCELED, canceled, by=requester)
        return ""
    content = reports.cancel_request(request, requester)
    told = reports.tell(session, row, reports.CANCEL_REQUESTED, content)
    if not told and row.performer != SITE:
        raise StateConflict(
            "The performer of the workitem is not subscribed to it and cannot be told.", dicom_status="C312"
        )
    row.cancel_requested_at, row.cancel_reason = now(), cut(reason, 1000)
    _note(row, CANCEL_REQUESTED, requester)
    return ""


def revise(session: Session, row: WorkitemRow, change: Callable[[Json], Json]) -> None:
    """Change the attributes of a workitem, of which the caller has the lock; who is subscribed is told."""
    before = document_of(row)
    after = change(before)
    _write(row, after, now())
    reports.tell_of_change(session, row, before, after)


def enter(session: Session, row: WorkitemRow, state: State, document: Json, *, by: str = "") -> None:
    """Let a workitem be in a state, with these attributes; who is subscribed is told. By its performer, if not `by`."""
    row.state = state.value
    _note(row, state.value, by or row.performer)
    document = {**document, STATE: words("CS", state.value)}
    _write(row, document, now())
    reports.tell(session, row, reports.STATE_REPORT, reports.state_report(document))


def code_key(scheme: str, value: str) -> str:
    """Write a code as rows hold it."""
    return cut(f"{scheme}^{value}", 256)


def _check_size(row: WorkitemRow) -> None:
    """Keep what others say of a workitem within limits."""
    if len(row.document) > MAX_BYTES:
        raise TooMuch(f"A workitem has at most {MAX_BYTES} bytes.")


def _check_transaction(row: WorkitemRow, transaction_uid: str, *, is_needed: bool = False) -> None:
    known = row.transaction_uid
    if known is None and (is_valid_uid(transaction_uid) or not (is_needed or transaction_uid)):
        return
    if known is None or not hmac.compare_digest(known.encode(), transaction_uid.encode()):
        raise wrong_transaction(transaction_uid)


def _add(session: Session, row: WorkitemRow) -> None:
    taken = StateConflict("The project has a workitem of that UID already.", dicom_status="0111")
    query = select(WorkitemRow.id).where(WorkitemRow.project_id == row.project_id, WorkitemRow.uid == row.uid)
    if session.scalar(query) is not None:
        raise taken
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:  # somebody else created it at the same moment
        raise taken from None


def _note(row: WorkitemRow, what: str, by: str) -> None:
    entry = {"at": now().isoformat(), "what": what, "by": cut(by, 100)}
    row.history = [*row.history[: MAX_HISTORY - 1], entry]


def _write(row: WorkitemRow, document: Json, moment: datetime) -> None:
    row.document = orjson.dumps(document)
    row.starts_at = read_date_time(text_of(document, START)) or moment
    row.patient_id = cut(text_of(document, "00100020"), 256)
    first = next(iter(items_of(document, WORKITEM_CODE)), None)
    row.code = code_key(*code_value(first)) if first is not None else ""
    row.label = cut(text_of(document, LABEL), 256)
    row.station = cut(", ".join(map(code_words, items_of(document, STATION))), 256)
    row.changed_at = moment
