"""What several routes send and receive."""

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, field_validator

from kahua.access import Permission, Role

T = TypeVar("T")

#: Items of a page, unless the request says otherwise.
DEFAULT_LIMIT = 100
MAX_LIMIT = 1000

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Most items of the page.")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before.")]


class Request(BaseModel):
    """A body that a client sends; a field that is unknown is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_nul(cls, value: object) -> object:
        if isinstance(value, str) and "\x00" in value:
            raise ValueError("contains the character NUL")
        return value


class Page(BaseModel, Generic[T]):
    """A part of a list."""

    items: list[T]
    #: Send it as `cursor` to get the next page; empty on the last one.
    next_cursor: str | None = None


class UserItem(BaseModel):
    """A person who may sign in."""

    id: str
    name: str
    display_name: str
    is_administrator: bool
    is_active: bool
    #: No password is set: the person signs in with a link first.
    must_set_password: bool
    created_at: datetime
    last_sign_in_at: datetime | None


class Me(BaseModel):
    """Who is signed in."""

    id: str
    name: str
    display_name: str
    is_administrator: bool
    must_set_password: bool


class ProjectItem(BaseModel):
    """A project as the one who asks sees it."""

    name: str
    title: str
    description: str
    role: Role
    permissions: list[Permission]


class SignInResult(BaseModel):
    """A session has begun."""

    user: Me
    csrf_token: str
