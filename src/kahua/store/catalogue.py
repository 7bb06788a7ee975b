"""The archive's read side: studies, series, instances and files of one project."""

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from kahua.database import now
from kahua.errors import InvalidInput, NotFound
from kahua.store.tables import FileRow, InstanceRow, SeriesReferenceRow, SeriesRow, StudyRow
from kahua.store.text import cut

Row = TypeVar("Row")


def find_series_row(session: Session, project_id: str, series_id: str) -> SeriesRow:
    """Give a series by its id.

    Raises
    ------
    NotFound
        The project has none of this id.
    """
    row = session.scalar(select(SeriesRow).where(SeriesRow.project_id == project_id, SeriesRow.id == series_id))
    return _found(row, "series")


def series_with_uid(session: Session, project_id: str, series_uids: Sequence[str]) -> Sequence[SeriesRow]:
    """Give the series of a project that have one of the UIDs, oldest first."""
    return session.scalars(
        select(SeriesRow)
        .where(SeriesRow.project_id == project_id, SeriesRow.series_uid.in_(series_uids))
        .order_by(SeriesRow.received_at, SeriesRow.id)
    ).all()


def find_study_row(session: Session, project_id: str, study_id: str) -> StudyRow:
    """Give a study by its id.

    Raises
    ------
    NotFound
        The project has none of this id.
    """
    row = session.scalar(select(StudyRow).where(StudyRow.project_id == project_id, StudyRow.id == study_id))
    return _found(row, "study")


def studies_with_uid(session: Session, project_id: str, study_uid: str) -> Sequence[StudyRow]:
    """Give the studies of a UID: usually one; more, if several patients were sent under it.

    Raises
    ------
    NotFound
        The project has none of this UID.
    """
    rows = session.scalars(
        select(StudyRow)
        .where(StudyRow.project_id == project_id, StudyRow.study_uid == study_uid)
        .order_by(StudyRow.received_at, StudyRow.id)
    ).all()
    if not rows:
        raise NotFound("There is no such study.")
    return rows


def series_of(session: Session, study: StudyRow) -> Sequence[SeriesRow]:
    """Give the series of a study, by their number."""
    return session.scalars(
        select(SeriesRow).where(SeriesRow.study_id == study.id).order_by(SeriesRow.series_number, SeriesRow.id)
    ).all()


def instances_of(
    session: Session, series: SeriesRow, *, limit: int | None = None, after: InstanceRow | None = None
) -> Sequence[InstanceRow]:
    """Give the instances of a series by Instance Number, those without one first.

    The next page begins after `after`, the last row of the page before.
    """
    number = InstanceRow.instance_number
    query = select(InstanceRow).where(InstanceRow.series_id == series.id)
    if after is not None:
        # NULL compares with nothing, and databases disagree on where it sorts: it counts as the smallest here.
        if after.instance_number is None:
            query = query.where(number.is_not(None) | (InstanceRow.id > after.id))
        else:
            same = (number == after.instance_number) & (InstanceRow.id > after.id)
            query = query.where((number > after.instance_number) | same)
    return session.scalars(query.order_by(number.is_not(None), number, InstanceRow.id).limit(limit)).all()


def find_instance_row(session: Session, project_id: str, sop_instance_uid: str) -> InstanceRow:
    """Give an instance by its UID.

    Raises
    ------
    NotFound
        The project has none of this UID.
    """
    row = session.scalar(
        select(InstanceRow).where(
            InstanceRow.project_id == project_id, InstanceRow.sop_instance_uid == sop_instance_uid
        )
    )
    return _found(row, "instance")


def references_of(session: Session, series: SeriesRow) -> Sequence[SeriesRow]:
    """Give the series of the project to which a series refers: the image of a segmentation."""
    return session.scalars(
        select(SeriesRow)
        .join(SeriesReferenceRow, SeriesReferenceRow.target_series_uid == SeriesRow.series_uid)
        .where(SeriesReferenceRow.series_id == series.id, SeriesRow.project_id == series.project_id)
        .order_by(SeriesRow.received_at, SeriesRow.id)
    ).all()


def referring_to(session: Session, series: SeriesRow) -> Sequence[SeriesRow]:
    """Give the series of the project that refer to a series: the segmentations of an image."""
    return session.scalars(
        select(SeriesRow)
        .join(SeriesReferenceRow, SeriesReferenceRow.series_id == SeriesRow.id)
        .where(
            SeriesReferenceRow.project_id == series.project_id,
            SeriesReferenceRow.target_series_uid == series.series_uid,
        )
        .order_by(SeriesRow.received_at, SeriesRow.id)
    ).all()


def add_file(
    session: Session,
    *,
    project_id: str,
    name: str,
    media_type: str,
    object_key: str,
    size: int,
    created_by: str,
    run_id: str | None = None,
) -> FileRow:
    """Add a file whose bytes are in the object store already.

    Raises
    ------
    InvalidInput
        The name is empty or too long.
    """
    if not 0 < len(name) <= 300:
        raise InvalidInput("The name of a file has 1 to 300 characters.", field="name")
    row = FileRow(
        project_id=project_id,
        name=cut(name, 300),
        media_type=cut(media_type, 100),
        object_key=object_key,
        size=size,
        created_at=now(),
        created_by=cut(created_by, 100),
        run_id=run_id,
    )
    session.add(row)
    session.flush()
    return row


def find_file(session: Session, project_id: str, file_id: str) -> FileRow:
    """Give a file by its id.

    Raises
    ------
    NotFound
        The project has none of this id.
    """
    return _found(
        session.scalar(select(FileRow).where(FileRow.project_id == project_id, FileRow.id == file_id)), "file"
    )


def files_of(
    session: Session, project_id: str, *, limit: int, before: FileRow | None = None, run_id: str | None = None
) -> Sequence[FileRow]:
    """List files, newest first; the next page is what came before its last row."""
    query = select(FileRow).where(FileRow.project_id == project_id)
    if run_id is not None:
        query = query.where(FileRow.run_id == run_id)
    if before is not None:
        same = (FileRow.created_at == before.created_at) & (FileRow.id < before.id)
        query = query.where((FileRow.created_at < before.created_at) | same)
    return session.scalars(query.order_by(FileRow.created_at.desc(), FileRow.id.desc()).limit(limit)).all()


def _found(row: Row | None, kind: str) -> Row:
    if row is None:
        raise NotFound(f"There is no such {kind}.")
    return row
