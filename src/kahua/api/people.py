"""Users of the site: for administrators."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from kahua import access
from kahua.access import LINK_HOURS, Permission, Principal, UserRow
from kahua.api.schemas import Page, Request, UserItem
from kahua.api.security import SiteAccess, SiteOfRequest

router = APIRouter(prefix="/api/users", tags=["people"])

UserManager = Annotated[Principal, Depends(SiteAccess(Permission.USER_MANAGE))]


class UserRequest(Request):
    """A person to add."""

    name: str = Field(max_length=64)
    display_name: str = Field("", max_length=200)
    is_administrator: bool = False


class UserChange(Request):
    """What to change of a person; what is not given stays."""

    display_name: str | None = Field(None, max_length=200)
    is_administrator: bool | None = None
    is_active: bool | None = None


class SignInLink(BaseModel):
    """A one-time sign-in link, to be handed to the person."""

    url: str
    hours: int


@router.get("", operation_id="list_users")
def list_users(_: UserManager, site: SiteOfRequest) -> Page[UserItem]:
    """List everybody who may sign in, or might once."""
    with site.database.read() as session:
        return Page(items=[user_item(user) for user in access.list_users(session)])


@router.post("", operation_id="create_user", status_code=201)
def create_user(body: UserRequest, manager: UserManager, site: SiteOfRequest) -> UserItem:
    """Add a person, who then needs a sign-in link."""
    with site.database.write() as session:
        user = access.create_user(
            session,
            actor=manager.name,
            name=body.name,
            display_name=body.display_name,
            is_administrator=body.is_administrator,
        )
        return user_item(user)


@router.patch("/{name}", operation_id="change_user")
def change_user(name: str, body: UserChange, manager: UserManager, site: SiteOfRequest) -> UserItem:
    """Change a person's name to show, or their rights on the site."""
    with site.database.write() as session:
        return user_item(access.change_user(session, actor=manager.name, name=name, **body.model_dump()))


@router.post("/{name}/link", operation_id="create_link", status_code=201)
def create_link(name: str, manager: UserManager, site: SiteOfRequest) -> SignInLink:
    """Make a one-time sign-in link; who uses it sets a new password."""
    with site.database.write() as session:
        secret = access.create_link(session, actor=manager.name, name=name)
    return SignInLink(url=f"{site.settings.url}/sign-in#token={secret}", hours=LINK_HOURS)


def user_item(user: UserRow) -> UserItem:
    """Show a user to an administrator."""
    return UserItem(
        id=user.id,
        name=user.name,
        display_name=user.display_name,
        is_administrator=user.is_administrator,
        is_active=user.is_active,
        must_set_password=user.password_hash is None,
        created_at=user.created_at,
        last_sign_in_at=user.last_sign_in_at,
    )
