"""Signing in and out, and what belongs to oneself: password and API tokens."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi import Request as HttpRequest
from pydantic import BaseModel, Field

import kahua
from kahua import access
from kahua.access import PERMISSIONS, BrowserSession, Permission, Principal, UserRow
from kahua.api.schemas import Me, Page, ProjectItem, Request, SignInResult
from kahua.api.security import COOKIE, Public, SignedIn, SiteOfRequest, cookie_of
from kahua.api.throttle import Throttle
from kahua.errors import NotSignedIn
from kahua.settings import Settings
from kahua.site import Site

router = APIRouter(prefix="/api", tags=["sign-in"])

#: Most characters of a password that is read.
MAX_TEXT = 1000


class SignInRequest(Request):
    """Name and password."""

    name: str = Field(max_length=MAX_TEXT)
    password: str = Field(max_length=MAX_TEXT)


class LinkRequest(Request):
    """The secret of a one-time sign-in link."""

    token: str = Field(max_length=MAX_TEXT)


class PasswordRequest(Request):
    """A new password; the current one is needed if there is one."""

    current: str | None = Field(None, max_length=MAX_TEXT)
    new: str = Field(max_length=MAX_TEXT)


class Myself(BaseModel):
    """Who is signed in, and what they may do."""

    user: Me
    projects: list[ProjectItem]
    site_permissions: list[Permission]
    #: To be sent in the header X-CSRF-Token; empty for an API token, which needs none.
    csrf_token: str
    site_name: str
    version: str


class TokenItem(BaseModel):
    """An API token, without its secret."""

    id: str
    label: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class TokenRequest(Request):
    """A token to make."""

    label: str = Field(min_length=1, max_length=100)
    days: int = Field(90, ge=1, le=366)


class NewToken(TokenItem):
    """A token just made: the only time that its secret is shown."""

    token: str


@router.post("/sign-in", operation_id="sign_in", dependencies=[Depends(Public())])
def sign_in(body: SignInRequest, request: HttpRequest, response: Response, site: SiteOfRequest) -> SignInResult:
    """Begin a session with name and password."""
    throttle: Throttle = request.app.state.throttle
    name, address = body.name.strip().lower(), _address(request)
    throttle.check(name=name, address=address)
    try:
        begun = access.sign_in(site.database, name=name, password=body.password, hours=site.settings.session_hours)
    except NotSignedIn:
        throttle.failed(name=name, address=address)
        raise
    throttle.succeeded(name=name)
    return _begin(begun, response, site)


@router.post("/sign-in/link", operation_id="sign_in_with_link", dependencies=[Depends(Public())])
def sign_in_with_link(body: LinkRequest, request: HttpRequest, response: Response, site: SiteOfRequest) -> SignInResult:
    """Begin a session with a one-time link."""
    throttle: Throttle = request.app.state.throttle
    address = _address(request)
    throttle.check(name="", address=address)
    try:
        with site.database.write() as session:
            begun = access.sign_in_with_link(session, secret=body.token, hours=site.settings.session_hours)
    except NotSignedIn:
        throttle.failed(name="", address=address)
        raise
    return _begin(begun, response, site)


@router.post("/sign-out", operation_id="sign_out", status_code=204)
def sign_out(
    _: Annotated[Principal, Depends(SignedIn())], request: HttpRequest, response: Response, site: SiteOfRequest
) -> None:
    """End the session, and let the browser forget what it kept of it."""
    cookie = cookie_of(request)
    if cookie:
        with site.database.write() as session:
            access.sign_out(session, cookie=cookie)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=is_secure(site.settings))
    response.headers["Clear-Site-Data"] = '"cache", "storage"'


@router.get("/me", operation_id="get_me")
def get_me(principal: Annotated[Principal, Depends(SignedIn())], request: HttpRequest, site: SiteOfRequest) -> Myself:
    """Say who is signed in, and what they may do."""
    with site.database.read() as session:
        user = _me(session.get_one(UserRow, principal.user_id))
        projects = [
            ProjectItem(
                name=row.name,
                title=row.title,
                description=row.description,
                role=role,
                permissions=sorted(PERMISSIONS[role]),
            )
            for row, role in access.projects_of(session, principal)
        ]
    cookie = cookie_of(request)
    return Myself(
        user=user,
        projects=projects,
        site_permissions=sorted(principal.site_permissions),
        csrf_token=access.csrf_token_of(cookie) if cookie else "",
        site_name=site.settings.site_name,
        version=kahua.__version__,
    )


@router.put("/me/password", operation_id="set_password", status_code=204)
def set_password(
    body: PasswordRequest,
    principal: Annotated[Principal, Depends(SignedIn(person=True))],
    request: HttpRequest,
    site: SiteOfRequest,
) -> None:
    """Set one's password; one's other sessions end."""
    access.set_password(
        site.database, principal=principal, current=body.current, new=body.new, cookie=cookie_of(request)
    )


@router.get("/me/tokens", operation_id="list_tokens")
def list_tokens(principal: Annotated[Principal, Depends(SignedIn())], site: SiteOfRequest) -> Page[TokenItem]:
    """List one's API tokens."""
    with site.database.read() as session:
        rows = access.list_tokens(session, user_id=principal.user_id)
    return Page(items=[TokenItem.model_validate(row, from_attributes=True) for row in rows])


@router.post("/me/tokens", operation_id="create_token", status_code=201)
def create_token(
    body: TokenRequest, principal: Annotated[Principal, Depends(SignedIn(person=True))], site: SiteOfRequest
) -> NewToken:
    """Make an API token; its secret is in this answer and never shown again."""
    with site.database.write() as session:
        row, secret = access.create_token(session, user_id=principal.user_id, label=body.label, days=body.days)
    return NewToken(**TokenItem.model_validate(row, from_attributes=True).model_dump(), token=secret)


@router.delete("/me/tokens/{token}", operation_id="delete_token", status_code=204)
def delete_token(
    token: str, principal: Annotated[Principal, Depends(SignedIn(person=True))], site: SiteOfRequest
) -> None:
    """End an API token."""
    with site.database.write() as session:
        access.delete_token(session, user_id=principal.user_id, token_id=token)


def is_secure(settings: Settings) -> bool:
    """Whether browsers reach the site by TLS, so that the cookie must never travel without."""
    return settings.url.startswith("https://")


def _begin(begun: BrowserSession, response: Response, site: Site) -> SignInResult:
    response.set_cookie(COOKIE, begun.cookie, path="/", httponly=True, samesite="lax", secure=is_secure(site.settings))
    with site.database.read() as session:
        user = _me(session.get_one(UserRow, begun.principal.user_id))
    return SignInResult(user=user, csrf_token=access.csrf_token_of(begun.cookie))


def _me(user: UserRow) -> Me:
    return Me(
        id=user.id,
        name=user.name,
        display_name=user.display_name,
        is_administrator=user.is_administrator,
        must_set_password=user.password_hash is None,
    )


def _address(request: HttpRequest) -> str:
    return request.client.host if request.client else "unknown"
