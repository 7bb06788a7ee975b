"""Finding series in a project: filter, page, totals, facets."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, and_, false, func, literal, or_, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from kahua.database import UtcDateTime
from kahua.datasets.query import Field, Term, parse_query
from kahua.datasets.tables import DatasetEntryRow, DatasetRow
from kahua.dicom import fold
from kahua.errors import InvalidInput, NotFound
from kahua.store import SeriesFindingRow, SeriesRow, StudyRow
from kahua.store.remote.tables import SeriesSourceRow
from kahua.store.validation import STATES

#: Most values of a facet, the most frequent ones.
MAX_FACET_VALUES = 50


@dataclass(frozen=True, kw_only=True)
class SeriesFilter:
    """Which series of a project are meant; what is empty does not restrict."""

    text: str = ""
    modality: str = ""
    study_uid: str = ""
    #: Name of a dataset: the series that are in it now.
    dataset: str = ""


@dataclass(frozen=True, kw_only=True)
class FoundSeries:
    """A series, with the study to which it belongs."""

    series: SeriesRow
    study: StudyRow


@dataclass(frozen=True, kw_only=True)
class SeriesTotals:
    """How much a filter finds."""

    series: int
    studies: int
    patients: int


@dataclass(frozen=True, kw_only=True)
class FacetValue:
    """A value, and how many of the series that were found have it."""

    value: str
    count: int


Q = TypeVar("Q", bound=Select[*tuple[Any, ...]])

#: Attributes by which the found series are counted.
FACETS: dict[str, InstrumentedAttribute[str]] = {
    "modality": SeriesRow.modality,
    "body_part": SeriesRow.body_part,
    "manufacturer": SeriesRow.manufacturer,
    "validation": SeriesRow.validation_state,
}

#: Attributes in one of which a quoted part must stand.
_PHRASE_COLUMNS: tuple[InstrumentedAttribute[str], ...] = (
    SeriesRow.description,
    StudyRow.description,
    StudyRow.patient_id,
    SeriesRow.body_part,
    SeriesRow.manufacturer,
    StudyRow.referring_physician,
)

_EXACT: dict[Field, InstrumentedAttribute[str]] = {
    Field.PATIENT_ID: StudyRow.patient_id,
    Field.STUDY_UID: StudyRow.study_uid,
    Field.SERIES_UID: SeriesRow.series_uid,
    Field.ACCESSION_NUMBER: StudyRow.accession_number,
}

_CONTAINED: dict[Field, InstrumentedAttribute[str]] = {
    Field.STUDY_DESCRIPTION: StudyRow.description,
    Field.SERIES_DESCRIPTION: SeriesRow.description,
    Field.BODY_PART: SeriesRow.body_part,
    Field.MANUFACTURER: SeriesRow.manufacturer,
}


#: Whether the images of a series that has a source are there alone.
_AWAY: ColumnElement[bool] = SeriesSourceRow.away_until > 0


def find_series(
    session: Session, project_id: str, where: SeriesFilter, *, limit: int, cursor: str | None = None
) -> tuple[list[FoundSeries], str | None]:
    """Give a page of the series found, newest first, and the cursor of the next page.

    A page begins after the last series of the one before it, wherever that is by then: series that
    arrive meanwhile shift nothing.

    Raises
    ------
    InvalidInput
        Query or cursor cannot be understood.
    NotFound
        There is no such dataset.
    """
    query = _restrict(select(SeriesRow, StudyRow), session, project_id, where)
    if cursor is not None:
        query = query.where(_after(cursor))
    query = query.order_by(SeriesRow.received_at.desc(), SeriesRow.id.desc()).limit(limit + 1)
    rows = [FoundSeries(series=series, study=study) for series, study in session.execute(query)]
    page = rows[:limit]
    return page, _cursor(page[-1].series) if len(rows) > limit else None


def count_found(session: Session, project_id: str, where: SeriesFilter) -> SeriesTotals:
    """Count what a filter finds."""
    columns = (
        func.count(SeriesRow.id),
        func.count(SeriesRow.study_id.distinct()),
        func.count(StudyRow.patient_id.distinct()),
    )
    series, studies, patients = session.execute(_restrict(select(*columns), session, project_id, where)).one()
    return SeriesTotals(series=series, studies=studies, patients=patients)


def facets_of(session: Session, project_id: str, where: SeriesFilter) -> dict[str, list[FacetValue]]:
    """Count the series found by the values of some attributes, most frequent first."""
    facets = {name: _facet(session, project_id, where, column) for name, column in FACETS.items()}
    return facets | {"source": _sources(session, project_id, where)}


def get_series(session: Session, project_id: str, series_id: str) -> FoundSeries:
    """Give a series of a project.

    Raises
    ------
    NotFound
        The project has no such series.
    """
    query = (
        select(SeriesRow, StudyRow)
        .join(StudyRow, SeriesRow.study_id == StudyRow.id)
        .where(SeriesRow.project_id == project_id, SeriesRow.id == series_id)
    )
    found = session.execute(query).one_or_none()
    if found is None:
        raise NotFound("There is no such series.")
    return FoundSeries(series=found[0], study=found[1])


def some_series(session: Session, project_id: str, series_ids: Sequence[str]) -> dict[str, FoundSeries]:
    """Give those of some series, by id, that the project has."""
    query = (
        select(SeriesRow, StudyRow)
        .join(StudyRow, SeriesRow.study_id == StudyRow.id)
        .where(SeriesRow.project_id == project_id, SeriesRow.id.in_(series_ids))
    )
    return {series.id: FoundSeries(series=series, study=study) for series, study in session.execute(query)}


def _facet(
    session: Session, project_id: str, where: SeriesFilter, column: InstrumentedAttribute[str]
) -> list[FacetValue]:
    count = func.count()
    query = _restrict(select(column, count), session, project_id, where)
    rows = session.execute(query.group_by(column).order_by(count.desc(), column).limit(MAX_FACET_VALUES))
    return [FacetValue(value=value, count=number) for value, number in rows]


def _sources(session: Session, project_id: str, where: SeriesFilter) -> list[FacetValue]:
    """Count the series found whose images are at a peer alone, by its name."""
    column, count = SeriesSourceRow.peer_name, func.count()
    query = _restrict(select(column, count), session, project_id, where)
    query = query.join(SeriesSourceRow, SeriesSourceRow.series_id == SeriesRow.id).where(_AWAY)
    rows = session.execute(query.group_by(column).order_by(count.desc(), column).limit(MAX_FACET_VALUES))
    return [FacetValue(value=value, count=number) for value, number in rows]


def _restrict(query: Q, session: Session, project_id: str, where: SeriesFilter) -> Q:
    query = (
        query.select_from(SeriesRow)
        .join(StudyRow, SeriesRow.study_id == StudyRow.id)
        .where(SeriesRow.project_id == project_id, *(_condition(term) for term in parse_query(where.text)))
    )
    if where.modality:
        query = query.where(SeriesRow.modality == where.modality)
    if where.study_uid:
        query = query.where(StudyRow.study_uid == where.study_uid)
    if where.dataset:
        query = query.where(SeriesRow.id.in_(_entries(session, project_id, where.dataset)))
    return query


def _entries(session: Session, project_id: str, name: str) -> Select[str]:
    dataset_id = session.scalar(
        select(DatasetRow.id).where(DatasetRow.project_id == project_id, DatasetRow.name == name)
    )
    if dataset_id is None:
        raise NotFound("There is no dataset of that name here.")
    return select(DatasetEntryRow.series_id).where(
        DatasetEntryRow.dataset_id == dataset_id, DatasetEntryRow.removed_in.is_(None)
    )


def _condition(term: Term) -> ColumnElement[bool]:
    found = _matches(term)
    return ~found if term.is_excluded else found


def _matches(term: Term) -> ColumnElement[bool]:
    match term.field:
        case None if term.is_phrase:
            columns = [_contains(column, term.text) for column in _PHRASE_COLUMNS]
            return or_(_name_contains(term.text), *columns)
        case None:
            # folding may make two words of one: both must be there
            words = [SeriesRow.search_text.contains(word, autoescape=True) for word in fold(term.text).split()]
            return and_(*words) if words else false()
        case Field.MODALITY:
            return SeriesRow.modality == term.text.upper()
        case Field.PATIENT_SEX:
            return StudyRow.patient_sex == term.text.upper()
        case Field.PATIENT_NAME:
            return _name_contains(term.text)
        case Field.VALIDATION:
            return _validated(term.text.lower())
        case Field.SOURCE:
            at_source = select(SeriesSourceRow.series_id).where(_AWAY, SeriesSourceRow.peer_name == term.text)
            return SeriesRow.id.in_(at_source)
        case Field.STUDY_DATE:
            return _date_between(term.text)
        case field if field in _EXACT:
            return _EXACT[field] == term.text
        case field:
            return _contains(_CONTAINED[field], term.text)


def _validated(text: str) -> ColumnElement[bool]:
    """Compare what the badge of a series says, or ask for a finding by its code."""
    if text in STATES:
        return SeriesRow.validation_state == text
    found = select(SeriesFindingRow.series_id).where(
        SeriesFindingRow.project_id == SeriesRow.project_id, SeriesFindingRow.code == text
    )
    return SeriesRow.id.in_(found)


def _contains(column: InstrumentedAttribute[str], text: str) -> ColumnElement[bool]:
    return func.lower(column).contains(text.lower(), autoescape=True)


def _name_contains(text: str) -> ColumnElement[bool]:
    """Compare each component group of a person's name without the carets between its parts."""
    groups = (StudyRow.patient_name_folded, StudyRow.patient_name_ideographic, StudyRow.patient_name_phonetic)
    folded = fold(text.replace("^", " "))
    return or_(*(func.replace(group, "^", " ").contains(folded, autoescape=True) for group in groups))


def _date_between(text: str) -> ColumnElement[bool]:
    """Compare a date YYYYMMDD, or a range with a hyphen of which one end may be missing."""
    first, hyphen, last = (part.strip() for part in text.replace("–", "-").partition("-"))
    if any(part and not (len(part) == 8 and part.isascii() and part.isdecimal()) for part in (first, last)) or not (
        first or last
    ):
        raise InvalidInput(
            "A date is written YYYYMMDD, and a period YYYYMMDD-YYYYMMDD.", field="q", remedy="Correct StudyDate."
        )
    if not hyphen:
        return StudyRow.study_date == first
    return and_(StudyRow.study_date != "", StudyRow.study_date.between(first, last or "99999999"))


def _cursor(series: SeriesRow) -> str:
    return base64.urlsafe_b64encode(f"{series.received_at.isoformat()} {series.id}".encode()).decode()


def _after(cursor: str) -> ColumnElement[bool]:
    try:
        moment, series_id = base64.urlsafe_b64decode(cursor.encode()).decode().split(" ")
        received_at = datetime.fromisoformat(moment)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("The cursor is not one of this list.", field="cursor") from error
    if received_at.tzinfo is None:
        raise InvalidInput("The cursor is not one of this list.", field="cursor")
    place = tuple_(literal(received_at, UtcDateTime()), literal(series_id))
    return tuple_(SeriesRow.received_at, SeriesRow.id) < place
