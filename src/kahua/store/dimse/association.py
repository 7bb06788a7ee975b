"""One association between two applications, on either side of it: messages out and in, and a proper end."""

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kahua.store.dimse import pdu
from kahua.store.dimse.commands import RESPONSE, CommandField, Response
from kahua.store.dimse.link import Link, LinkClosed, LinkSilent, LinkStopped
from kahua.store.dimse.message import Context, Message, MessageReader, ProtocolError, Sink
from kahua.store.dimse.pdu import PDV_HEADER, AbortReason, ExtendedNegotiation, PduType, Role
from kahua.store.dimse.states import Action, Event, Machine, State

#: Longest time for a PDU once it has begun, in seconds: 128 KB over a link of 5 KB/s.
PDU_SECONDS = 30.0

#: How long the peer has for closing the connection after the last word, in seconds.
CLOSE_SECONDS = 2.0

#: How long an association may take to be released, whatever else the peer still sends, in seconds.
RELEASE_SECONDS = 10.0

#: Wishes to cancel that are taken while one request is answered.
MAX_CANCELS = 100

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

#: P-DATA-TF that are sent are no longer than this, however long the peer would take them.
MAX_SENT_PDU_BYTES = 131_072

#: No peer means a P-DATA-TF to be shorter than this.
MIN_SENT_PDU_BYTES = 1024


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What this side allows an association."""

    max_pdu_bytes: int
    max_object_bytes: int
    idle_seconds: float
    #: How long it may last once it stands, however busy the peer is.
    total_seconds: float = math.inf


class Ended(Exception):
    """The association comes to its end: the peer wants it, or breaks the rules, or is gone, or this side stops."""

    def __init__(self, event: Event) -> None:
        super().__init__(event.name)
        self.event = event


class Association:
    """Speaks the upper layer protocol with one peer; used by one thread."""

    def __init__(self, link: Link, machine: Machine, *, terms: Terms, sink: Sink) -> None:
        self._link = link
        self._machine = machine
        self._terms = terms
        #: Accepted presentation contexts, by their ids.
        self.contexts: dict[int, Context] = {}
        #: Roles of the requestor that both sides agreed to, by SOP class.
        self.roles: dict[str, Role] = {}
        #: How services are performed, as far as both sides agreed on it, by SOP class.
        self.extended: dict[str, ExtendedNegotiation] = {}
        self._reader = MessageReader(link, sink, self.contexts, max_object_bytes=terms.max_object_bytes)
        self._sent_pdu_bytes = MIN_SENT_PDU_BYTES
        #: Message IDs of requests that the peer has cancelled since it sent the last one.
        self._cancelled: list[int] = []
        #: What the next `SEND_…` action sends, and why the next abort happens.
        self._outgoing = b""
        self._reason = AbortReason.NOT_SPECIFIED
        #: Of the PDU whose header was read last: bytes not yet read, and when they must have come.
        self._unread = 0
        self._deadline = 0.0
        self._close_by: float | None = None
        #: When the whole must have ended.
        self._ends_by = math.inf

    def send(self, context: Context, command: bytes, data: Iterable[bytes] | None = None) -> None:
        """Send a message: its command, and its data set if it has one.

        Raises
        ------
        Ended
            The peer is gone, or does not read.
        """
        with self._ending():
            self._write(pdu.encode_command(context.id, command))
            for piece in pdu.encode_data_set(context.id, data, max_pdu_bytes=self._sent_pdu_bytes) if data else ():
                self._write(piece)

    def receive(self) -> Message:
        """Wait for a message of the peer.

        Raises
        ------
        Ended
            Something else came, or nothing for too long.
        """
        with self._ending():
            while True:
                event = self._next()
                if event is not Event.GOT_DATA:
                    raise Ended(event)
                self._machine.on(event)
                if (message := self._take_data()) is not None:
                    return message

    def ask(
        self,
        context: Context,
        command: bytes,
        data: Iterable[bytes] | None = None,
        *,
        field: CommandField,
        message_id: int = 1,
    ) -> Response:
        """Send a request and wait for its response; the requests of an association are sent one by one.

        Parameters
        ----------
        field, message_id
            Those of the request: the response must be one to it.

        Raises
        ------
        Ended
            The peer ended the association, broke it, or sent what is no response to that.
        """
        self.send(context, command, data)
        return self.next_response(field, message_id)

    def next_response(self, field: CommandField, message_id: int = 1) -> Response:
        """Wait for a response to a request that was sent; to some there are several.

        Raises
        ------
        Ended
            The peer ended the association, broke it, or sent what is no response to that.
        """
        while True:
            response = self._receive_response()
            if response.field & RESPONSE:
                return self.require_response(response, field, message_id)

    def require_response(self, response: Response, field: CommandField, message_id: int = 1) -> Response:
        """Give a response back that answers a request of this side.

        Raises
        ------
        Ended
            It answers another one.
        """
        if (response.field, response.message_id) != (field | RESPONSE, message_id):
            raise self.refuse()
        return response

    def is_cancelled(self, message_id: int) -> bool:
        """Tell whether the peer has cancelled its request, which is being answered (PS3.7 section 9.3.2.3).

        Raises
        ------
        Ended
            It sent something else.
        """
        while self._link.waiting():
            if self._receive_response().field & RESPONSE:
                raise self.refuse()
        return message_id in self._cancelled

    def hurry(self, seconds: float) -> None:
        """Wait no longer than so many seconds from now for what the peer still says."""
        self._ends_by = min(self._ends_by, time.monotonic() + seconds)

    def refuse(self) -> Ended:
        """Give the error for a message that no peer may send at this time; the association will be aborted."""
        self._reason = AbortReason.INVALID_PARAMETER
        return Ended(Event.GOT_INVALID)

    def conclude(self, event: Event) -> None:
        """Go through the states that are left after an event, until the connection can be closed."""
        self._ends_by = time.monotonic() + RELEASE_SECONDS
        action = self._machine.on(event)
        while self._machine.state is not State.IDLE:
            action = self._machine.on(self._conclude_step(action))

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def _receive_response(self) -> Response:
        response = self.receive().command
        if not isinstance(response, Response):
            raise self.refuse()
        if not response.field & RESPONSE:
            if len(self._cancelled) >= MAX_CANCELS:
                raise self.refuse()
            self._cancelled.append(response.message_id)
        return response

    def _agree_on_length(self, max_pdu_bytes: int) -> None:
        """Note the longest P-DATA-TF that the peer takes; 0 is any length."""
        wanted = min(max_pdu_bytes or MAX_SENT_PDU_BYTES, MAX_SENT_PDU_BYTES)
        self._sent_pdu_bytes = max(wanted, MIN_SENT_PDU_BYTES)

    def _write(self, data: bytes) -> None:
        self._machine.on(Event.SEND_DATA)
        self._link.send(data)

    @contextmanager
    def _ending(self) -> Iterator[None]:
        try:
            yield
        except LinkClosed:
            raise Ended(Event.CLOSED) from None
        except (LinkSilent, LinkStopped):
            raise Ended(Event.ABORT) from None

    def _conclude_step(self, action: Action) -> Event:
        """Do what is to be done; return what happens next."""
        closing = self._machine.state is State.AWAITING_CLOSE
        try:
            return self._do(action)
        except LinkClosed:
            return Event.CLOSED
        except (LinkSilent, LinkStopped):
            return Event.TIMED_OUT if closing else Event.ABORT

    def _do(self, action: Action) -> Event:
        match action:
            case Action.SEND_REJECT:
                self._link.send(self._outgoing)
            case Action.TAKE_RELEASE:
                return Event.RELEASE
            case Action.SEND_RELEASE_REQUEST:
                self._link.send(pdu.encode_release_request())
            case Action.SEND_RELEASE:
                self._link.send(pdu.encode_release_answer())
            case Action.ABORT_AS_USER:
                self._link.send(pdu.encode_abort(AbortReason.BY_USER))
            case Action.ABORT_AS_PROVIDER | Action.ABORT_AGAIN:
                self._link.send(pdu.encode_abort(self._reason))
            case Action.IGNORE | Action.TAKE_DATA:
                pass  # what comes after the last word of this side is not read
            case _:
                raise RuntimeError(f"{action.name} belongs to the time before the end.")
        return self._next_while_closing() if self._machine.state is State.AWAITING_CLOSE else self._next()

    def _next(self) -> Event:
        """Wait for a PDU."""
        if self._unread:
            self._link.skip(self._unread, deadline=self._deadline)
        idle_seconds = min(self._terms.idle_seconds, self._ends_by - time.monotonic())
        kind, self._unread, self._deadline = self._link.read_header(
            idle_seconds=idle_seconds, pdu_seconds=PDU_SECONDS, stoppable=not self._reader.busy
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
                return True  # unexpected once the association stands, whatever is in them: they are not read
            case _:
                return length == FIXED_LENGTH

    def _take_data(self) -> Message | None:
        length, self._unread = self._unread, 0
        try:
            return self._reader.read_pdu(length, deadline=self._deadline)
        except ProtocolError:
            raise self.refuse() from None
