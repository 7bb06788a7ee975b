"""A site that serves real HTTP by the server it is shipped with, on a free port."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from kahua.access import Role, create_token, get_user
from kahua.api import create_application
from kahua.testing.site import add_person, temporary_site

START_SECONDS = 10


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    site = temporary_site(Path(tmp_path_factory.mktemp("site")), port=free_port())
    add_person(site.database, "curator", liver=Role.CURATOR, brain=Role.CURATOR)
    yield site
    site.archive.close()
    site.database.close()


@pytest.fixture(scope="module")
def token(site: Any) -> str:
    with site.database.write() as session:
        _, secret = create_token(session, user_id=get_user(session, "curator").id, label="test", days=1)
    return secret


@pytest.fixture(scope="module")
def address(site: Any) -> Iterator[str]:
    """Address under which the site answers."""
    with served(create_application(site), site.settings.port):
        yield site.settings.url


@contextmanager
def served(application: object, port: int) -> Iterator[None]:
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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_open(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
