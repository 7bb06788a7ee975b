"""The connection to a sender: exact reads with deadlines, whole writes."""

import select
import socket
import struct
import sys
import threading
import time
from ssl import SSLSocket

from kahua.store.dimse.pdu import HEADER

#: How long a blocked read or write sleeps before it looks whether it still may, in seconds.
TICK = 0.5

#: How long a peer may read nothing of what is written, and how long it may take for one PDU, in seconds.
SEND_SECONDS = 10.0
SEND_PDU_SECONDS = 30.0

#: Bytes thrown away at once.
_WASTE = 65_536


class LinkClosed(Exception):
    """The peer closed the connection, or it broke."""


class LinkSilent(Exception):
    """The peer sent nothing, or too little, for too long."""


class LinkStopped(Exception):
    """This site shuts down."""


class Link:
    """A connected socket, read by one thread.

    A read waits in the kernel until all is there, or for a tick: each return to Python costs a change of threads.

    `TCP_QUICKACK` is set before each PDU: stock senders leave Nagle's algorithm on, so that the end of
    each message waits for an acknowledgement, which the kernel otherwise delays by 40 ms. Linux forgets
    the option with each answer.
    """

    def __init__(self, connection: socket.socket, *, stopping: threading.Event) -> None:
        self._socket = connection
        self._stopping = stopping
        self._head = memoryview(bytearray(HEADER.size))
        self._flags: int = socket.MSG_WAITALL
        connection.setblocking(True)  # noqa: FBT003 - the socket module's own signature
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if isinstance(connection, SSLSocket):  # it would read on for ever after a timeout of the kernel
            connection.settimeout(TICK)
            self._flags = 0  # it takes none
            return
        # Timeouts of the kernel cost nothing per read, those of Python a system call each.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(TICK))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(SEND_SECONDS))

    def read_header(self, *, idle_seconds: float, pdu_seconds: float, stoppable: bool = True) -> tuple[int, int, float]:
        """Wait for a PDU; return its type, its length, and the time by which it must have come.

        Raises
        ------
        LinkClosed
            The peer closed the connection.
        LinkSilent
            Nothing came for `idle_seconds`.
        LinkStopped
            This site shuts down, no PDU has begun, and none must come (`stoppable`).
        """
        if sys.platform == "linux":
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        count = self._read(self._head, deadline=time.monotonic() + idle_seconds, stoppable=stoppable)
        deadline = time.monotonic() + pdu_seconds
        self.fill(self._head[count:], deadline=deadline)
        kind, length = HEADER.unpack(self._head)
        return kind, length, deadline

    def fill(self, view: memoryview, *, deadline: float) -> None:
        """Read exactly as many bytes as fit into the view.

        Raises
        ------
        LinkClosed
            The peer closed the connection before.
        LinkSilent
            They have not come by the deadline, or that is over already: a flood has an end, too.
        """
        while view:
            view = view[self._read(view, deadline=deadline) :]

    def _read(self, view: memoryview, *, deadline: float, stoppable: bool = False) -> int:
        """Read one byte at least, and usually all that fit into the view; return their number."""
        while time.monotonic() <= deadline:
            try:
                count = self._socket.recv_into(view, 0, self._flags)
            except (BlockingIOError, InterruptedError, TimeoutError):
                if stoppable and self._stopping.is_set():
                    raise LinkStopped from None
                continue
            except OSError as error:
                raise LinkClosed from error
            if count == 0:
                raise LinkClosed
            return count
        raise LinkSilent

    def skip(self, length: int, *, deadline: float) -> None:
        """Read and throw away."""
        waste = memoryview(bytearray(min(length, _WASTE)))
        while length:
            piece = waste[: min(length, _WASTE)]
            self.fill(piece, deadline=deadline)
            length -= len(piece)

    def send(self, data: bytes) -> None:
        """Write everything, at once.

        Raises
        ------
        LinkClosed
            The peer is gone, or does not read.
        LinkSilent
            It reads too slowly.
        """
        try:
            if isinstance(self._socket, SSLSocket):
                self._send_secured(self._socket, data)
            else:
                self._send_all(data)
        except OSError as error:
            raise LinkClosed from error

    def waiting(self) -> bool:
        """Tell whether there is something to read."""
        if isinstance(self._socket, SSLSocket) and self._socket.pending():
            return True
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _send_all(self, data: bytes) -> None:
        view, deadline = memoryview(data), time.monotonic() + SEND_PDU_SECONDS
        while view := view[self._socket.send(view) :]:
            if time.monotonic() > deadline:
                raise LinkSilent

    def _send_secured(self, connection: SSLSocket, data: bytes) -> None:
        connection.settimeout(SEND_SECONDS)
        try:
            self._send_all(data)
        finally:
            connection.settimeout(TICK)


def _timeval(seconds: float) -> bytes:
    return struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
