"""Workitems as people look for them: newest first, by state, by words of the label, by station."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from kahua.store.workitems.states import State
from kahua.store.workitems.tables import WorkitemRow
from kahua.store.workitems.worklist import find_workitem


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which workitems a person wants to see; what is empty is no condition."""

    state: State | None = None
    #: Parts of the label and of the station's code or meaning, in whichever case.
    label: str = ""
    station: str = ""


def newest(
    session: Session, project_id: str, wanted: Wanted, *, limit: int, before: str | None = None
) -> Sequence[WorkitemRow]:
    """Give workitems, those created last first; `before` is the UID of the last one of the page before.

    Raises
    ------
    NotFound
        That one is not there.
    """
    query = select(WorkitemRow).where(WorkitemRow.project_id == project_id)
    if wanted.state is not None:
        query = query.where(WorkitemRow.state == wanted.state)
    if wanted.label:
        query = query.where(WorkitemRow.label.icontains(wanted.label, autoescape=True))
    if wanted.station:
        query = query.where(WorkitemRow.station.icontains(wanted.station, autoescape=True))
    place = tuple_(WorkitemRow.created_at, WorkitemRow.id)
    if before is not None:
        last = find_workitem(session, project_id, before)
        query = query.where(place < tuple_(last.created_at, last.id))
    ordered = query.order_by(WorkitemRow.created_at.desc(), WorkitemRow.id.desc())
    return session.scalars(ordered.limit(limit)).all()
