"""What people are shown of a workitem, in plain words."""

from typing import Any

from sqlalchemy.orm import Session

from kahua.store import WorkitemRow
from kahua.store.workitems import worklist
from kahua.store.workitems.attributes import (
    CANCEL_REASON,
    DESCRIPTION,
    PARAMETERS,
    PERCENT,
    PRIORITY,
    PROGRESS,
    READINESS,
    WORKITEM_CODE,
    WORKLIST,
)
from kahua.store.workitems.documents import Json, code_words, items_of, text_of
from kahua.workflows.tables import PerformanceRow
from kahua.workflows.workitems.codes import workflow_of
from kahua.workflows.workitems.orders import parameter_of

#: Comments on the Scheduled Procedure Step.
COMMENTS = "00400400"


def summary(session: Session, row: WorkitemRow) -> dict[str, Any]:
    """Give what a list tells of a workitem."""
    document = worklist.document_of(row)
    progress: Json = next(iter(items_of(document, PROGRESS)), {})
    return {
        "uid": row.uid,
        "state": row.state,
        "label": row.label,
        "code": ", ".join(map(code_words, items_of(document, WORKITEM_CODE))),
        "workflow": workflow_of(session, row.project_id, row.code),
        "priority": text_of(document, PRIORITY),
        "station": row.station,
        "patient_id": row.patient_id,
        "patient_name": text_of(document, "00100010"),
        "starts_at": row.starts_at,
        "created_at": row.created_at,
        "created_by": row.created_by,
        "performer": row.performer,
        "percent": _percent(text_of(progress, PERCENT)),
        "doing": text_of(progress, DESCRIPTION),
        "cancel_requested_at": row.cancel_requested_at,
        "cancel_reason": text_of(progress, CANCEL_REASON) or row.cancel_reason,
    }


def details(session: Session, row: WorkitemRow) -> dict[str, Any]:
    """Give what the page of a workitem tells besides."""
    document = worklist.document_of(row)
    performance = session.get(PerformanceRow, row.id)
    parameters = [parameter_of(item) for item in items_of(document, PARAMETERS)]
    return {
        "worklist": text_of(document, WORKLIST),
        "comments": text_of(document, COMMENTS),
        "readiness": text_of(document, READINESS),
        "run": performance.run_id if performance is not None else None,
        "parameters": [{"name": name, "value": value} for name, value in parameters],
        "history": row.history,
    }


def _percent(text: str) -> float | None:
    """Read how much is done; what is no number from 0 to 100 is not said."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value <= 100 else None
