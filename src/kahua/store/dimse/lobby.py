"""Where connections wait until they have asked for an association: one thread for all of them.

A connection gets a thread of its own only with a complete request. So those that say nothing, or say it
byte by byte, take no place from those that mean it.
"""

import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ssl import SSLContext, SSLError, SSLSocket, SSLWantReadError, SSLWantWriteError
from typing import Protocol, cast

from kahua.logs import get_logger
from kahua.store.dimse.association import CLOSE_SECONDS, EVENTS
from kahua.store.dimse.pdu import (
    HEADER,
    MAX_REQUEST_BYTES,
    AbortReason,
    PduType,
    Rejection,
    encode_abort,
    encode_reject,
)
from kahua.store.dimse.states import Action, Event, Machine

log = get_logger()

#: A connection whose first byte has not come after this time is closed, in seconds.
FIRST_BYTE_SECONDS = 2.0

#: A connection whose request is not complete after this time is closed, in seconds.
REQUEST_SECONDS = 5.0

#: Connections that wait at once; each holds at most a request of 256 KB.
MAX_GUESTS = 512

#: Connections that are accepted before those that wait are looked at again.
MAX_ACCEPTS = 64

#: How often times are looked at, in seconds.
TICK = 0.25


class Admit(Protocol):
    """Takes a connection over with its request, or says why it is rejected."""

    def __call__(
        self, connection: socket.socket, address: str, machine: Machine, request: memoryview
    ) -> Rejection | None:
        """Take over, or reject."""


@dataclass
class _Guest:
    connection: socket.socket
    address: str
    machine: Machine = field(default_factory=Machine)
    arrived: float = field(default_factory=time.monotonic)
    received: bytearray = field(default_factory=bytearray)
    #: When it is closed, if it has had our last word.
    leaves: float | None = None

    def __post_init__(self) -> None:
        #: The TLS handshake goes on.
        self.is_greeting = isinstance(self.connection, SSLSocket)

    @property
    def has_more(self) -> bool:
        """Whether bytes were decrypted that nobody has read: the selector does not know of them."""
        return isinstance(self.connection, SSLSocket) and self.connection.pending() > 0

    def overdue(self, moment: float) -> bool:
        if self.leaves is not None:
            return moment > self.leaves
        return moment - self.arrived > (REQUEST_SECONDS if self.received else FIRST_BYTE_SECONDS)


class Lobby:
    """Accepts connections and reads their requests."""

    def __init__(self, listeners: Mapping[socket.socket, SSLContext | None], admit: Admit) -> None:
        #: Sockets that listen, with what TLS is spoken by, if it is.
        self._listeners = listeners
        self._admit = admit
        self._guests: dict[socket.socket, _Guest] = {}
        self._selector = selectors.DefaultSelector()

    def run(self, stopping: Callable[[], bool]) -> None:
        """Serve until told to stop, then close the listeners and all who wait."""
        for listener in self._listeners:
            listener.setblocking(False)  # noqa: FBT003 - the socket module's own signature
            self._selector.register(listener, selectors.EVENT_READ)
        try:
            while not stopping():
                self._serve()
        finally:
            for guest in list(self._guests.values()):
                self._close(guest)
            for listener in self._listeners:
                listener.close()
            self._selector.close()

    def _serve(self) -> None:
        for key, _ in self._selector.select(TICK):
            if not isinstance(key.fileobj, socket.socket):
                continue
            if key.fileobj in self._listeners:
                self._accept(key.fileobj)
            elif key.fileobj in self._guests:
                self._read(self._guests[key.fileobj])
        moment = time.monotonic()
        for guest in [guest for guest in self._guests.values() if guest.overdue(moment)]:
            if guest.leaves is None:
                guest.machine.on(Event.TIMED_OUT)
            self._close(guest)

    def _accept(self, listener: socket.socket) -> None:
        security = self._listeners[listener]
        for _ in range(MAX_ACCEPTS):
            try:
                connection, address = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:  # no more file descriptors, or the peer is gone already
                log.warning("connection not accepted", reason=str(error))
                self._make_place()
                return
            connection.setblocking(False)  # noqa: FBT003
            if security is not None:
                connection = security.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            if len(self._guests) >= MAX_GUESTS:
                self._make_place()
            guest = _Guest(connection, address[0])
            guest.machine.on(Event.CONNECTED)
            self._guests[connection] = guest
            self._selector.register(connection, selectors.EVENT_READ)

    def _make_place(self) -> None:
        """Close the connection that has waited for longest, of those from the address that has most.

        Whoever means it asks at once, and a crowd from one address keeps nobody from others out. Those that drip are
        not spared, else the few places that they leave would be too few for those who come.
        """
        crowd = Counter(guest.address for guest in self._guests.values())
        if crowd:
            ((busiest, _),) = crowd.most_common(1)
            self._close(next(guest for guest in self._guests.values() if guest.address == busiest))

    def _read(self, guest: _Guest) -> None:
        self._read_once(guest)
        while guest.connection in self._guests and guest.has_more:
            self._read_once(guest)

    def _read_once(self, guest: _Guest) -> None:
        try:
            if guest.is_greeting:
                return self._greet(guest)
            piece = guest.connection.recv(self._wanted(guest))
        except (BlockingIOError, SSLWantReadError, SSLWantWriteError):
            return None
        except OSError:
            piece = b""
        if not piece:
            self._close(guest)
        elif guest.leaves is None:  # what comes after our last word is read only so that the kernel keeps the word
            guest.received += piece
            self._look(guest)
        return None

    def _greet(self, guest: _Guest) -> None:
        """Go on with the TLS handshake."""
        try:
            cast("SSLSocket", guest.connection).do_handshake()
        except SSLError as error:
            if not isinstance(error, SSLWantReadError | SSLWantWriteError):
                log.warning("connection refused: no TLS", peer=guest.address, reason=str(error.reason))
            raise
        guest.is_greeting = False

    def _wanted(self, guest: _Guest) -> int:
        """Give the bytes that are missing, and no more: what follows the request belongs to the association."""
        if guest.leaves is not None:
            return MAX_REQUEST_BYTES
        if len(guest.received) < HEADER.size:
            return HEADER.size - len(guest.received)
        return HEADER.size + int(HEADER.unpack_from(guest.received)[1]) - len(guest.received)

    def _look(self, guest: _Guest) -> None:
        if len(guest.received) < HEADER.size:
            return
        kind, length = HEADER.unpack_from(guest.received)
        if kind != PduType.ASSOCIATE_RQ or not 0 < length <= MAX_REQUEST_BYTES:
            event = EVENTS.get(kind, Event.GOT_INVALID) if kind != PduType.ASSOCIATE_RQ else Event.GOT_INVALID
            if guest.machine.on(event) is Action.CLOSE:
                self._close(guest)
            else:
                self._dismiss(guest, encode_abort(AbortReason.BY_USER))
        elif len(guest.received) == HEADER.size + length:
            guest.machine.on(Event.GOT_ASSOCIATE_RQ)
            self._hand_over(guest)

    def _hand_over(self, guest: _Guest) -> None:
        self._selector.unregister(guest.connection)
        request = memoryview(bytes(guest.received))[HEADER.size :]
        rejection = self._admit(guest.connection, guest.address, guest.machine, request)
        if rejection is None:
            del self._guests[guest.connection]
            return
        guest.machine.on(Event.REJECT)
        self._selector.register(guest.connection, selectors.EVENT_READ)
        self._dismiss(guest, encode_reject(rejection))

    def _dismiss(self, guest: _Guest, last_word: bytes) -> None:
        """Say the last word, and give the peer a moment to close the connection."""
        guest.leaves = time.monotonic() + CLOSE_SECONDS
        try:
            guest.connection.send(last_word)
        except OSError:  # gone, or its window is full before it has said anything: not worth a word
            self._close(guest)

    def _close(self, guest: _Guest) -> None:
        self._guests.pop(guest.connection, None)
        if guest.connection in self._selector.get_map():  # not while it is handed over
            self._selector.unregister(guest.connection)
        guest.connection.close()
