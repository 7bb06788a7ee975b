"""Who asks, and whether they may: the guards that every route carries exactly one of.

A browser proves itself by its cookie, and for a request that changes something also by the CSRF
token, which only a page of this site can read. A program sends an API token.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from fastapi.requests import HTTPConnection
from sqlalchemy.orm import Session

from kahua.access import (
    Permission,
    Principal,
    ProjectAccess,
    authorize,
    authorize_site,
    csrf_token_of,
    extend_session,
    find_session,
    find_token,
    note_use,
    record,
    same,
)
from kahua.database import Readable
from kahua.errors import NotAllowed, NotSignedIn
from kahua.site import Site

COOKIE = "kahua_session"
CSRF_HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

#: Key of a request's scope: its route reads the body as a stream and counts for itself.
STREAMED = "kahua.streamed"

T = TypeVar("T")


async def site_of(request: HTTPConnection) -> Site:
    """Site that the application serves; not a plain function, for those cost a change of thread."""
    site: Site = request.app.state.site
    return site


SiteOfRequest = Annotated[Site, Depends(site_of)]


class Guard:
    """What a route demands of who asks."""


@dataclass(frozen=True)
class Public(Guard):
    """Anybody may ask."""

    def __call__(self) -> None:
        """Let everybody pass."""


@dataclass(frozen=True)
class SignedIn(Guard):
    """Somebody who is signed in, whatever their rights."""

    #: An API token is not enough.
    person: bool = False

    def __call__(self, request: Request) -> Principal:
        """Give who asks."""
        return _checked(request, self._check)

    def _check(self, _session: Readable, principal: Principal) -> Principal:
        if self.person and principal.via == "token":
            raise NotAllowed(
                "An API token is not enough for this.", remedy="Do this in the browser, signed in as a person."
            )
        return principal


@dataclass(frozen=True)
class SiteAccess(Guard):
    """Somebody with a permission on the site as a whole."""

    permission: Permission

    def __call__(self, request: Request) -> Principal:
        """Give who asks, if they may."""
        return _checked(request, lambda _session, principal: authorize_site(principal, self.permission))


@dataclass(frozen=True)
class Access(Guard):
    """Somebody with a permission in the project that the address names."""

    permission: Permission

    def __call__(self, request: HTTPConnection, project: str) -> ProjectAccess:
        """Give the right to act, if there is one."""
        return _checked(request, lambda session, principal: authorize(session, principal, project, self.permission))


@dataclass(frozen=True)
class AdministratorAccess(Guard):
    """Somebody with a permission on the site as a whole, in the project that the address names."""

    permission: Permission

    def __call__(self, request: Request, project: str) -> ProjectAccess:
        """Give the right to act; to who cannot see the project, it is not there."""

        def check(session: Readable, principal: Principal) -> ProjectAccess:
            access = authorize(session, principal, project, Permission.SERIES_READ)
            authorize_site(principal, self.permission)
            return access

        return _checked(request, check)


def streams_body(request: Request) -> None:
    """Lift the limit of ``max_json_bytes`` from a route that has limits of its own.

    The route must not declare a body, for that would be read before; it iterates ``request.stream()``.
    """
    request.scope[STREAMED] = True


def method_of(request: HTTPConnection) -> str:
    """Method of a request; a WebSocket is opened by GET."""
    return str(request.scope.get("method", "GET"))


def cookie_of(request: Request) -> str | None:
    """Value of the session's cookie, if it is what the request proves itself by."""
    return None if "authorization" in request.headers else request.cookies.get(COOKIE)


def _checked(request: HTTPConnection, check: Callable[[Readable, Principal], T]) -> T:
    """Find out who asks, ask whether they may, and write down who may not."""
    site: Site = request.app.state.site
    with site.database.look() as session:
        principal, keep_alive = _identify(request, session, hours=site.settings.session_hours)
        try:
            allowed, refusal = check(session, principal), None
        except NotAllowed as error:
            refusal = error
    if refusal:
        with site.database.write() as session:
            record(
                session,
                actor=principal.name,
                action="request.refused",
                subject=f"{method_of(request)} {request.url.path}",
                reason=refusal.message,
            )
        raise refusal
    if keep_alive:
        with site.database.write() as session:
            keep_alive(session)
    return allowed


def _identify(
    request: HTTPConnection, session: Readable, *, hours: int
) -> tuple[Principal, Callable[[Session], None] | None]:
    """Who asks, and what is to be written to keep their session or token in use."""
    authorization = request.headers.get("authorization")
    if authorization is not None:
        return _identify_token(authorization, session)
    cookie = request.cookies.get(COOKIE)
    found = find_session(session, cookie) if cookie else None
    if cookie is None or found is None:
        raise NotSignedIn
    if method_of(request) not in SAFE_METHODS and not same(request.headers.get(CSRF_HEADER, ""), csrf_token_of(cookie)):
        raise NotAllowed(
            f"The header {CSRF_HEADER} is missing or wrong.", remedy="Send csrf_token of /api/me in it, or reload."
        )
    if not found.needs_extension(hours):
        return found.principal, None
    return found.principal, lambda writing: extend_session(writing, cookie, hours=hours)


def _identify_token(authorization: str, session: Readable) -> tuple[Principal, Callable[[Session], None] | None]:
    scheme, _, secret = authorization.partition(" ")
    secret = secret.strip()
    found = find_token(session, secret) if scheme.lower() == "bearer" else None
    if found is None:
        raise NotSignedIn
    return found.principal, (lambda writing: note_use(writing, secret)) if found.use_is_old else None
