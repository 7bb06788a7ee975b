"""Projects, as the operator of the machine names them."""

from sqlalchemy.orm import Session

from kahua.access import find_project
from kahua.errors import NotFound


def project_id(session: Session, name: str) -> str:
    """Give the id of a project, for the operator of the machine, who may see all.

    Raises
    ------
    NotFound
        There is no such project.
    """
    project = find_project(session, name)
    if project is None:
        raise NotFound(f"There is no project {name}.", remedy="`kahua project list` shows all.")
    return project.id
