"""The process that serves HTTP: web interface, API, DICOMweb."""

import asyncio
import importlib
import resource
import threading

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from kahua.cli.service import say_ready
from kahua.settings import Settings
from kahua.site import build_site

#: The web application, by name: `cli` and `api` are neighbours, which do not import each other.
API = importlib.import_module("kahua.api")

#: A client that takes longer for its request's header is cut off, in milliseconds.
HEADER_TIMEOUT = 10_000

#: Connections open at once, the silent ones too, and those that wait in the system until they are taken. While as many
#: are open nobody else is served, so it is more than browsers and slow senders need; each costs some kilobytes.
MAX_CONNECTIONS = 4096
WAITING_CONNECTIONS = 1024


def serve(settings: Settings, stop: threading.Event) -> None:
    """Serve until asked to stop."""
    site = build_site(settings)
    site.placed.watch()
    application = API.create_application(site)
    asyncio.run(_serve(settings, application, stop))
    site.close()


def _max_connections() -> int:
    """Connections that are open at once: half of the files that the process may open, for it needs others too."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if files == resource.RLIM_INFINITY else max(1, min(MAX_CONNECTIONS, files // 2))


async def _serve(settings: Settings, application: object, stop: threading.Event) -> None:
    server = Server(
        application,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        backlog=WAITING_CONNECTIONS,
        backpressure=_max_connections(),
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT),
        ssl_cert=settings.tls_certificate,
        ssl_key=settings.tls_key,
        log_enabled=False,
    )
    serving = asyncio.create_task(server.serve())
    await _until_open(settings, serving)
    say_ready(settings, "web", url=settings.url)
    while not stop.is_set() and not serving.done():
        await asyncio.sleep(0.1)
    server.stop()
    await serving


async def _until_open(settings: Settings, serving: "asyncio.Task[None]") -> None:
    while not serving.done():
        try:
            _, writer = await asyncio.open_connection(settings.host, settings.port)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return
    await serving
