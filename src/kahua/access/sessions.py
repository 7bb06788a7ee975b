"""Signing in and out, and browser sessions."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, bindparam, delete, select
from sqlalchemy.orm import Session

from kahua.access.audit import record
from kahua.access.credentials import hash_of, new_secret
from kahua.access.passwords import hash_password, password_is_right
from kahua.access.principal import Principal, load_principal, principal_query, read_principal
from kahua.access.tables import BrowserSessionRow, SignInLinkRow, UserRow
from kahua.database import Database, Prepared, Readable, now
from kahua.errors import InvalidInput, NotSignedIn

#: A browser session ends after this time even when it is used all along.
MAX_SESSION_DAYS = 7

#: A session's end is moved on when it is used, though not more often than this.
EXTENSION_MINUTES = 5


@dataclass(frozen=True, kw_only=True)
class BrowserSession:
    """A session just begun: the value of its cookie exists here and in the browser only."""

    cookie: str
    principal: Principal


@dataclass(frozen=True, kw_only=True)
class OpenSession:
    """A session that is in use."""

    principal: Principal
    created_at: datetime
    expires_at: datetime

    def needs_extension(self, hours: int) -> bool:
        """Whether the session should be kept open for longer, now that it is used."""
        return _end(self.created_at, hours) - self.expires_at > timedelta(minutes=EXTENSION_MINUTES)


_SESSION = Prepared(
    principal_query(BrowserSessionRow.created_at, BrowserSessionRow.expires_at)
    .join(BrowserSessionRow, BrowserSessionRow.user_id == UserRow.id)
    .where(BrowserSessionRow.token_hash == bindparam("token_hash")),
    brief=True,
)


def sign_in(database: Database, *, name: str, password: str, hours: int) -> BrowserSession:
    """Begin a session with name and password.

    The password is verified outside of any transaction, for that takes time. An unknown name takes
    as long as a wrong password, and gives the same answer.

    Raises
    ------
    NotSignedIn
        Name or password is wrong, or the user may not sign in.
    """
    with database.read() as session:
        user = session.scalar(select(UserRow).where(UserRow.name == name))
    password_hash = user.password_hash if user and user.is_active else None
    right = password_is_right(password_hash, password)
    with database.write() as session:
        if user is not None and right and session.scalar(_unchanged(user)):
            return _begin(session, user.id, hours=hours, how="password")
        # an unknown name is not written down: people type passwords into the wrong field
        record(session, actor="nobody", action="sign-in.refused", subject=user.name if user else "unknown user")
    raise NotSignedIn("Name or password is wrong.")


def sign_in_with_link(session: Session, *, secret: str, hours: int) -> BrowserSession:
    """Begin a session with a link's secret, which works once; a new password is to be set then.

    Raises
    ------
    NotSignedIn
        The link is unknown, used or too old.
    """
    link = session.scalar(select(SignInLinkRow).where(SignInLinkRow.token_hash == hash_of(secret)).with_for_update())
    user = session.get(UserRow, link.user_id) if link else None
    if link is None or user is None or not user.is_active or link.used_at or link.expires_at <= now():
        raise NotSignedIn(
            "This sign-in link does not work (any more).", remedy="Ask an administrator of the site for a new one."
        )
    link.used_at = now()
    user.password_hash = None
    return _begin(session, user.id, hours=hours, how="link")


def sign_out(session: Session, *, cookie: str) -> None:
    """End a session."""
    row = session.get(BrowserSessionRow, hash_of(cookie))
    if row is None:
        return
    user = session.get_one(UserRow, row.user_id)
    session.delete(row)
    record(session, actor=user.name, action="sign-out", subject=user.name)


def set_password(
    database: Database, *, principal: Principal, current: str | None, new: str, cookie: str | None = None
) -> None:
    """Set one's password, and end one's other sessions.

    Raises
    ------
    InvalidInput
        The current password is wrong, or the new one cannot be used.
    """
    with database.read() as session:
        before = session.get_one(UserRow, principal.user_id).password_hash
    if before is not None and not password_is_right(before, current or ""):
        raise InvalidInput("The current password is wrong.", field="current")
    password_hash = hash_password(new)
    with database.write() as session:
        user = session.get_one(UserRow, principal.user_id)
        if user.password_hash != before:
            raise InvalidInput("The current password is wrong.", field="current")
        user.password_hash = password_hash
        others = delete(BrowserSessionRow).where(BrowserSessionRow.user_id == user.id)
        session.execute(others.where(BrowserSessionRow.token_hash != hash_of(cookie or "")))
        record(session, actor=user.name, action="password.set", subject=user.name)


def find_session(session: Readable, cookie: str) -> OpenSession | None:
    """Session that a cookie belongs to; None if it has ended or never was."""
    rows = _SESSION.execute(session, token_hash=hash_of(cookie))
    principal = read_principal(rows, "session")
    if principal is None:
        return None
    *_, created_at, expires_at = rows[0]
    if expires_at <= now():
        return None
    return OpenSession(principal=principal, created_at=created_at, expires_at=expires_at)


def extend_session(session: Session, cookie: str, *, hours: int) -> None:
    """Keep a session open for the given hours from now, up to its last day."""
    row = session.get(BrowserSessionRow, hash_of(cookie))
    if row is not None and row.expires_at > now():
        row.expires_at = _end(row.created_at, hours)


def _end(created_at: datetime, hours: int) -> datetime:
    return min(now() + timedelta(hours=hours), created_at + timedelta(days=MAX_SESSION_DAYS))


def _unchanged(user: UserRow) -> Select[str]:
    """User with the password that was verified, if still there and active."""
    return select(UserRow.id).where(
        UserRow.id == user.id, UserRow.is_active, UserRow.password_hash == user.password_hash
    )


def _begin(session: Session, user_id: str, *, hours: int, how: str) -> BrowserSession:
    moment = now()
    session.execute(delete(BrowserSessionRow).where(BrowserSessionRow.expires_at <= moment))
    user = session.get_one(UserRow, user_id)
    user.last_sign_in_at = moment
    cookie = new_secret()
    session.add(
        BrowserSessionRow(
            token_hash=hash_of(cookie), user_id=user_id, created_at=moment, expires_at=moment + timedelta(hours=hours)
        )
    )
    record(session, actor=user.name, action="sign-in", subject=user.name, how=how)
    session.flush()
    principal = load_principal(session, user_id, "session")
    if principal is None:
        raise NotSignedIn
    return BrowserSession(cookie=cookie, principal=principal)
