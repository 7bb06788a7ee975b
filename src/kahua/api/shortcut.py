"""The short way to what viewers ask for most: one change of thread a request, and nothing in between.

A viewer that opens a series asks for hundreds of frames, and FastAPI's own way to a handler costs more than
most of them. What is served here are FastAPI's routes all the same: their addresses, their guards and their
handlers, which take the request, the checked right, the site, and the parts of the address by their names.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from kahua.api.security import Access
from kahua.api.streams import without_body

#: Requests that are worked on at once; those that draw wait for their pictures meanwhile.
MAX_THREADS = 40


@dataclass(frozen=True)
class _Way:
    """A route that can be reached directly."""

    address: re.Pattern[str]
    route: APIRoute
    guard: Access
    handler: Callable[..., Response]


class Shortcut:
    """Leads GET and HEAD requests of some routers straight to their handlers, and all others on."""

    def __init__(self, app: ASGIApp, *, prefix: str, routers: Iterable[APIRouter]) -> None:
        self.app = app
        self._prefix = prefix
        self._ways = [way for router in routers for way in _ways(router)]
        self._threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="shortcut")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and scope["path"].startswith(self._prefix):
            for way in self._ways:
                if match := way.address.match(scope["path"]):
                    await self._go(way, match.groupdict(), scope, receive, send)
                    return
        await self.app(scope, receive, send)

    async def _go(self, way: _Way, parts: dict[str, str], scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = way.route  # requests are counted by its name
        request = Request(scope, receive)
        work = asyncio.get_running_loop().run_in_executor(
            self._threads, copy_context().run, _answer, way, parts, request
        )
        response = await work
        if scope["method"] == "HEAD":
            response = without_body(response)
        await response(scope, receive, send)


def _ways(router: APIRouter) -> Iterator[_Way]:
    for route in router.routes:
        if isinstance(route, APIRoute) and route.methods == {"GET"}:
            (guard,) = (each.call for each in route.dependant.dependencies if isinstance(each.call, Access))
            yield _Way(route.path_regex, route, guard, route.endpoint)


def _answer(way: _Way, parts: dict[str, str], request: Request) -> Response:
    """Ask the guard, then the handler."""
    access = way.guard(request, parts.pop("project"))
    return way.handler(request=request, access=access, site=request.app.state.site, **parts)
