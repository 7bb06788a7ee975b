"""Remove workitems: those that ended long ago, and those about what is erased."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final

import orjson
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from kahua.database import Database, now
from kahua.store.workitems.documents import uids_in
from kahua.store.workitems.states import FINAL
from kahua.store.workitems.subscriptions import is_locked
from kahua.store.workitems.tables import WorkitemRow

#: Workitems that are removed, or looked at, in one go.
BATCH: Final = 500


def remove_ended(database: Database, *, days: int) -> None:
    """Remove workitems that ended so many days ago, unless somebody who is subscribed wants them to be kept."""
    ended = (WorkitemRow.state.in_(FINAL), WorkitemRow.changed_at < now() - timedelta(days=days), ~is_locked())
    query = select(WorkitemRow.id).where(*ended).limit(BATCH)
    while True:
        with database.write() as session:
            gone = session.scalars(query).all()
            remove(session, gone)
        if len(gone) < BATCH:
            return


def about(session: Session, project_id: str, patient_id: str, uids: Collection[str]) -> list[str]:
    """Give the ids of workitems of a patient, and of those that name one of some UIDs, at any depth."""
    query = select(WorkitemRow.id, WorkitemRow.patient_id, WorkitemRow.document)
    rows = session.execute(query.where(WorkitemRow.project_id == project_id).execution_options(yield_per=BATCH))
    return [
        row.id
        for row in rows
        if (patient_id and row.patient_id == patient_id)
        or any(uid in uids for uid in uids_in(orjson.loads(row.document)))
    ]


def remove(session: Session, workitem_ids: Sequence[str]) -> None:
    """Remove workitems, with the subscriptions to them."""
    for start in range(0, len(workitem_ids), BATCH):
        some = workitem_ids[start : start + BATCH]
        session.execute(delete(WorkitemRow).where(WorkitemRow.id.in_(some)))
