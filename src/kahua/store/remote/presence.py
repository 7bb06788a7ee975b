"""What of a source's studies and series a project has already; what it knows but left at its source is not here."""

from collections.abc import Iterable

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from kahua.store.remote.tables import SeriesSourceRow
from kahua.store.tables import SeriesRow, StudyRow

#: UIDs that one statement names.
BATCH = 500

#: The objects of a series are at its source.
AWAY = exists().where(SeriesSourceRow.series_id == SeriesRow.id, SeriesSourceRow.away_until > 0)


def instances_here(session: Session, project_id: str, study_uids: Iterable[str]) -> dict[str, int]:
    """Count the instances that a project has of each study; studies of which it has none are left out."""
    wanted = sorted(set(study_uids))
    found: dict[str, int] = {}
    for start in range(0, len(wanted), BATCH):
        query = (
            select(StudyRow.study_uid, func.sum(SeriesRow.instance_count))
            .join(SeriesRow, SeriesRow.study_id == StudyRow.id)
            .where(StudyRow.project_id == project_id, StudyRow.study_uid.in_(wanted[start : start + BATCH]), ~AWAY)
            .group_by(StudyRow.study_uid)
        )
        found.update({uid: int(count) for uid, count in session.execute(query)})
    return found


def instances_of_series_here(session: Session, project_id: str, study_uid: str) -> dict[str, int]:
    """Count the instances that a project has of each series of a study."""
    query = (
        select(SeriesRow.series_uid, func.sum(SeriesRow.instance_count))
        .join(StudyRow, SeriesRow.study_id == StudyRow.id)
        .where(StudyRow.project_id == project_id, StudyRow.study_uid == study_uid, ~AWAY)
        .group_by(SeriesRow.series_uid)
    )
    return {uid: int(count) for uid, count in session.execute(query)}
