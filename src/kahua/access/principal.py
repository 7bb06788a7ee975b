"""Who acts, and whether they may: the one check that every door goes through."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from kahua.access.permissions import EVERYBODY, PERMISSIONS, PERSON_ONLY, SITE_PERMISSIONS, Permission, Role
from kahua.access.tables import MembershipRow, ProjectRow, UserRow
from kahua.database import Prepared, Readable
from kahua.errors import NotAllowed, NotFound

Via = Literal["session", "token", "local"]

_PROJECT = Prepared(
    select(ProjectRow.id, ProjectRow.name, ProjectRow.title).where(ProjectRow.name == bindparam("name")),
    brief=True,
)


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Somebody who is signed in, with their rights as they are at this moment."""

    user_id: str
    name: str
    display_name: str
    is_administrator: bool
    #: Role by id of the project.
    memberships: Mapping[str, Role]
    #: How they proved it: a browser session, an API token, or being the operator of the machine.
    via: Via

    def role_in(self, project_id: str) -> Role | None:
        """Role in a project; an administrator is treated as manager of every project."""
        return Role.MANAGER if self.is_administrator else self.memberships.get(project_id)

    @property
    def site_permissions(self) -> frozenset[Permission]:
        """What this principal may do on the site as a whole."""
        return SITE_PERMISSIONS if self.is_administrator else EVERYBODY


@dataclass(frozen=True, kw_only=True)
class ProjectAccess:
    """A principal's checked right to act in a project; made by `authorize` alone."""

    project_id: str
    name: str
    title: str
    principal: Principal
    role: Role


def authorize(session: Readable, principal: Principal, project_name: str, permission: Permission) -> ProjectAccess:
    """Check that a principal may do something in a project.

    Raises
    ------
    NotFound
        There is no such project, or the principal has no role in it: the two look the same.
    NotAllowed
        The role lacks the permission, or an API token is not enough for it.
    """
    found = _PROJECT.execute(session, name=project_name)
    project_id, name, title = found[0] if found else ("", "", "")
    role = principal.role_in(project_id)
    if not found or role is None:
        raise NotFound("There is no project of that name here.", remedy="Ask its manager to make you a member.")
    if permission not in PERMISSIONS[role]:
        raise NotAllowed(f"This needs the permission {permission}, which the role {role} lacks.", permission=permission)
    _require_person(principal, permission)
    return ProjectAccess(project_id=project_id, name=name, title=title, principal=principal, role=role)


def authorize_site(principal: Principal, permission: Permission) -> Principal:
    """Check that a principal may do something on the site as a whole.

    Raises
    ------
    NotAllowed
        Only an administrator may, or an API token is not enough.
    """
    if permission not in principal.site_permissions:
        raise NotAllowed(f"This needs the permission {permission}, which administrators have.", permission=permission)
    _require_person(principal, permission)
    return principal


def _require_person(principal: Principal, permission: Permission) -> None:
    if permission in PERSON_ONLY and principal.via == "token":
        raise NotAllowed(
            f"An API token is not enough for the permission {permission}.",
            remedy="Do this in the browser, signed in as a person.",
            permission=permission,
        )


def principal_query(*more: InstrumentedAttribute[Any]) -> Select[*tuple[Any, ...]]:
    """Ask for an active user's rights, a row for each membership; `read_principal` reads the answer.

    Every request asks this: one query of plain columns, built once.
    """
    return (
        select(
            UserRow.id,
            UserRow.name,
            UserRow.display_name,
            UserRow.is_administrator,
            MembershipRow.project_id,
            MembershipRow.role,
            *more,
        )
        .select_from(UserRow)
        .outerjoin(MembershipRow, MembershipRow.user_id == UserRow.id)
        .where(UserRow.is_active)
    )


def read_principal(rows: Sequence[Sequence[Any]], via: Via) -> Principal | None:
    """Make a principal of the answer to `principal_query`; None if nobody was found."""
    if not rows:
        return None
    user_id, name, display_name, is_administrator, *_ = rows[0]
    return Principal(
        user_id=user_id,
        name=name,
        display_name=display_name,
        is_administrator=is_administrator,
        memberships={project_id: Role(role) for _, _, _, _, project_id, role, *_ in rows if project_id is not None},
        via=via,
    )


def load_principal(session: Session, user_id: str, via: Via) -> Principal | None:
    """Give a user's rights as they are now; None when the user may not sign in (any more)."""
    return read_principal(session.execute(principal_query().where(UserRow.id == user_id)).all(), via)


def local_principal() -> Principal:
    """Give the operator of the machine, who owns the data folder and may do everything."""
    return Principal(
        user_id="local", name="local", display_name="Operator", is_administrator=True, memberships={}, via="local"
    )
