"""What people decide about the objects in quarantine; each decision is in the audit log."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from kahua.access import record
from kahua.errors import DicomRefused, HeldBack, StateConflict
from kahua.store import Accepted, Archive, Origin, QuarantineRow, discard, find_quarantined


def look_at(archive: Archive, *, project_id: str, actor: str, quarantine_id: str) -> QuarantineRow:
    """Give an object for a person to look at.

    Raises
    ------
    NotFound
        The project has none of this id in quarantine.
    StateConflict
        Only the reason was kept.
    """
    row = _kept(archive, project_id, quarantine_id)
    with archive.database.write() as session:
        _record(session, "quarantine.read", row, actor=actor)
    return row


def release(archive: Archive, *, project_id: str, actor: str, quarantine_id: str) -> Accepted:
    """Store an object again: a person found that nobody is named in it, or what stood in its way is gone.

    What was held back after it had been de-identified is stored as it is; all else is treated as if it
    arrived now, and stays in quarantine if it is refused again.

    Raises
    ------
    NotFound
        The project has none of this id in quarantine.
    StateConflict
        Only the reason was kept.
    DicomRefused
        It cannot be accepted now either.
    """
    row = _kept(archive, project_id, quarantine_id)
    held = row.reason_code == HeldBack.code
    origin = Origin(door="release", sender=actor) if held else Origin(door=row.door, sender=row.sender, name=row.name)
    try:
        with archive.objects.local_file(row.object_key) as path:
            accepted = archive.store_file(project_id, path, origin)
    except DicomRefused as error:
        if error.code != row.reason_code:  # it is there once more, under the reason of today
            with archive.database.write() as session:
                _let_go(session, row)
        raise
    with archive.database.write() as session:
        _let_go(session, row)
        _record(session, "quarantine.released", row, actor=actor, series=accepted.series_id)
    return accepted


def discard_quarantined(session: Session, *, project_id: str, actor: str, quarantine_id: str) -> None:
    """Let an object in quarantine go for ever.

    Raises
    ------
    NotFound
        The project has none of this id in quarantine.
    """
    row = find_quarantined(session, project_id, quarantine_id)
    _let_go(session, row)
    _record(session, "quarantine.discarded", row, actor=actor)


def _kept(archive: Archive, project_id: str, quarantine_id: str) -> QuarantineRow:
    with archive.database.read() as session:
        row = find_quarantined(session, project_id, quarantine_id)
    if not archive.objects.exists(row.object_key):
        raise StateConflict(
            "Only the reason was kept: the project de-identifies what arrives and this could not be, "
            "or the quarantine was full.",
            remedy="Mend it at its source; send it again.",
        )
    return row


def _let_go(session: Session, row: QuarantineRow) -> None:
    session.execute(delete(QuarantineRow).where(QuarantineRow.id == row.id))
    discard(session, [row.object_key])


def _record(session: Session, action: str, row: QuarantineRow, *, actor: str, **details: str) -> None:
    record(
        session,
        actor=actor,
        action=action,
        subject=row.sop_instance_uid or row.id,
        project_id=row.project_id,
        reason=row.reason,
        **details,
    )
