"""The DICOM receiver: listens, admits, and serves each association in a thread."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ssl import SSLContext, SSLSocket

from kahua.errors import MisconfiguredSite
from kahua.logs import get_logger
from kahua.settings import Settings
from kahua.store.dimse.acceptor import AcceptedAssociation
from kahua.store.dimse.association import Terms
from kahua.store.dimse.inbox import MEMORY_BYTES, Inbox
from kahua.store.dimse.link import Link
from kahua.store.dimse.lobby import Lobby
from kahua.store.dimse.pdu import AssociateRequest, Rejection
from kahua.store.dimse.routes import Caller, Refusal, Route, Router
from kahua.store.dimse.security import client_security, server_security
from kahua.store.dimse.sender import Rewriter
from kahua.store.dimse.services import Services
from kahua.store.dimse.states import Machine
from kahua.store.ingest.archive import Archive

log = get_logger()

#: Connections that the kernel holds until they are accepted.
BACKLOG = 512

#: How long associations may finish the object that is coming in when the receiver stops, in seconds.
GRACE_SECONDS = 10.0


class Receiver:
    """Receives instances by C-STORE, answers queries and retrievals, and C-ECHO.

    Parameters
    ----------
    settings
        Address, port and limits.
    archive
        Takes what is received.
    route
        Decides by called and calling AE title and the peer's address with which project it deals, and what it may do.
    rewriter
        Converts what a peer does not take as it is stored; without one, that is not sent.
    """

    def __init__(
        self, settings: Settings, archive: Archive, route: Router, *, rewriter: Rewriter | None = None
    ) -> None:
        self._settings = settings
        self._archive = archive
        self._route = route
        self._rewriter = rewriter
        self._terms = Terms(
            max_pdu_bytes=settings.dicom_max_pdu_bytes,
            max_object_bytes=settings.max_object_bytes,
            idle_seconds=settings.dicom_idle_seconds,
        )
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        #: What is open, by connection.
        self._open: dict[socket.socket, _Open] = {}
        self._addresses: list[tuple[str, int]] = []
        self._security = client_security(settings)
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, or did last: host and port."""
        if not self._addresses:
            raise RuntimeError("The receiver has not been started.")
        return self._addresses[0]

    @property
    def tls_address(self) -> tuple[str, int]:
        """Where it listens for TLS."""
        if len(self._addresses) < 2:
            raise RuntimeError("The receiver does not listen for TLS.")
        return self._addresses[1]

    def start(self) -> None:
        """Begin to listen.

        Raises
        ------
        MisconfiguredSite
            The address is not one of this machine, a port is in use, or a file that TLS needs cannot be used.
        """
        listeners: dict[socket.socket, SSLContext | None] = {}
        try:
            for setting, security in self._ports():
                listeners[self._listen(setting)] = security
        except MisconfiguredSite:
            for listener in listeners:
                listener.close()
            raise
        self._addresses = [listener.getsockname()[:2] for listener in listeners]
        self._stopping.clear()
        lobby = Lobby(listeners, self._admit)
        self._thread = threading.Thread(
            target=lobby.run, args=(self._stopping.is_set,), name="dicom-lobby", daemon=True
        )
        self._thread.start()

    def _ports(self) -> Iterator[tuple[str, SSLContext | None]]:
        """Give the settings that name the ports, with what is spoken there."""
        yield "dicom_port", None
        if self._settings.dicom_tls_port is not None:
            yield "dicom_tls_port", server_security(self._settings)

    def _listen(self, setting: str) -> socket.socket:
        host, port = self._settings.dicom_host, getattr(self._settings, setting)
        if setting == "dicom_port" and not self._settings.dicom_networks and self._settings.dicom_tls_ca is not None:
            host = "127.0.0.1"  # from elsewhere, only those who have a certificate may come
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            return socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as error:
            raise MisconfiguredSite(
                f"The DICOM receiver cannot listen on {host}, port {port}: {error.strerror or error}.",
                setting=setting,
                remedy=f"Stop the other program, or set {setting} to a free port.",
            ) from error

    def stop(self) -> None:
        """Accept nothing more, let objects that are coming in arrive, then close all associations."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        end = time.monotonic() + GRACE_SECONDS
        for each in self._associations():
            each.thread.join(max(0.0, end - time.monotonic()))
        with self._lock:
            for connection in self._open:
                with suppress(OSError):  # its peer, or its thread, has just closed it
                    connection.shutdown(socket.SHUT_RDWR)
        for each in self._associations():
            each.thread.join()

    def _associations(self) -> "list[_Open]":
        with self._lock:
            return list(self._open.values())

    def _admit(
        self, connection: socket.socket, address: str, machine: Machine, request: memoryview
    ) -> Rejection | None:
        """Start a thread for an association, unless there are too many."""
        thread = threading.Thread(
            target=self._serve, args=(connection, address, machine, request), name="dicom-association", daemon=True
        )
        with self._lock:
            counts = Counter(each.address for each in self._open.values())
            if (
                counts.total() >= self._settings.dicom_max_associations
                or counts[address] >= self._settings.dicom_max_associations_per_address
            ):
                log.warning("association rejected: too many", peer=address)
                return Rejection.LOCAL_LIMIT_EXCEEDED
            self._open[connection] = _Open(thread=thread, address=address)
        try:
            thread.start()
        except RuntimeError:  # the system has no more threads
            with self._lock:
                del self._open[connection]
            log.exception("association rejected: no thread", peer=address)
            return Rejection.TEMPORARY_CONGESTION
        return None

    def _serve(self, connection: socket.socket, address: str, machine: Machine, request: memoryview) -> None:
        served: list[Services] = []

        def decide(request: AssociateRequest) -> Services | Rejection:
            answer = self._decide(request, address, connection)
            if isinstance(answer, Services):
                served.append(answer)
            return answer

        try:
            inbox = Inbox(self._archive, memory_bytes=max(MEMORY_BYTES, self._terms.max_pdu_bytes))
            link = Link(connection, stopping=self._stopping)
            AcceptedAssociation(link, machine, terms=self._terms, inbox=inbox).run(request, decide)
        except Exception:  # the outermost edge of the thread: the others go on
            log.exception("association failed", peer=address)
        finally:
            with self._lock:
                del self._open[connection]
            connection.close()
        for services in served:
            log.info("association closed", peer=address, calling=services.calling, **services.tally.as_dict())

    def _decide(self, request: AssociateRequest, address: str, connection: socket.socket) -> Services | Rejection:
        try:
            caller = Caller(
                called=request.called,
                calling=request.calling,
                address=address,
                is_certified=isinstance(connection, SSLSocket) and bool(connection.getpeercert()),
            )
            route = self._route(caller)
        except Exception:  # the sender must have an answer, and a person the trace
            log.exception("association rejected: no route", peer=address)
            return Rejection.TEMPORARY_CONGESTION
        if isinstance(route, Refusal):
            log.warning(
                "association rejected",
                peer=address,
                called=request.called,
                calling=request.calling,
                reason=route.reason,
            )
            return route.rejection
        if not self._has_place(connection, route):
            log.warning("association rejected: too many of this peer", peer=address, calling=request.calling)
            return Rejection.LOCAL_LIMIT_EXCEEDED
        return Services(
            self._archive,
            route=route,
            called=request.called,
            calling=request.calling,
            security=self._security,
            rewriter=self._rewriter,
        )

    def _has_place(self, connection: socket.socket, route: Route) -> bool:
        """Count the association as one of its peer, unless that has too many."""
        with self._lock:
            mine = self._open[connection]
            mine.peer = route.peer
            among = sum(each.peer == route.peer for each in self._open.values())
            if not route.peer or route.max_associations is None or among <= route.max_associations:
                return True
            mine.peer = ""
            return False


@dataclass
class _Open:
    """An association that is open: its thread, the address of its peer, and the peer's name once that is known."""

    thread: threading.Thread
    address: str
    peer: str = ""
