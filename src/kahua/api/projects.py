"""Projects and their members."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from kahua import access
from kahua.access import PERMISSIONS, Permission, Principal, ProjectAccess, ProjectRow, Role
from kahua.api.schemas import Page, ProjectItem, Request
from kahua.api.security import Access, SignedIn, SiteAccess, SiteOfRequest

router = APIRouter(prefix="/api/projects", tags=["projects"])


class ProjectRequest(Request):
    """A project to add."""

    name: str = Field(max_length=13)
    title: str = Field("", max_length=200)
    description: str = Field("", max_length=4000)


class MemberItem(BaseModel):
    """A member of a project."""

    name: str
    display_name: str
    role: Role


class RoleRequest(Request):
    """The role that a member is to have."""

    role: Role


@router.get("", operation_id="list_projects")
def list_projects(principal: Annotated[Principal, Depends(SignedIn())], site: SiteOfRequest) -> Page[ProjectItem]:
    """List the projects that one can see."""
    with site.database.read() as session:
        return Page(items=[_item(row, role) for row, role in access.projects_of(session, principal)])


@router.post("", operation_id="create_project", status_code=201)
def create_project(
    body: ProjectRequest,
    principal: Annotated[Principal, Depends(SiteAccess(Permission.PROJECT_CREATE))],
    site: SiteOfRequest,
) -> ProjectItem:
    """Add a project."""
    with site.database.write() as session:
        row = access.create_project(
            session, actor=principal.name, name=body.name, title=body.title, description=body.description
        )
        return _item(row, Role.MANAGER)


@router.get("/{project}", operation_id="get_project")
def get_project(
    may: Annotated[ProjectAccess, Depends(Access(Permission.SERIES_READ))], site: SiteOfRequest
) -> ProjectItem:
    """Show a project."""
    with site.database.read() as session:
        return _item(session.get_one(ProjectRow, may.project_id), may.role)


@router.get("/{project}/members", operation_id="list_members")
def list_members(
    may: Annotated[ProjectAccess, Depends(Access(Permission.MEMBER_READ))], site: SiteOfRequest
) -> Page[MemberItem]:
    """List the members of a project; administrators of the site are not among them unless they were added."""
    with site.database.read() as session:
        members = access.list_members(session, project_id=may.project_id)
    return Page(items=[MemberItem(name=user.name, display_name=user.display_name, role=role) for user, role in members])


@router.put("/{project}/members/{user}", operation_id="set_member", status_code=204)
def set_member(
    user: str,
    body: RoleRequest,
    may: Annotated[ProjectAccess, Depends(Access(Permission.MEMBER_MANAGE))],
    site: SiteOfRequest,
) -> None:
    """Make a user a member, or change a member's role."""
    with site.database.write() as session:
        access.set_role(session, actor=may.principal.name, project_id=may.project_id, user_name=user, role=body.role)


@router.delete("/{project}/members/{user}", operation_id="remove_member", status_code=204)
def remove_member(
    user: str, may: Annotated[ProjectAccess, Depends(Access(Permission.MEMBER_MANAGE))], site: SiteOfRequest
) -> None:
    """Take a member's role away; it acts at once."""
    with site.database.write() as session:
        access.remove_member(session, actor=may.principal.name, project_id=may.project_id, user_name=user)


def _item(row: ProjectRow, role: Role) -> ProjectItem:
    return ProjectItem(
        name=row.name,
        title=row.title,
        description=row.description,
        role=role,
        permissions=sorted(PERMISSIONS[role]),
    )
