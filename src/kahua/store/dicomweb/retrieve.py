"""Find what a WADO-RS address names, within a project (PS3.18 section 10.4)."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from kahua.errors import NotFound
from kahua.store.tables import InstanceRow, SeriesRow, StudyRow


@dataclass(frozen=True, kw_only=True)
class Address:
    """A study, a series or an instance, by its UIDs."""

    study_uid: str
    series_uid: str | None = None
    instance_uid: str | None = None

    @property
    def path(self) -> str:
        """Path below the DICOMweb service."""
        kinds = ("studies", "series", "instances")
        uids = (self.study_uid, self.series_uid, self.instance_uid)
        return "/".join(f"{kind}/{uid}" for kind, uid in zip(kinds, uids, strict=True) if uid)


@dataclass(frozen=True, kw_only=True)
class Located:
    """An instance and where it lies."""

    address: Address
    instance: InstanceRow


def locate_instances(session: Session, project_id: str, address: Address) -> Sequence[Located]:
    """Give the instances of a study, of a series, or one instance; in the order of their numbers.

    Raises
    ------
    NotFound
        There are none in the project; nothing is said about other projects.
    """
    statement = (
        select(StudyRow.study_uid, SeriesRow.series_uid, InstanceRow)
        .join(SeriesRow, SeriesRow.study_id == StudyRow.id)
        .join(InstanceRow, InstanceRow.series_id == SeriesRow.id)
        .where(StudyRow.project_id == project_id, StudyRow.study_uid == address.study_uid)
        .order_by(SeriesRow.id, InstanceRow.instance_number, InstanceRow.id)
    )
    if address.series_uid is not None:
        statement = statement.where(SeriesRow.series_uid == address.series_uid)
    if address.instance_uid is not None:
        statement = statement.where(InstanceRow.sop_instance_uid == address.instance_uid)
    rows = session.execute(statement).all()
    if not rows:
        raise NotFound("There is no such study, series or instance in this project.")
    return [
        Located(address=Address(study_uid=study, series_uid=series, instance_uid=row.sop_instance_uid), instance=row)
        for study, series, row in rows
    ]


def locate_series(session: Session, project_id: str, address: Address) -> Sequence[tuple[str, SeriesRow]]:
    """Give the series of a study, or one series, each with its Study Instance UID.

    Raises
    ------
    NotFound
        There are none in the project.
    """
    statement = (
        select(StudyRow.study_uid, SeriesRow)
        .join(SeriesRow, SeriesRow.study_id == StudyRow.id)
        .where(StudyRow.project_id == project_id, StudyRow.study_uid == address.study_uid)
        .order_by(SeriesRow.id)
    )
    if address.series_uid is not None:
        statement = statement.where(SeriesRow.series_uid == address.series_uid)
    rows = session.execute(statement).all()
    if not rows:
        raise NotFound("There is no such study or series in this project.")
    return [(study, series) for study, series in rows]
