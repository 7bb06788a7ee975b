"""Projects and who belongs to them."""

import re
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from kahua.access.audit import record
from kahua.access.permissions import Role
from kahua.access.principal import Principal
from kahua.access.tables import MembershipRow, ProjectRow, UserRow
from kahua.access.users import get_user
from kahua.database import now
from kahua.errors import InvalidInput, NotFound, StateConflict

#: What an AE title begins with that names a project (called) or a dataset (calling).
AE_TITLE_PREFIX = "kp-"

#: Names that mean something else in addresses or to people.
RESERVED_NAMES = frozenset(
    {"admin", "all", "any", "api", "assets", "kahua", "me", "new", "none", "null", "ohif", "projects", "site"}
)

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,12}")


def create_project(session: Session, *, actor: str, name: str, title: str = "", description: str = "") -> ProjectRow:
    """Add a project.

    Raises
    ------
    InvalidInput
        The name has other characters than it may have, or is reserved.
    StateConflict
        The name is taken.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            "A project's name has 1 to 13 lower-case letters, digits or hyphens, and begins with a letter or digit.",
            field="name",
        )
    if name in RESERVED_NAMES:
        raise InvalidInput(f"The name {name} is reserved.", field="name", remedy="Choose another name.")
    if find_project(session, name):
        raise StateConflict(f"There is already a project {name}.", remedy="Choose another name.")
    project = ProjectRow(
        name=name, title=title.strip()[:200] or name, description=description.strip()[:4000], created_at=now()
    )
    session.add(project)
    session.flush()
    record(session, actor=actor, action="project.created", subject=name, project_id=project.id)
    return project


def ensure_project(session: Session, *, name: str) -> ProjectRow:
    """Project of that name, made if it is not there yet."""
    return find_project(session, name) or create_project(session, actor="site", name=name)


def find_project(session: Session, name: str) -> ProjectRow | None:
    """Project of that name, if there is one; says nothing about who may see it."""
    return session.scalar(select(ProjectRow).where(ProjectRow.name == name))


def project_of_ae_title(session: Session, ae_title: str) -> ProjectRow | None:
    """Project that an AE title ``kp-<project>`` names, in any case; None if it names none."""
    title = ae_title.strip().lower()
    return find_project(session, title.removeprefix(AE_TITLE_PREFIX)) if title.startswith(AE_TITLE_PREFIX) else None


def projects_of(session: Session, principal: Principal) -> list[tuple[ProjectRow, Role]]:
    """Projects that a principal can see, by name, each with the role in it."""
    query = select(ProjectRow).order_by(ProjectRow.name)
    if not principal.is_administrator:
        query = query.where(ProjectRow.id.in_(list(principal.memberships)))
    rows = session.scalars(query).all()
    return [(row, role) for row in rows if (role := principal.role_in(row.id))]


def list_members(session: Session, *, project_id: str) -> Sequence[tuple[UserRow, Role]]:
    """Members of a project, by name."""
    rows = session.execute(
        select(UserRow, MembershipRow.role)
        .join(MembershipRow, MembershipRow.user_id == UserRow.id)
        .where(MembershipRow.project_id == project_id)
        .order_by(UserRow.name)
    ).all()
    return [(user, Role(role)) for user, role in rows]


def set_role(session: Session, *, actor: str, project_id: str, user_name: str, role: Role) -> None:
    """Make a user a member of a project, or change the role of one.

    Raises
    ------
    NotFound
        There is no such user.
    """
    user = get_user(session, user_name)
    member = session.get(MembershipRow, (project_id, user.id))
    before = member.role if member else None
    if member is None:
        session.add(MembershipRow(project_id=project_id, user_id=user.id, role=role.value))
    else:
        member.role = role.value
    record(
        session,
        actor=actor,
        action="member.set",
        subject=user_name,
        project_id=project_id,
        role=role.value,
        before=before,
    )


def remove_member(session: Session, *, actor: str, project_id: str, user_name: str) -> None:
    """Take a user's role in a project away; it acts with the user's next request.

    Raises
    ------
    NotFound
        The user is no member.
    """
    user = session.scalar(select(UserRow).where(UserRow.name == user_name))
    member = session.get(MembershipRow, (project_id, user.id)) if user else None
    if member is None:
        raise NotFound("The project has no such member.")
    session.delete(member)
    record(session, actor=actor, action="member.removed", subject=user_name, project_id=project_id, before=member.role)
