"""The rows that match a query: in a stable order, and by way of the index that leads to few of them.

Databases choose an index by statistics, or by guessing. Where a page is asked for in an order that an index
has, they walk through that index until the page is full: right if much matches, and slow beyond measure if
the one study that matches is the millionth. So the indexes that the conditions have are asked first whether
few rows match; if so, these are sorted, and no index offers itself for the order.
"""

from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, literal_column, select

from kahua.store.dicomweb.attributes import Attribute, Level, Matching
from kahua.store.dicomweb.conditions import WILDCARDS, condition, is_universal
from kahua.store.tables import InstanceRow, SeriesRow, StudyRow

#: So many rows are sorted rather than looked for along the order.
FEW: Final = 1000

_TABLES: Final[dict[Level, Any]] = {Level.STUDY: StudyRow, Level.SERIES: SeriesRow, Level.INSTANCE: InstanceRow}

#: What the answer of each level is made of.
_COLUMNS: Final[dict[Level, tuple[Any, ...]]] = {
    Level.STUDY: (StudyRow.id, StudyRow.study_uid, StudyRow.dicom_json),
    Level.SERIES: (
        SeriesRow.id,
        StudyRow.study_uid,
        SeriesRow.series_uid,
        SeriesRow.dicom_json,
        SeriesRow.instance_count,
    ),
    Level.INSTANCE: (
        SeriesRow.id,
        StudyRow.study_uid,
        SeriesRow.series_uid,
        SeriesRow.modality,
        InstanceRow.sop_instance_uid,
        InstanceRow.transfer_syntax_uid,
        InstanceRow.dicom_json,
        SeriesRow.dicom_json.label("series_json"),
    ),
}

#: Newest study first; what belongs to it follows.
_ORDER: Final = (
    StudyRow.study_date.desc(),
    StudyRow.id.desc(),
    SeriesRow.series_uid,
    InstanceRow.instance_number,
    InstanceRow.id,
)
_ORDER_LENGTH: Final = {Level.STUDY: 2, Level.SERIES: 3, Level.INSTANCE: 5}


def select_rows(
    connection: Connection,
    project_id: str,
    level: Level,
    matches: tuple[tuple[Attribute, str], ...],
    *,
    fuzzy: bool,
    limit: int,
    offset: int,
    study_uid: str | None = None,
    series_uid: str | None = None,
) -> list[Any]:
    """Give the rows of a project that match, a page of them.

    Raises
    ------
    InvalidInput
        A value cannot be one of its attribute.
    """
    conditions = [condition(attribute, value, fuzzy=fuzzy) for attribute, value in matches if not is_universal(value)]
    if study_uid is not None:
        conditions.append(StudyRow.study_uid == study_uid)
    if series_uid is not None:
        conditions.append(SeriesRow.series_uid == series_uid)
    few = Level.STUDY if study_uid is not None else _level_of_few(connection, project_id, matches)
    statement = _statement(level, few)
    page = {"project": project_id, "limit": limit, "offset": offset}
    return list(connection.execute(statement.where(*conditions) if conditions else statement, page).all())


def _level_of_few(connection: Connection, project_id: str, matches: tuple[tuple[Attribute, str], ...]) -> Level | None:
    """Give the level whose index leads to few rows; None if there is no such condition."""
    for attribute, value in matches:
        if attribute.indexed and _is_led_by_index(attribute, value):
            table = _TABLES[attribute.level]
            found: Any = (
                select(literal_column("1"))
                .where(table.project_id == project_id, condition(attribute, value, fuzzy=False))
                .limit(FEW)
            )
            if (connection.scalar(select(func.count()).select_from(found.subquery())) or 0) < FEW:
                return attribute.level
    return None


def _is_led_by_index(attribute: Attribute, value: str) -> bool:
    """Whether an index finds the value: it is known, or the beginning of a name is."""
    if attribute.matching is Matching.PERSON:
        return value[:1] not in {"", *WILDCARDS}
    return not is_universal(value) and not any(wildcard in value for wildcard in WILDCARDS)


@lru_cache
def _statement(level: Level, few: Level | None) -> Any:
    """Build the statement of a level: along the order, or by way of the level of which few rows match."""
    statement = select(*_COLUMNS[level]).where(_TABLES[few or Level.STUDY].project_id == bindparam("project"))
    statement = statement.select_from(StudyRow)
    if level is not Level.STUDY:
        statement = statement.join(SeriesRow, SeriesRow.study_id == StudyRow.id)
    if level is Level.INSTANCE:
        statement = statement.join(InstanceRow, InstanceRow.series_id == SeriesRow.id)
    order = list(_ORDER[: _ORDER_LENGTH[level]])
    if few is not None:
        order[0] = StudyRow.study_date.concat("").desc()  # the same order, but no index has it
    return statement.order_by(*order).limit(bindparam("limit")).offset(bindparam("offset"))
