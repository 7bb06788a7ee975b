"""People: who may sign in, and their one-time sign-in links."""

import re
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from kahua.access.audit import record
from kahua.access.credentials import hash_of, new_secret
from kahua.access.tables import ApiTokenRow, BrowserSessionRow, SignInLinkRow, UserRow
from kahua.database import now
from kahua.errors import InvalidInput, NotFound, StateConflict

#: How long a sign-in link works.
LINK_HOURS = 24

#: Name of the administrator that the first start makes.
FIRST_ADMINISTRATOR = "admin"

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


def create_user(
    session: Session, *, actor: str, name: str, display_name: str = "", is_administrator: bool = False
) -> UserRow:
    """Add a person, who then signs in with a link and sets a password.

    Raises
    ------
    InvalidInput
        The name has other characters than it may have.
    StateConflict
        The name is taken.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            "A user's name has 1 to 64 lower-case letters, digits or . _ @ -, and begins with a letter or digit.",
            field="name",
        )
    if session.scalar(select(UserRow.id).where(UserRow.name == name)):
        raise StateConflict(f"There is already a user {name}.", remedy="Choose another name.")
    user = UserRow(
        name=name,
        display_name=_display_name(display_name, name),
        is_administrator=is_administrator,
        is_active=True,
        created_at=now(),
    )
    session.add(user)
    session.flush()
    record(session, actor=actor, action="user.created", subject=name, is_administrator=is_administrator)
    return user


def change_user(
    session: Session,
    *,
    actor: str,
    name: str,
    display_name: str | None = None,
    is_administrator: bool | None = None,
    is_active: bool | None = None,
) -> UserRow:
    """Change what is given of a user; one who may no longer sign in is signed out at once.

    Raises
    ------
    NotFound
        There is no such user.
    StateConflict
        The site would be left without an active administrator.
    """
    user = get_user(session, name)
    before = (user.display_name, user.is_administrator, user.is_active)
    if display_name is not None:
        user.display_name = _display_name(display_name, name)
    if is_administrator is not None:
        user.is_administrator = is_administrator
    if is_active is not None:
        user.is_active = is_active
    if before == (user.display_name, user.is_administrator, user.is_active):
        return user
    session.flush()
    _require_administrator(session)
    if not user.is_active:
        _withdraw_credentials(session, user.id)
    record(
        session,
        actor=actor,
        action="user.changed",
        subject=name,
        is_administrator=user.is_administrator,
        is_active=user.is_active,
    )
    return user


def get_user(session: Session, name: str) -> UserRow:
    """User of that name.

    Raises
    ------
    NotFound
        There is none.
    """
    user = session.scalar(select(UserRow).where(UserRow.name == name))
    if user is None:
        raise NotFound("There is no user of that name.")
    return user


def list_users(session: Session) -> Sequence[UserRow]:
    """All users, by name."""
    return session.scalars(select(UserRow).order_by(UserRow.name)).all()


def create_link(session: Session, *, actor: str, name: str) -> str:
    """Make a link's secret, which signs the user in once within 24 hours; older links end.

    Raises
    ------
    NotFound
        There is no such user.
    StateConflict
        The user may not sign in.
    """
    user = get_user(session, name)
    if not user.is_active:
        raise StateConflict(f"The user {name} may not sign in.", remedy="Make the user active first.")
    secret = new_secret()
    session.execute(delete(SignInLinkRow).where(SignInLinkRow.user_id == user.id))
    session.add(
        SignInLinkRow(token_hash=hash_of(secret), user_id=user.id, expires_at=now() + timedelta(hours=LINK_HOURS))
    )
    record(session, actor=actor, action="link.created", subject=name)
    return secret


def ensure_first_administrator(session: Session) -> str | None:
    """Give a link's secret for the first administrator, until an administrator has set a password."""
    administrators = session.scalars(
        select(UserRow).where(UserRow.is_administrator, UserRow.is_active).order_by(UserRow.created_at, UserRow.id)
    ).all()
    if any(user.password_hash for user in administrators):
        return None
    if not administrators:
        create_user(
            session,
            actor="site",
            name=FIRST_ADMINISTRATOR,
            display_name="Administrator",
            is_administrator=True,
        )
    name = administrators[0].name if administrators else FIRST_ADMINISTRATOR
    return create_link(session, actor="site", name=name)


def _display_name(display_name: str, name: str) -> str:
    return display_name.strip()[:200] or name


def _require_administrator(session: Session) -> None:
    count = session.scalar(select(func.count()).select_from(UserRow).where(UserRow.is_administrator, UserRow.is_active))
    if not count:
        raise StateConflict(
            "The site would be left without an administrator.", remedy="Make somebody else administrator first."
        )


def _withdraw_credentials(session: Session, user_id: str) -> None:
    for table in (BrowserSessionRow, ApiTokenRow, SignInLinkRow):
        session.execute(delete(table).where(table.user_id == user_id))
