"""Personal API tokens: for scripts and other programs, with the rights of their owner."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from kahua.access.audit import record
from kahua.access.credentials import TOKEN_PREFIX, hash_of, new_secret
from kahua.access.principal import Principal, principal_query, read_principal
from kahua.access.tables import ApiTokenRow, UserRow
from kahua.database import Prepared, Readable, now
from kahua.errors import InvalidInput, NotFound, StateConflict

#: Longest life of a token.
MAX_TOKEN_DAYS = 366

#: Most tokens of one person.
MAX_TOKENS = 100

#: The time of last use is written not more often than this.
USE_MINUTES = 5


@dataclass(frozen=True, kw_only=True)
class UsedToken:
    """A token with which somebody asks."""

    principal: Principal
    last_used_at: datetime | None

    @property
    def use_is_old(self) -> bool:
        """Whether the time of last use should be written anew."""
        return self.last_used_at is None or now() - self.last_used_at > timedelta(minutes=USE_MINUTES)


_TOKEN = Prepared(
    principal_query(ApiTokenRow.last_used_at, ApiTokenRow.expires_at)
    .join(ApiTokenRow, ApiTokenRow.user_id == UserRow.id)
    .where(ApiTokenRow.token_hash == bindparam("token_hash")),
    brief=True,
)


def create_token(session: Session, *, user_id: str, label: str, days: int) -> tuple[ApiTokenRow, str]:
    """Make a token; its secret is shown once and never again.

    Raises
    ------
    InvalidInput
        The label is empty, or the life is not between a day and a year.
    StateConflict
        The user has too many tokens.
    """
    if not label.strip():
        raise InvalidInput("A token needs a label that says what it is for.", field="label")
    if not 1 <= days <= MAX_TOKEN_DAYS:
        raise InvalidInput(f"A token lives 1 to {MAX_TOKEN_DAYS} days.", field="days")
    if len(list_tokens(session, user_id=user_id)) >= MAX_TOKENS:
        raise StateConflict(f"You have {MAX_TOKENS} tokens already.", remedy="Delete those that you no longer need.")
    secret = TOKEN_PREFIX + new_secret()
    moment = now()
    token = ApiTokenRow(
        token_hash=hash_of(secret),
        user_id=user_id,
        label=label.strip()[:100],
        created_at=moment,
        expires_at=moment + timedelta(days=days),
    )
    session.add(token)
    session.flush()
    owner = session.get_one(UserRow, user_id)
    record(session, actor=owner.name, action="token.created", subject=token.id, label=token.label, days=days)
    return token, secret


def list_tokens(session: Session, *, user_id: str) -> Sequence[ApiTokenRow]:
    """Tokens of a user, newest first."""
    return session.scalars(
        select(ApiTokenRow).where(ApiTokenRow.user_id == user_id).order_by(ApiTokenRow.created_at.desc())
    ).all()


def delete_token(session: Session, *, user_id: str, token_id: str) -> None:
    """End a token of a user.

    Raises
    ------
    NotFound
        The user has no such token.
    """
    token = session.get(ApiTokenRow, token_id)
    if token is None or token.user_id != user_id:
        raise NotFound("You have no such token.")
    session.delete(token)
    owner = session.get_one(UserRow, user_id)
    record(session, actor=owner.name, action="token.deleted", subject=token_id, label=token.label)


def find_token(session: Readable, secret: str) -> UsedToken | None:
    """Token that a secret belongs to; None if it has ended or never was."""
    rows = _TOKEN.execute(session, token_hash=hash_of(secret))
    principal = read_principal(rows, "token")
    if principal is None:
        return None
    *_, last_used_at, expires_at = rows[0]
    return UsedToken(principal=principal, last_used_at=last_used_at) if expires_at > now() else None


def note_use(session: Session, secret: str) -> None:
    """Write down that a token was used now."""
    session.execute(update(ApiTokenRow).where(ApiTokenRow.token_hash == hash_of(secret)).values(last_used_at=now()))
