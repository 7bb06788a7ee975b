"""This site's own archive as a source: what a project has already."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from kahua.database import Database
from kahua.store.catalogue import find_series_by_uids, instances_of
from kahua.store.objects import ObjectStore
from kahua.store.remote.source import MAX_STUDIES, RemoteSeries, RemoteStudy, StudyQuery, require_uid
from kahua.store.tables import SeriesRow, StudyRow

#: Conditions that name a column of a study.
COLUMNS = {
    "patient_id": StudyRow.patient_id,
    "patient_name": StudyRow.patient_name,
    "accession_number": StudyRow.accession_number,
    "study_uid": StudyRow.study_uid,
    "description": StudyRow.description,
}


class ArchiveSource:
    """An `ImageSource` over the series of one project."""

    def __init__(self, *, database: Database, objects: ObjectStore, project_id: str) -> None:
        self._database = database
        self._objects = objects
        self._project_id = project_id

    def close(self) -> None:
        """Nothing is open."""

    def verify(self) -> None:
        """Ask the database for one study."""
        self.find_studies(StudyQuery(), limit=1)

    def find_studies(self, query: StudyQuery, *, limit: int = MAX_STUDIES) -> Sequence[RemoteStudy]:
        """Give studies that match, newest first."""
        conditions = [
            _matches(COLUMNS[name], value) for name, value in vars(query).items() if name in COLUMNS and value
        ]
        if query.study_date:
            conditions.append(_within(query.study_date))
        if query.modality:
            series = select(SeriesRow.study_id).where(SeriesRow.modality == query.modality)
            conditions.append(StudyRow.id.in_(series))
        wanted = (
            select(StudyRow)
            .where(StudyRow.project_id == self._project_id, *conditions)
            .order_by(StudyRow.study_date.desc(), StudyRow.id)
            .limit(limit)
        )
        with self._database.read() as session:
            return [_study(session, row) for row in session.scalars(wanted)]

    def find_series(self, study_uid: str) -> Sequence[RemoteSeries]:
        """Give the series of a study."""
        wanted = (
            select(SeriesRow)
            .join(StudyRow, SeriesRow.study_id == StudyRow.id)
            .where(
                SeriesRow.project_id == self._project_id,
                StudyRow.study_uid == require_uid(study_uid, "study_uid"),
            )
            .order_by(SeriesRow.series_number, SeriesRow.id)
        )
        with self._database.read() as session:
            return [_series(study_uid, row) for row in session.scalars(wanted)]

    def retrieve(self, study_uid: str, series_uid: str, folder: Path) -> Iterator[Path]:
        """Give copies of the instances of a series."""
        with self._database.read() as session:
            series = find_series_by_uids(
                session,
                self._project_id,
                require_uid(study_uid, "study_uid"),
                require_uid(series_uid, "series_uid"),
            )
            keys = [instance.object_key for instance in instances_of(session, series)]
        for number, key in enumerate(keys):
            path = folder / f"{number:06}"
            with path.open("xb") as file:
                file.writelines(self._objects.stream(key))
            yield path


def _matches(column: InstrumentedAttribute[str], value: str) -> ColumnElement[bool]:
    """Compare as C-FIND does: with wildcards, and otherwise exactly (PS3.4 C.2.2.2)."""
    if "*" not in value and "?" not in value:
        return column == value
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return column.like(escaped.replace("*", "%").replace("?", "_"), escape="\\")


def _within(dates: str) -> ColumnElement[bool]:
    first, hyphen, last = dates.partition("-")
    if not hyphen:
        return StudyRow.study_date == first
    return (StudyRow.study_date >= (first or "0")) & (StudyRow.study_date <= (last or "9"))


def _study(session: Session, row: StudyRow) -> RemoteStudy:
    series = session.scalars(select(SeriesRow).where(SeriesRow.study_id == row.id)).all()
    return RemoteStudy(
        study_uid=row.study_uid,
        patient_id=row.patient_id,
        patient_name=row.patient_name,
        patient_birth_date=row.patient_birth_date,
        study_date=row.study_date,
        accession_number=row.accession_number,
        description=row.description,
        modalities=tuple(sorted({each.modality for each in series} - {""})),
        series=len(series),
        instances=sum(each.instance_count for each in series),
    )


def _series(study_uid: str, row: SeriesRow) -> RemoteSeries:
    return RemoteSeries(
        study_uid=study_uid,
        series_uid=row.series_uid,
        modality=row.modality,
        number=row.series_number,
        description=row.description,
        instances=row.instance_count,
    )
