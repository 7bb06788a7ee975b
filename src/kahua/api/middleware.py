"""What surrounds every request: own names only, request ids, security headers, unexpected errors, metrics."""

import asyncio
import ipaddress
import socket
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import urlsplit

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kahua.api.metrics import Metrics
from kahua.api.problems import problem_response, unexpected_response
from kahua.api.security import SAFE_METHODS, STREAMED
from kahua.database import new_id
from kahua.errors import InvalidInput, KahuaError, NotAllowed, UnsupportedMedia
from kahua.logs import get_logger
from kahua.settings import Settings

log = get_logger()

#: Headers of every answer.
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

_ALWAYS = {name.lower().encode(): value.encode() for name, value in ALWAYS.items()}

#: For data: even when it is opened as a page, nothing in it runs.
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox"

#: For the pages of the web interface.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; frame-src 'self'; worker-src 'self' blob:; manifest-src 'self'; "
    "media-src 'self' blob:; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)

#: A body of which nothing came for this long is given up, in seconds.
BODY_SECONDS = 30.0

#: Code with which a WebSocket is closed that may not be opened (RFC 6455 section 7.4.1).
POLICY_VIOLATION = 1008

#: Answer to a body that ended before its time, or that is not framed as HTTP demands; few are there to read it.
BROKEN_OFF = InvalidInput("The body of the request broke off.", remedy="Send it again.")

DATA_PATHS = ("/api/", "/dicom-web/", "/healthz", "/readyz", "/metrics")


class Shield:
    """Outermost layer of the application."""

    def __init__(self, app: ASGIApp, *, settings: Settings, metrics: Metrics) -> None:
        self.app = app
        self.names = own_names(settings)
        self.metrics = metrics
        self.max_body_bytes = settings.max_json_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "websocket":
            await self._serve_channel(scope, receive, send)
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = scope["kahua.request_id"] = new_id()
        answer = _Answer(scope, send, request_id)
        started = time.perf_counter()
        bound = structlog.contextvars.bind_contextvars(request=request_id)
        try:
            await self._serve(scope, receive, answer)
        finally:
            structlog.contextvars.reset_contextvars(**bound)
        self.metrics.observe(scope, status=answer.status, seconds=time.perf_counter() - started)

    async def _serve(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        request_id = scope["kahua.request_id"]
        try:
            headers = _headers(scope)
            self._check(scope, headers)
            body = _Body(scope, headers, receive, self.max_body_bytes)
            await self.app(scope, body.receive, answer.send)
        except KahuaError as error:
            await problem_response(request_id, error)(scope, receive, answer.send)
        except ClientDisconnect:
            log.info("request broken off", method=scope["method"], path=scope["path"])
            if not answer.status:
                await problem_response(request_id, BROKEN_OFF)(scope, receive, answer.send)
        except Exception:  # the outermost edge: whatever it was, the caller learns nothing but the request's id
            log.exception("request failed", method=scope["method"], path=scope["path"])
            if answer.status:
                raise
            await unexpected_response(request_id)(scope, receive, answer.send)

    async def _serve_channel(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a WebSocket, or close it unopened: a browser opens one for pages of any site, with our cookie."""
        answer = _Denial(scope, send)
        try:
            self._check(scope, _headers(scope))
            await self.app(scope, receive, answer.send)
        except KahuaError as error:
            await problem_response(None, error)(scope, receive, answer.send)

    def _check(self, scope: Scope, headers: Mapping[str, str]) -> None:
        """Refuse what comes under a foreign name, from a page of another site, or with what no text has."""
        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            raise InvalidInput("An address cannot contain the character NUL.")
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise UnsupportedMedia("A compressed body is not read.", remedy="Send it without Content-Encoding.")
        if sum(name == b"host" for name, _ in scope["headers"]) > 1:  # others may look at another one (RFC 9112, 3.2)
            raise InvalidInput("A request has one Host.")
        if not is_own_name(host_name(headers.get("host", "")), self.names):
            raise InvalidInput(
                "This site is not reached under that name.",
                remedy="Use its address, or set public_url to the address that people use.",
            )
        origin = headers.get("origin")
        if (
            origin is not None
            and scope.get("method") not in SAFE_METHODS
            and not is_own_name(_host_of(origin), self.names)
        ):
            raise NotAllowed("Pages of other sites may not change anything here.")


class _Body:
    """Refuses a body that is too long before a handler sees it, by its header or as it comes."""

    def __init__(self, scope: Scope, headers: Mapping[str, str], receive: Receive, limit: int) -> None:
        self._scope = scope
        self._receive = receive
        self._limit = limit
        announced = headers.get("content-length", "")
        self._announced = int(announced) if announced.isdecimal() else 0
        self._received = 0
        self._is_whole = False

    async def receive(self) -> Message:
        """Take a message from the server."""
        self._check(self._announced)
        message = await self._next()
        self._is_whole = not message.get("more_body", False)
        self._received += len(message.get("body", b""))
        self._check(self._received)
        return message

    async def _next(self) -> Message:
        """Wait for a piece of the body, or after its end for whatever comes, however long that takes."""
        if self._is_whole:
            return await self._receive()
        try:
            return await asyncio.wait_for(self._receive(), BODY_SECONDS)
        except TimeoutError:
            raise HTTPException(408) from None

    def _check(self, size: int) -> None:
        if size > self._limit and STREAMED not in self._scope:
            raise HTTPException(413)


class _Answer:
    """Adds the headers that every answer has, and remembers its status."""

    def __init__(self, scope: Scope, send: Send, request_id: str) -> None:
        self._path: str = scope["path"]
        self._send = send
        self._request_id = request_id
        #: 0 until the answer began.
        self.status = 0

    async def send(self, message: Message) -> None:
        """Pass a message on to the server."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = self._complete(message.get("headers", ()))
        await self._send(message)

    def _complete(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Give all headers; names come in lower case, as ASGI demands."""
        ours = {**_ALWAYS, b"x-request-id": self._request_id.encode()}
        complete = [each for each in headers if each[0] not in ours]
        given = {name for name, _ in complete}
        if b"content-security-policy" not in given:
            ours[b"content-security-policy"] = policy_of(self._path).encode()
        if b"cache-control" not in given and self._path.startswith(DATA_PATHS):
            ours[b"cache-control"] = b"no-store"
        return [*complete, *ours.items()]


class _Denial:
    """Says by a whole answer why a WebSocket is not opened, where the server can; otherwise it is just not opened."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._can_answer = "websocket.http.response" in (scope.get("extensions") or {})
        self._send = send

    async def send(self, message: Message) -> None:
        """Pass a message on to the server."""
        if not message["type"].startswith("websocket.http.response") or self._can_answer:
            await self._send(message)
        elif message["type"] == "websocket.http.response.start":
            await self._send({"type": "websocket.close", "code": POLICY_VIOLATION})


def policy_of(path: str) -> str:
    """Content security policy for an address, unless its route sets one: the viewer's has."""
    return DATA_POLICY if path.startswith(DATA_PATHS) else PAGE_POLICY


def _headers(scope: Scope) -> dict[str, str]:
    """Give the headers of a request by their names; of several of one name, the first."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}


def own_names(settings: Settings) -> frozenset[str]:
    """Names under which people reach the site; its numeric addresses are not among them."""
    public = urlsplit(settings.public_url or "").hostname
    names = {"localhost", settings.host, socket.gethostname(), public or ""}
    return frozenset(name.lower() for name in names if name)


@lru_cache(maxsize=256)
def host_name(host: str) -> str:
    """Take the name out of a Host header: without port, and without the brackets of IPv6."""
    return _host_of(f"//{host}") if host.isprintable() and "@" not in host and "/" not in host else ""


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:  # half an address of IPv6, for example: no name of ours
        return ""


def is_own_name(name: str, names: frozenset[str]) -> bool:
    """Whether a name is ours. A numeric address always is: DNS rebinding needs a name."""
    return name.lower() in names or _is_address(name)


@lru_cache(maxsize=256)
def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
