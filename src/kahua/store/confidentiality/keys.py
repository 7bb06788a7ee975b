"""The key of a project's pseudonyms: made at first use, and never shown."""

import secrets

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from kahua.database import now
from kahua.dicom import KEY_BYTES, Pseudonyms
from kahua.store.confidentiality.tables import PseudonymKeyRow


def pseudonyms_of(session: Session, project_id: str) -> Pseudonyms:
    """Give the pseudonyms of a project; the session must be one that may write."""
    row = session.get(PseudonymKeyRow, project_id)
    if row is None:
        row = _make(session, project_id)
    return Pseudonyms(key=row.key)


def _make(session: Session, project_id: str) -> PseudonymKeyRow:
    made = PseudonymKeyRow(project_id=project_id, key=secrets.token_bytes(KEY_BYTES), created_at=now())
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:  # another process was first: its key counts
        return session.get_one(PseudonymKeyRow, project_id)
    return made
