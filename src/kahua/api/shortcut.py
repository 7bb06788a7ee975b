"""The short way to what viewers ask for most: at once where everything is in memory, otherwise by one thread.

A viewer that opens a series asks for hundreds of frames, and FastAPI's own way to a handler costs more than
most of them. What is served here are FastAPI's routes all the same: their addresses, their guards and their
handlers, which take the request, the checked right, the site, and the parts of the address by their names.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from kahua.access import ProjectAccess
from kahua.api.security import Access
from kahua.api.streams import without_body
from kahua.site import Site
from kahua.waiting import WouldWait, at_once

#: Requests that are worked on at once; those that draw wait for their pictures meanwhile.
MAX_THREADS = 40

#: Slashes in an address above which their number is not looked at.
MAX_DEPTH = 16


@dataclass(frozen=True)
class _Way:
    """A route that can be reached directly."""

    address: re.Pattern[str]
    route: APIRoute
    guard: Access
    handler: Callable[..., Response]

    def may_have(self, depth: int) -> bool:
        """Whether an address of so many slashes can be one of this way."""
        least = self.route.path.count("/")
        return depth >= least if ":path}" in self.route.path else depth == least


class Shortcut:
    """Leads GET and HEAD requests of some routers straight to their handlers, and all others on."""

    def __init__(self, app: ASGIApp, *, prefix: str, routers: Iterable[APIRouter]) -> None:
        self.app = app
        self._prefix = prefix
        self._ways = _by_depth(way for router in routers for way in _ways(router))
        self._threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="shortcut")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and scope["path"].startswith(self._prefix):
            for way in self._ways[min(scope["path"].count("/"), MAX_DEPTH)]:
                if match := way.address.match(scope["path"]):
                    await self._go(way, match.groupdict(), scope, receive, send)
                    return
        await self.app(scope, receive, send)

    async def _go(self, way: _Way, parts: dict[str, str], scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = way.route  # requests are counted by its name
        question = _Question(way, parts, Request(scope, receive))
        response = question.answer_at_once()
        if response is None:
            work = asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, question.answer)
            response = await work
        if scope["method"] == "HEAD":
            response = without_body(response)
        await response(scope, receive, send)


class _Question:
    """A request for a route."""

    def __init__(self, way: _Way, parts: dict[str, str], request: Request) -> None:
        self._way = way
        self._project = parts.pop("project")
        self._parts = parts
        self._request = request
        self._site: Site = request.app.state.site
        self._access: ProjectAccess | None = None

    def answer_at_once(self) -> Response | None:
        """Give the answer if that takes no waiting: rights and rows are as they were, the bytes in memory."""
        if not self._site.database.remembers:
            return None
        try:
            with at_once():
                return self.answer()
        except WouldWait:
            return None

    def answer(self) -> Response:
        """Ask the guard, unless it has answered, then the handler."""
        if self._access is None:
            self._access = self._way.guard(self._request, self._project)
        return self._way.handler(request=self._request, access=self._access, site=self._site, **self._parts)


def _by_depth(ways: Iterable[_Way]) -> Sequence[Sequence[_Way]]:
    """Order ways by how many slashes an address has that they may match, so that few are tried."""
    all_ways = tuple(ways)
    return [tuple(way for way in all_ways if way.may_have(depth)) for depth in range(MAX_DEPTH + 1)]


def _ways(router: APIRouter) -> Iterator[_Way]:
    for route in router.routes:
        if isinstance(route, APIRoute) and route.methods == {"GET"}:
            (guard,) = (each.call for each in route.dependant.dependencies if isinstance(each.call, Access))
            yield _Way(route.path_regex, route, guard, route.endpoint)
