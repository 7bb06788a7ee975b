"""A thousand connections that mean nothing keep nobody from being served."""

import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from .raw import ACCEPT, RELEASE, RELEASED, REQUEST, associate_body, connected, echo, pdu

Address = tuple[str, int]

COUNT = 1000

#: Both ends of every connection are in this process.
NEEDED_FILES = 2 * COUNT + 500

#: Most memory that the crowd may cost: its requests are at most 64 KB, and 512 of them wait.
MAX_GROWTH = 150_000_000


class Crowd:
    """Connections of which every second one says its request byte by byte, and the others nothing."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connections: list[socket.socket] = []
        self._request = pdu(REQUEST, associate_body())
        self._said = [0] * COUNT
        self.is_complete = threading.Event()
        self.stopping = threading.Event()

    def run(self) -> None:
        self._connections = [self._connect() for _ in range(COUNT)]
        while not self.stopping.is_set():
            for number in range(COUNT):
                self._go_on(number)
            self.is_complete.set()
        for connection in self._connections:
            connection.close()

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(self._address, timeout=30)
        connection.setblocking(False)  # noqa: FBT003 - the signature of the socket module
        return connection

    def _go_on(self, number: int) -> None:
        """Say a byte more; come again if the receiver has closed."""
        if self._is_closed(number):
            self._connections[number].close()
            self._connections[number] = self._connect()
            self._said[number] = 0
        place = self._said[number]
        if number % 2 and place < len(self._request) - 1:
            with suppress(ConnectionError):
                self._connections[number].send(self._request[place : place + 1])
            self._said[number] += 1

    def _is_closed(self, number: int) -> bool:
        try:
            return not self._connections[number].recv(100)
        except BlockingIOError:
            return False
        except ConnectionError:
            return True


@contextmanager
def crowd(address: Address) -> Iterator[None]:
    people = Crowd(address)
    thread = threading.Thread(target=people.run)
    thread.start()
    try:
        assert people.is_complete.wait(200)
        yield
    finally:
        people.stopping.set()
        thread.join()


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < NEEDED_FILES:
        pytest.skip(f"this process may open only {hard} files, and {NEEDED_FILES} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, NEEDED_FILES), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.usefixtures("many_files")
def test_a_thousand_idle_and_dripping_connections_keep_no_echo_from_its_answer(address: Address) -> None:
    threads, before = threading.active_count(), memory()
    with crowd(address):
        for _ in range(300):
            with connected(address) as peer:
                assert peer.associate()[0] == ACCEPT
                peer.send(echo())
                assert peer.status() == 0
                assert threading.active_count() <= threads + 5
                peer.send(pdu(RELEASE))
                assert peer.receive()[0] == RELEASED
        assert memory() - before < MAX_GROWTH
