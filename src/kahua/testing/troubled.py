"""A way to an HTTP server on which troubles happen when a test says so."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum

#: Bytes that are passed on at once.
PIECE = 65_536

#: Bytes of each answer that come through where answers are cut.
CUT_AT = 1_000

#: Pause before every piece of a slow answer.
SLOW_SECONDS = 0.3


class Trouble(StrEnum):
    """What happens to requests, or to answers."""

    NONE = "none"
    FAILS = "500 Internal Server Error"
    REFUSES = "403 Forbidden"
    NO_BUCKET = "404 Not Found"
    FULL = "507 Insufficient Storage"
    SLOW = "slow"
    CUT = "cut"


#: Codes of S3 that go with the statuses.
CODES = {
    Trouble.FAILS: "InternalError",
    Trouble.REFUSES: "InvalidAccessKeyId",
    Trouble.NO_BUCKET: "NoSuchBucket",
    Trouble.FULL: "InsufficientStorage",
}


class TroubledWay:
    """Passes on what goes to a server on this machine, and what comes back; or does not."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.trouble = Trouble.NONE

    @property
    def endpoint(self) -> str:
        """Address at which it listens."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def listen(self) -> None:
        """Serve connections until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", self._port)) as server:
            back = threading.Thread(target=self._pass_back, args=(server, client), daemon=True)
            back.start()
            while request := client.recv(PIECE):
                if self.trouble in CODES:
                    client.sendall(_answer(self.trouble))
                    break
                server.sendall(request)
            for end in (client, server):
                end.shutdown(socket.SHUT_RDWR)
            back.join()

    def _pass_back(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while answer := server.recv(PIECE):
                if self.trouble is Trouble.SLOW:
                    time.sleep(SLOW_SECONDS)
                if self.trouble is Trouble.CUT and len(answer) > CUT_AT:
                    client.sendall(answer[:CUT_AT])
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(answer)


@contextmanager
def troubled_way(port: int) -> Iterator[TroubledWay]:
    """Open a way to a port of this machine for the time of a block."""
    way = TroubledWay(port)
    listening = threading.Thread(target=way.listen, daemon=True)
    listening.start()
    try:
        yield way
    finally:
        way.close()
        listening.join()


def _answer(trouble: Trouble) -> bytes:
    body = f"<Error><Code>{CODES[trouble]}</Code><Message>told by a test</Message></Error>".encode()
    head = f"HTTP/1.1 {trouble.value}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body
