"""One association, from the request that has arrived to the closed connection, in a thread of its own."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from kahua.dicom import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from kahua.store.dimse import pdu
from kahua.store.dimse.inbox import Inbox
from kahua.store.dimse.link import Link, LinkClosed, LinkSilent, LinkStopped
from kahua.store.dimse.message import Context, MessageReader, ProtocolError
from kahua.store.dimse.negotiation import answer_contexts, rejection_of
from kahua.store.dimse.pdu import PDV_HEADER, AbortReason, AssociateRequest, ContextResult, PduType, Rejection
from kahua.store.dimse.services import Services
from kahua.store.dimse.states import Action, Event, Machine, State

#: Longest time for a PDU once it has begun, in seconds: 128 KB over a link of 5 KB/s.
PDU_SECONDS = 30.0

#: How long the peer has for closing the connection after the last word, in seconds.
CLOSE_SECONDS = 2.0

#: What the arrival of a PDU means.
EVENTS: dict[int, Event] = {
    PduType.ASSOCIATE_RQ: Event.GOT_ASSOCIATE_RQ,
    PduType.ASSOCIATE_AC: Event.GOT_ASSOCIATE_AC,
    PduType.ASSOCIATE_RJ: Event.GOT_ASSOCIATE_RJ,
    PduType.DATA: Event.GOT_DATA,
    PduType.RELEASE_RQ: Event.GOT_RELEASE_RQ,
    PduType.RELEASE_RP: Event.GOT_RELEASE_RP,
    PduType.ABORT: Event.GOT_ABORT,
}

#: Length of the PDUs that have one length only.
FIXED_LENGTH = 4

#: Decides on a request: who serves it, or why it is rejected.
Decide = Callable[[AssociateRequest], Services | Rejection]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the receiver allows an association."""

    max_pdu_bytes: int
    max_object_bytes: int
    idle_seconds: float


class Association:
    """Speaks the upper layer protocol with one peer, and passes whole requests to the services."""

    def __init__(self, link: Link, machine: Machine, *, terms: Terms, inbox: Inbox) -> None:
        self._link = link
        self._machine = machine
        self._terms = terms
        self._inbox = inbox
        self._contexts: dict[int, Context] = {}
        self._reader = MessageReader(link, inbox, self._contexts, max_object_bytes=terms.max_object_bytes)
        self._services: Services | None = None
        #: What the next `SEND_…` action sends, and why the next abort happens.
        self._outgoing = b""
        self._reason = AbortReason.NOT_SPECIFIED
        #: Of the PDU whose header was read last: bytes not yet read, and when they must have come.
        self._unread = 0
        self._deadline = 0.0
        self._close_by: float | None = None

    def run(self, request: memoryview, decide: Decide) -> None:
        """Answer the association request, then serve the peer until the connection is closed."""
        try:
            event = self._negotiate(request, decide)
            while self._machine.state is not State.IDLE:
                event = self._step(event)
        finally:
            self._inbox.discard()
            self._link.close()

    def _step(self, event: Event) -> Event:
        """Go on by one state; return what happens next."""
        action = self._machine.on(event)
        closing = self._machine.state is State.AWAITING_CLOSE
        try:
            return self._do(action)
        except LinkClosed:
            return Event.CLOSED
        except (LinkSilent, LinkStopped):
            return Event.TIMED_OUT if closing else Event.ABORT

    def _negotiate(self, body: memoryview, decide: Decide) -> Event:
        try:
            request = pdu.decode_associate_request(body)
        except pdu.MalformedPdu:
            self._reason = AbortReason.INVALID_PARAMETER
            return Event.GOT_INVALID
        decision = rejection_of(request) or decide(request)
        if isinstance(decision, Rejection):
            self._outgoing = pdu.encode_reject(decision)
            return Event.REJECT
        self._services = decision
        self._agree(request, body)
        return Event.ACCEPT

    def _agree(self, request: AssociateRequest, body: memoryview) -> None:
        answers = answer_contexts(request.contexts)
        for context, answer in zip(request.contexts, answers, strict=True):
            if answer.result is ContextResult.ACCEPTED:
                self._contexts[context.id] = Context(
                    id=context.id, abstract_syntax=context.abstract_syntax, transfer_syntax=answer.transfer_syntax
                )
        self._outgoing = pdu.encode_associate_accept(
            body,
            answers,
            max_pdu_bytes=self._terms.max_pdu_bytes,
            implementation_class_uid=IMPLEMENTATION_CLASS_UID,
            implementation_version=IMPLEMENTATION_VERSION_NAME,
        )

    def _do(self, action: Action) -> Event:
        match action:
            case Action.SEND_ACCEPT | Action.SEND_REJECT | Action.SEND_DATA:
                self._link.send(self._outgoing)
            case Action.TAKE_DATA:
                return self._take_data()
            case Action.TAKE_RELEASE:
                return Event.RELEASE
            case Action.SEND_RELEASE:
                self._link.send(pdu.encode_release_answer())
            case Action.ABORT_AS_USER:
                self._link.send(pdu.encode_abort(AbortReason.BY_USER))
            case Action.ABORT_AS_PROVIDER | Action.ABORT_AGAIN:
                self._link.send(pdu.encode_abort(self._reason))
            case Action.IGNORE:
                pass
            case Action.CLOSE:
                return Event.CLOSED
            case _:
                raise RuntimeError(f"{action.name} belongs to the time before the request.")
        return self._next_while_closing() if self._machine.state is State.AWAITING_CLOSE else self._next()

    def _next(self) -> Event:
        """Wait for a PDU."""
        kind, self._unread, self._deadline = self._link.read_header(
            idle_seconds=self._terms.idle_seconds, pdu_seconds=PDU_SECONDS, stoppable=not self._reader.busy
        )
        return self._event_of(kind, self._unread)

    def _next_while_closing(self) -> Event:
        """Read on, and throw away, until the peer closes; else the kernel would drop our last word with the rest."""
        if self._close_by is None:
            self._close_by = time.monotonic() + CLOSE_SECONDS
        self._link.skip(self._unread, deadline=self._close_by)
        left = self._close_by - time.monotonic()
        kind, self._unread, _ = self._link.read_header(idle_seconds=left, pdu_seconds=left)
        return self._event_of(kind, self._unread)

    def _event_of(self, kind: int, length: int) -> Event:
        """Say what a PDU is, by its type and length, before any of it is read."""
        event = EVENTS.get(kind)
        if event is None:
            self._reason = AbortReason.UNRECOGNIZED_PDU
            return Event.GOT_INVALID
        if not self._fits(event, length):
            self._reason = AbortReason.INVALID_PARAMETER
            return Event.GOT_INVALID
        self._reason = AbortReason.UNEXPECTED_PDU
        return event

    def _fits(self, event: Event, length: int) -> bool:
        match event:
            case Event.GOT_DATA:
                return PDV_HEADER.size <= length <= self._terms.max_pdu_bytes
            case Event.GOT_ASSOCIATE_RQ | Event.GOT_ASSOCIATE_AC:
                return True  # unexpected now, whatever is in them: they are not read
            case _:
                return length == FIXED_LENGTH

    def _take_data(self) -> Event:
        try:
            message = self._reader.read_pdu(self._unread, deadline=self._deadline)
        except ProtocolError:
            self._reason = AbortReason.INVALID_PARAMETER
            return Event.GOT_INVALID
        finally:
            self._unread = self._reader.unread
        if message is None:
            return self._next()
        if self._services is None:
            raise RuntimeError("Data before the association was accepted.")
        response = self._services.answer(message, self._inbox)
        self._inbox.discard()
        self._outgoing = pdu.encode_command(message.context.id, response)
        return Event.SEND_DATA
