"""An association that this side requests of a peer, and its proper end."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from kahua.dicom import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from kahua.errors import InvalidInput, PeerUnavailable
from kahua.store.dimse import pdu
from kahua.store.dimse.association import PDU_SECONDS, Association, Ended, Terms
from kahua.store.dimse.link import Link
from kahua.store.dimse.message import Context, Sink
from kahua.store.dimse.pdu import MAX_CONTEXTS, MAX_REQUEST_BYTES, ContextResult, ProposedContext, Rejection, Role
from kahua.store.dimse.states import Event, Machine

#: How long the connection may take, in seconds.
CONNECT_SECONDS = 10.0

#: How long the peer may think about the association, or about an object, in seconds.
ANSWER_SECONDS = 60.0

#: What this side takes: responses are short, and no data set that comes with one is kept.
TERMS = Terms(max_pdu_bytes=131_072, max_object_bytes=1_000_000, idle_seconds=ANSWER_SECONDS)

#: What a rejection says, in words.
REASONS = {
    Rejection.CALLING_AE_TITLE_NOT_RECOGNIZED: "it does not know this site's AE title",
    Rejection.CALLED_AE_TITLE_NOT_RECOGNIZED: "it has another AE title",
    Rejection.TEMPORARY_CONGESTION: "it is busy",
    Rejection.LOCAL_LIMIT_EXCEEDED: "it is busy",
}


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where another DICOM application listens."""

    ae_title: str
    host: str
    port: int
    tls: bool = False

    def __str__(self) -> str:
        return f"{self.ae_title} at {self.host}, port {self.port}"


class RequestedAssociation(Association):
    """Asks a peer for services, one after the other."""

    def __init__(self, connection: socket.socket, *, terms: Terms = TERMS, sink: Sink | None = None) -> None:
        machine = Machine()
        machine.on(Event.REQUEST)
        super().__init__(Link(connection, stopping=threading.Event()), machine, terms=terms, sink=sink or _Waste())

    def request(
        self, called: str, calling: str, contexts: Sequence[ProposedContext], roles: Sequence[Role]
    ) -> Rejection | None:
        """Request the association; return why it is rejected, if it is.

        Raises
        ------
        Ended
            The peer gave no answer that can be read.
        """
        self._machine.on(Event.CONNECTION_MADE)
        self._ends_by = time.monotonic() + ANSWER_SECONDS
        request = pdu.encode_associate_request(
            called=called,
            calling=calling,
            contexts=contexts,
            roles=roles,
            max_pdu_bytes=self._terms.max_pdu_bytes,
            implementation_class_uid=IMPLEMENTATION_CLASS_UID,
            implementation_version=IMPLEMENTATION_VERSION_NAME,
        )
        with self._ending():
            self._link.send(request)
            event = self._next()
            if event not in {Event.GOT_ASSOCIATE_AC, Event.GOT_ASSOCIATE_RJ} or self._unread > MAX_REQUEST_BYTES:
                raise Ended(event) if event is not Event.GOT_ASSOCIATE_AC else self.refuse()
            body = self._read_body()
        if event is Event.GOT_ASSOCIATE_RJ:
            self._machine.on(event)
            return _rejection(body)
        self._agree(body, contexts)
        self._ends_by = time.monotonic() + self._terms.total_seconds
        return None

    def _read_body(self) -> memoryview:
        body = memoryview(bytearray(self._unread))
        self._link.fill(body, deadline=time.monotonic() + PDU_SECONDS)
        self._unread = 0
        return body

    def _agree(self, body: memoryview, contexts: Sequence[ProposedContext]) -> None:
        try:
            accept = pdu.decode_associate_accept(body)
        except pdu.MalformedPdu:
            raise self.refuse() from None
        proposed = {context.id: context for context in contexts}
        for answer in accept.answers:
            context = proposed.get(answer.id)
            if answer.result is not ContextResult.ACCEPTED or context is None:
                continue
            if answer.transfer_syntax not in context.transfer_syntaxes:
                raise self.refuse()
            self.contexts[answer.id] = Context(
                id=answer.id, abstract_syntax=context.abstract_syntax, transfer_syntax=answer.transfer_syntax
            )
        self.roles = {role.sop_class_uid: role for role in accept.roles}
        self._agree_on_length(accept.max_pdu_bytes)
        self._machine.on(Event.GOT_ASSOCIATE_AC)


@contextmanager
def associate(
    destination: Destination,
    *,
    calling: str,
    contexts: Sequence[ProposedContext],
    roles: Sequence[Role] = (),
    security: ssl.SSLContext | None = None,
    terms: Terms = TERMS,
    sink: Sink | None = None,
) -> Iterator[RequestedAssociation]:
    """Open an association for the time of a `with` block; release it afterwards, or abort it after an error.

    Parameters
    ----------
    calling
        AE title of this side.
    security
        How TLS is spoken, if the destination wants it; the system's authorities are trusted without it.
    terms
        What this side allows the association.
    sink
        Where the data sets go that the peer sends; without one they are thrown away.

    Raises
    ------
    PeerUnavailable
        The peer cannot be reached, rejects the association, or ends it.
    """
    if not 0 < len(contexts) <= MAX_CONTEXTS:
        raise InvalidInput(f"An association has 1 to {MAX_CONTEXTS} presentation contexts, not {len(contexts)}.")
    association = RequestedAssociation(_connect(destination, security), terms=terms, sink=sink)
    try:
        rejection = association.request(destination.ae_title, calling, contexts, roles)
        if rejection is not None:
            raise PeerUnavailable(f"{destination} rejects the association: {_reason(rejection)}.")
        yield association
        association.conclude(Event.REQUEST_RELEASE)
    except Ended as end:
        association.conclude(end.event)
        raise PeerUnavailable(f"{destination} has ended the association ({_end(end.event)}).") from None
    except PeerUnavailable:
        raise
    except GeneratorExit:  # whoever went through what was sent wants no more
        association.conclude(Event.REQUEST_RELEASE)
        raise
    except BaseException:
        association.conclude(Event.ABORT)
        raise
    finally:
        association.close()


def _connect(destination: Destination, security: ssl.SSLContext | None) -> socket.socket:
    try:
        connection = socket.create_connection((destination.host, destination.port), timeout=CONNECT_SECONDS)
    except OSError as error:
        raise PeerUnavailable(f"{destination} cannot be reached: {error.strerror or error}.") from error
    if not destination.tls:
        return connection
    try:
        context = security or ssl.create_default_context()
        return context.wrap_socket(connection, server_hostname=destination.host)
    except (OSError, ValueError) as error:
        connection.close()
        raise PeerUnavailable(f"{destination} does not speak TLS as it should: {error}.") from error


def _rejection(body: memoryview) -> Rejection:
    try:
        return Rejection(int.from_bytes(body[1:4], "big"))
    except ValueError:
        return Rejection.NO_REASON


def _reason(rejection: Rejection) -> str:
    return REASONS.get(rejection, "it gives no reason")


def _end(event: Event) -> str:
    match event:
        case Event.GOT_ABORT:
            return "aborted by the peer"
        case Event.CLOSED:
            return "connection lost"
        case Event.ABORT:
            return "no answer in time"
        case Event.GOT_RELEASE_RQ:
            return "released by the peer"
        case _:
            return "the peer breaks the protocol"


class _Waste:
    """Takes data sets that nobody wants."""

    def __init__(self) -> None:
        self.received = 0

    def begin(self, prefix: bytes) -> None:  # noqa: ARG002 - the signature of `Sink`
        self.received = 0

    def room(self, size: int) -> memoryview:
        self.received += size
        return memoryview(bytearray(size))
