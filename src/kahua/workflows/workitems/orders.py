"""A workitem as an order: which workflow is to run with which parameters on which series, and what it waits for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kahua.database import now
from kahua.errors import InvalidInput
from kahua.store import InstanceRow, SeriesRow, StudyRow
from kahua.store.workitems.attributes import INPUT, OUTPUT, PARAMETERS, PERFORMED, READINESS
from kahua.store.workitems.documents import Json, code_value, items_of, text_of
from kahua.workflows.specification import Parameter, Workflow

#: A series of which nobody said how many instances it has is complete when nothing came for so long.
QUIET: Final = timedelta(seconds=5)

#: UIDs that are looked up at once.
BATCH: Final = 500

#: Attributes of an item of the Input Information Sequence (PS3.3 table 10-3b), and of a parameter (table 10-2).
_TYPE, _STUDY, _SERIES, _INSTANCES, _INSTANCE = "0040E020", "0020000D", "0020000E", "00081199", "00081155"
_VALUE_TYPE, _NAME, _TEXT, _NUMBER, _CODE = "0040A040", "0040A043", "0040A160", "0040A30A", "0040A168"


@dataclass(frozen=True, kw_only=True)
class OrderedInput:
    """What is to be worked on: a study, a series, or instances of one."""

    study_uid: str
    series_uid: str = ""
    instance_uids: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The series of an order that are here, and what it waits for."""

    series_ids: tuple[str, ...] = ()
    #: A sentence; empty if everything is here.
    missing: str = ""


def read_inputs(document: Json) -> list[OrderedInput]:
    """Read what is to be worked on.

    Raises
    ------
    InvalidInput
        The workitem names nothing, or something that is no DICOM.
    """
    inputs = [_input(item) for item in items_of(document, INPUT)]
    if not inputs:
        raise InvalidInput("The Input Information Sequence (0040,4021) names nothing to work on.", field=INPUT)
    return inputs


def named_inputs(document: Json) -> list[OrderedInput]:
    """Give what a workitem names to be worked on, as far as it is DICOM."""
    return _named(items_of(document, INPUT))


def named_outputs(document: Json) -> list[OrderedInput]:
    """Give what a workitem says to have come of it, as far as it is DICOM."""
    return _named([item for performed in items_of(document, PERFORMED) for item in items_of(performed, OUTPUT)])


def is_partial(inputs: Sequence[OrderedInput]) -> bool:
    """Whether a whole study is named: of that, what does not fit the workflow is left out."""
    return any(not each.series_uid for each in inputs)


def find_inputs(session: Session, project_id: str, inputs: Sequence[OrderedInput]) -> Inputs:
    """Find the series of an order, if all of them have come."""
    found: dict[str, None] = {}
    for each in inputs:
        rows = _series(session, project_id, each)
        if missing := _missing(session, each, rows):
            return Inputs(missing=missing)
        found.update(dict.fromkeys(row.id for row in rows))
    return Inputs(series_ids=tuple(found))


def series_here(session: Session, project_id: str, inputs: Sequence[OrderedInput]) -> list[list[str]]:
    """Give the ids of the series of each input that are here, complete or not."""
    return [[row.id for row in _series(session, project_id, each)] for each in inputs]


def reason_to_wait(document: Json) -> str:
    """Say what a workitem itself waits for; empty if for nothing."""
    readiness = text_of(document, READINESS)
    return "" if readiness == "READY" else f"Its Input Readiness State (0040,4041) is {readiness}."


def read_parameters(document: Json, workflow: Workflow) -> dict[str, Any]:
    """Read the parameters of an order, in the types that the workflow has for them.

    Raises
    ------
    InvalidInput
        One is unknown, or of another type.
    """
    given: dict[str, Any] = {}
    for item in items_of(document, PARAMETERS):
        name, text = parameter_of(item)
        parameter = workflow.parameters.get(name)
        if parameter is None:
            raise InvalidInput(f"There is no parameter '{name[:64]}'.", field=PARAMETERS)
        given[name] = _typed(name, parameter, text)
    return given


def parameter_of(item: Json) -> tuple[str, str]:
    """Give name and value of a parameter, both as text."""
    return code_value(next(iter(items_of(item, _NAME)), {}))[1], _text(item)


def _named(items: Sequence[Json]) -> list[OrderedInput]:
    return [_input(item) for item in items if _is_dicom(item)]


def _is_dicom(item: Mapping[str, Any]) -> bool:
    return text_of(item, _TYPE) in ("", "DICOM") and bool(text_of(item, _STUDY))


def _input(item: Mapping[str, Any]) -> OrderedInput:
    if not _is_dicom(item):
        raise InvalidInput("The Input Information Sequence (0040,4021) names something that is no DICOM.", field=INPUT)
    return OrderedInput(
        study_uid=text_of(item, _STUDY),
        series_uid=text_of(item, _SERIES),
        instance_uids=frozenset(text_of(each, _INSTANCE) for each in items_of(item, _INSTANCES)),
    )


def _series(session: Session, project_id: str, wanted: OrderedInput) -> Sequence[SeriesRow]:
    query = select(SeriesRow).join(StudyRow, StudyRow.id == SeriesRow.study_id)
    query = query.where(SeriesRow.project_id == project_id, StudyRow.study_uid == wanted.study_uid)
    if wanted.series_uid:
        query = query.where(SeriesRow.series_uid == wanted.series_uid)
    return session.scalars(query.order_by(SeriesRow.id)).all()


def _missing(session: Session, wanted: OrderedInput, rows: Sequence[SeriesRow]) -> str:
    what = f"series {wanted.series_uid}" if wanted.series_uid else f"study {wanted.study_uid}"
    if not rows:
        return f"The {what} is not here yet."
    if wanted.instance_uids:
        missing = len(wanted.instance_uids) - _count(session, [row.id for row in rows], sorted(wanted.instance_uids))
        return f"{missing} instances of the {what} are not here yet." if missing > 0 else ""
    arriving = any(row.changed_at > now() - QUIET for row in rows)
    return f"Instances of the {what} are still coming in." if arriving else ""


def _count(session: Session, series_ids: Sequence[str], uids: Sequence[str]) -> int:
    total = 0
    for start in range(0, len(uids), BATCH):
        some = InstanceRow.sop_instance_uid.in_(uids[start : start + BATCH])
        query = select(func.count(func.distinct(InstanceRow.sop_instance_uid)))
        total += session.scalar(query.where(InstanceRow.series_id.in_(series_ids), some)) or 0
    return total


def _text(item: Mapping[str, Any]) -> str:
    """Give the value of a content item: of a number, a text or a code (PS3.3 table 10-2)."""
    match text_of(item, _VALUE_TYPE):
        case "NUMERIC":
            return text_of(item, _NUMBER)
        case "CODE":
            return code_value(next(iter(items_of(item, _CODE)), {}))[1]
        case _:
            return text_of(item, _TEXT)


def _typed(name: str, parameter: Parameter, text: str) -> bool | int | float | str:
    try:
        match parameter.type:
            case "boolean":
                return {"true": True, "false": False}[text.strip().lower()]
            case "integer":
                return int(float(text)) if float(text).is_integer() else float(text)
            case "number":
                return float(text)
            case _:
                return text
    except (ValueError, KeyError, OverflowError):
        raise InvalidInput(f"The parameter '{name}' is no {parameter.type}.", field=PARAMETERS) from None
