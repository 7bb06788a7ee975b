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

from sqlalchemy import ColumnElement, Select, bindparam, func, literal_column, select

from kahua.database import Prepared, Readable
from kahua.dicom.rules import Rules
from kahua.store.dicomweb.attributes import BY_NAME, Attribute, Level
from kahua.store.dicomweb.conditions import (
    PROJECT,
    Condition,
    Form,
    condition,
    exactly,
    is_universal,
    moment,
    parameter_name,
)
from kahua.store.tables import InstanceRow, SeriesRow, StudyRow

#: So many rows are sorted rather than looked for along the order.
FEW: Final = 1000

#: So many rows are read without telling a thread of it.
BRIEF: Final = 20

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

#: Attributes, and the values that are asked for.
Matches = tuple[tuple[Attribute, str], ...]

#: Date and time that are one moment, where that is agreed.
_MOMENT: Final = (BY_NAME["StudyDate"], BY_NAME["StudyTime"])

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
    matches: Matches,
    *,
    rules: Rules,
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
    conditions = conditions_of(matches, rules)
    if series_uid is not None:
        conditions.append(exactly(BY_NAME["SeriesInstanceUID"], series_uid))
    if study_uid is not None:
        conditions.append(exactly(BY_NAME["StudyInstanceUID"], study_uid))
    few, count = _leading(readable, project_id, conditions) if study_uid is None else (conditions[-1], FEW)
    forms = tuple(each.form for each in conditions)
    statement = _statement(level, few and few.form, forms, is_brief=_is_brief(level, few, count))
    rows = statement.execute(readable, project=project_id, limit=limit, offset=offset, **parameters_of(conditions))
    return [_FOUND[level](*row) for row in rows]


def conditions_of(matches: Matches, rules: Rules) -> list[Condition]:
    """Give the conditions of values, but of those that everything has.

    Raises
    ------
    InvalidInput
        A value cannot be one of its attribute.
    """
    asked = [(attribute, value) for attribute, value in matches if not is_universal(value)]
    whole = _moment(asked) if rules.combined else None
    if whole is None:
        return [condition(attribute, value, rules) for attribute, value in asked]
    return [whole, *(condition(attribute, value, rules) for attribute, value in asked if attribute not in _MOMENT)]


def _moment(asked: Sequence[tuple[Attribute, str]]) -> Condition | None:
    """Give the condition on date and time together, if ranges of both are asked for, once each."""
    dates, times = ([value for attribute, value in asked if attribute is each] for each in _MOMENT)
    return moment(_MOMENT[0], dates[0], times[0]) if len(dates) == len(times) == 1 else None


def parameters_of(conditions: Sequence[Condition]) -> dict[str, Any]:
    """Give the parameters of a statement of these conditions' forms."""
    values = (value for each in conditions for value in each.values)
    return {parameter_name(number): value for number, value in enumerate(values)}


def clauses_of(forms: Sequence[Form]) -> list[ColumnElement[bool]]:
    """Give the clauses of a statement, whose parameters are those of `parameters_of`."""
    firsts = accumulate((form.count for form in forms), initial=0)
    return [form.clause(first) for form, first in zip(forms, firsts, strict=False)]


def _leading(readable: Readable, project_id: str, conditions: Sequence[Condition]) -> tuple[Condition | None, int]:
    """Give a condition whose index leads to few rows, and to how many; None if there is no such one."""
    for led in conditions:
        if led.is_led:
            ((count,),) = _count_up_to_few(led.form).execute(readable, project=project_id, **parameters_of([led]))
            if count < FEW:
                return led, count
    return None, FEW


def _is_brief(level: Level, led: Condition | None, count: int) -> bool:
    """Whether a key leads to the few rows that are judged: to themselves, not to all that is below them."""
    return led is not None and led.form.is_exact and count <= BRIEF and level is led.attribute.level


def _is_of_project(table: Any, led: Form | None) -> ColumnElement[bool]:
    """Give the clause that rows are the project's: one that no index has, if another clause leads to them."""
    column = table.project_id.concat("") if led is not None and led.has_project else table.project_id
    return column == bindparam(PROJECT)  # type: ignore[no-any-return]


@lru_cache(MAX_STATEMENTS)
def _count_up_to_few(form: Form) -> Prepared:
    """Make the statement that counts what one condition matches, no further than is few."""
    table = _TABLES[form.attribute.level]
    found: Any = select(literal_column("1")).where(_is_of_project(table, form), form.clause(0)).limit(FEW)
    return Prepared(select(func.count()).select_from(found.subquery()), brief=form.is_exact)


@lru_cache(MAX_STATEMENTS)
def _statement(level: Level, led: Form | None, forms: tuple[Form, ...], *, is_brief: bool) -> Prepared:
    """Make the statement of a level: along the order, or by way of the condition that few rows match."""
    few = led.attribute.level if led is not None else None
    statement: Select[Any] = select(*_COLUMNS[level]).select_from(StudyRow)
    if level is not Level.STUDY:
        statement = statement.join(SeriesRow, SeriesRow.study_id == StudyRow.id)
    if level is Level.INSTANCE:
        statement = statement.join(InstanceRow, InstanceRow.series_id == SeriesRow.id)
    statement = statement.where(_is_of_project(_TABLES[few or Level.STUDY], led), *clauses_of(forms))
    order = list(_ORDER[: _ORDER_LENGTH[level]])
    if few is not None:
        order[0] = StudyRow.study_date.concat("").desc()  # the same order, but no index has it
    statement = statement.order_by(*order).limit(bindparam("limit")).offset(bindparam("offset"))
    return Prepared(statement, brief=is_brief)
