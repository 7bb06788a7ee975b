"""The rows that match a query: in a stable order, and by way of the index that leads to few of them.

Databases choose an index by statistics, or by guessing. Where a page is asked for in an order that an index
has, they walk through that index until the page is full: right if much matches, and slow beyond measure if
the one study that matches is the millionth. So the indexes that the conditions have are asked first whether
few rows match; if so, these are sorted, and no index offers itself for the order.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, bindparam, func, literal_column, select

from kahua.database import Prepared, Readable
from kahua.store.dicomweb.attributes import BY_NAME, Attribute, Level, Matching
from kahua.store.dicomweb.conditions import (
    WILDCARDS,
    Condition,
    Form,
    condition,
    exactly,
    is_universal,
    parameter_name,
)
from kahua.store.tables import InstanceRow, SeriesRow, StudyRow

#: So many rows are sorted rather than looked for along the order.
FEW: Final = 1000

#: Statements that are kept, of the forms asked for last.
MAX_STATEMENTS: Final = 500


class FoundStudy(NamedTuple):
    """What the answer for a study is made of."""

    id: str
    study_uid: str
    dicom_json: bytes


class FoundSeries(NamedTuple):
    """What the answer for a series is made of."""

    id: str
    study_uid: str
    series_uid: str
    dicom_json: bytes
    instance_count: int


class FoundInstance(NamedTuple):
    """What the answer for an instance is made of; `id` is that of its series."""

    id: str
    study_uid: str
    series_uid: str
    modality: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    dicom_json: bytes
    series_json: bytes


_TABLES: Final[dict[Level, Any]] = {Level.STUDY: StudyRow, Level.SERIES: SeriesRow, Level.INSTANCE: InstanceRow}

_FOUND: Final[dict[Level, Any]] = {Level.STUDY: FoundStudy, Level.SERIES: FoundSeries, Level.INSTANCE: FoundInstance}

#: The columns of what is found at each level.
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
    readable: Readable,
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
    """Give the rows of a project that match, a page of them: `FoundStudy`, `FoundSeries` or `FoundInstance`.

    Raises
    ------
    InvalidInput
        A value cannot be one of its attribute.
    """
    conditions = [condition(attribute, value, fuzzy=fuzzy) for attribute, value in matches if not is_universal(value)]
    if study_uid is not None:
        conditions.append(exactly(BY_NAME["StudyInstanceUID"], study_uid))
    if series_uid is not None:
        conditions.append(exactly(BY_NAME["SeriesInstanceUID"], series_uid))
    few = Level.STUDY if study_uid is not None else _level_of_few(readable, project_id, matches)
    statement = _statement(level, few, tuple(each.form for each in conditions))
    rows = statement.execute(readable, project=project_id, limit=limit, offset=offset, **_values(conditions))
    return [_FOUND[level](*row) for row in rows]


def _level_of_few(readable: Readable, project_id: str, matches: tuple[tuple[Attribute, str], ...]) -> Level | None:
    """Give the level whose index leads to few rows; None if there is no such condition."""
    for attribute, value in matches:
        if attribute.indexed and _is_led_by_index(attribute, value):
            led = condition(attribute, value, fuzzy=False)
            ((count,),) = _count_up_to_few(led.form).execute(readable, project=project_id, **_values([led]))
            if count < FEW:
                return attribute.level
    return None


def _is_led_by_index(attribute: Attribute, value: str) -> bool:
    """Whether an index finds the value: it is known, or the beginning of a name is."""
    if attribute.matching is Matching.PERSON:
        return value[:1] not in {"", *WILDCARDS}
    return not is_universal(value) and not any(wildcard in value for wildcard in WILDCARDS)


def _values(conditions: Sequence[Condition]) -> dict[str, Any]:
    """Give the parameters of a statement of these conditions' forms."""
    values = (value for each in conditions for value in each.values)
    return {parameter_name(number): value for number, value in enumerate(values)}


@lru_cache(MAX_STATEMENTS)
def _count_up_to_few(form: Form) -> Prepared:
    """Make the statement that counts what one condition matches, no further than is few."""
    table = _TABLES[form.attribute.level]
    found: Any = select(literal_column("1")).where(table.project_id == bindparam("project"), form.clause(0)).limit(FEW)
    return Prepared(select(func.count()).select_from(found.subquery()))


@lru_cache(MAX_STATEMENTS)
def _statement(level: Level, few: Level | None, forms: tuple[Form, ...]) -> Prepared:
    """Make the statement of a level: along the order, or by way of the level of which few rows match."""
    statement: Select[Any] = select(*_COLUMNS[level]).select_from(StudyRow)
    if level is not Level.STUDY:
        statement = statement.join(SeriesRow, SeriesRow.study_id == StudyRow.id)
    if level is Level.INSTANCE:
        statement = statement.join(InstanceRow, InstanceRow.series_id == SeriesRow.id)
    firsts = accumulate((form.count for form in forms), initial=0)
    statement = statement.where(
        _TABLES[few or Level.STUDY].project_id == bindparam("project"),
        *(form.clause(first) for form, first in zip(forms, firsts, strict=False)),
    )
    order = list(_ORDER[: _ORDER_LENGTH[level]])
    if few is not None:
        order[0] = StudyRow.study_date.concat("").desc()  # the same order, but no index has it
    return Prepared(statement.order_by(*order).limit(bindparam("limit")).offset(bindparam("offset")))
