"""Codes of workitems that stand for workflows: the site's own, and what a project says of others'."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from kahua.errors import InvalidInput, NotFound
from kahua.store import WorkitemRow
from kahua.workflows.catalogue import full_name
from kahua.workflows.tables import WorkitemCodeRow

#: Designator of the site's own coding scheme: its values are names of workflows, and of their parameters.
SCHEME: Final = "99KAHUA"

_OWN: Final = f"{SCHEME}^"
_LONGEST: Final = 64


def workflow_of(session: Session, project_id: str, code: str) -> str:
    """Give the workflow for which a code stands in a project; empty if it stands for none."""
    if code.startswith(_OWN):
        return full_name(code.removeprefix(_OWN))
    row = session.get(WorkitemCodeRow, (project_id, code))
    return row.workflow if row is not None else ""


def is_ours() -> ColumnElement[bool]:
    """Whether the code of a workitem stands for a workflow (a condition on `WorkitemRow`)."""
    mapped = select(WorkitemCodeRow.code).where(
        WorkitemCodeRow.project_id == WorkitemRow.project_id, WorkitemCodeRow.code == WorkitemRow.code
    )
    return or_(func.substr(WorkitemRow.code, 1, len(_OWN)) == _OWN, mapped.exists())


def set_code(session: Session, project_id: str, scheme: str, value: str, workflow: str) -> WorkitemCodeRow:
    """Let a code of others stand for a workflow.

    Raises
    ------
    InvalidInput
        It is no code, or one of the site's own scheme.
    """
    if not scheme or not value or scheme == SCHEME or "^" in scheme or len(scheme) > 16 or len(value) > _LONGEST:
        raise InvalidInput(
            f"A code has a scheme of at most 16 characters, other than {SCHEME}, and a value of at most {_LONGEST}.",
            field="code",
        )
    code = f"{scheme}^{value}"
    row = session.get(WorkitemCodeRow, (project_id, code))
    if row is None:
        row = WorkitemCodeRow(project_id=project_id, code=code, workflow=workflow)
        session.add(row)
    row.workflow = workflow
    return row


def remove_code(session: Session, project_id: str, scheme: str, value: str) -> None:
    """Let a code stand for nothing.

    Raises
    ------
    NotFound
        It does not stand for a workflow.
    """
    row = session.get(WorkitemCodeRow, (project_id, f"{scheme}^{value}"))
    if row is None:
        raise NotFound("That code stands for no workflow.")
    session.delete(row)


def codes_of(session: Session, project_id: str) -> Sequence[WorkitemCodeRow]:
    """Give the codes of others that stand for workflows."""
    query = select(WorkitemCodeRow).where(WorkitemCodeRow.project_id == project_id)
    return session.scalars(query.order_by(WorkitemCodeRow.code)).all()
