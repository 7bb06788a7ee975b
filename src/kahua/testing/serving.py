"""An application served by real HTTP, by the server that a site is shipped with, on a free port."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

START_SECONDS = 10


@contextmanager
def served(application: object, port: int) -> Iterator[None]:
    """Serve an application at a port for the time of a `with` block."""
    ready: list[tuple[asyncio.AbstractEventLoop, Server]] = []

    async def serve() -> None:
        server = Server(
            application,
            address="127.0.0.1",
            port=port,
            interface=Interfaces.ASGI,
            http=HTTPModes.http1,
            websockets=False,
            log_enabled=False,
        )
        ready.append((asyncio.get_running_loop(), server))
        await server.serve()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="served")
    thread.start()
    wait_until_open(port)
    try:
        yield
    finally:
        loop, server = ready[0]
        loop.call_soon_threadsafe(server.stop)
        thread.join(START_SECONDS)
        assert not thread.is_alive()


def free_port() -> int:
    """Give a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_open(port: int, *, seconds: float = START_SECONDS) -> None:
    """Wait until something listens at a port, for so long at most."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
