"""Queries for studies, series and instances: read, carried out, answered (QIDO-RS, PS3.18 section 10.6)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Integer, cast, func, select
from sqlalchemy.orm import Session

from kahua.errors import InvalidInput
from kahua.store.dicomweb.attributes import BY_NAME, Attribute, Level
from kahua.store.dicomweb.conditions import condition
from kahua.store.tables import InstanceRow, SeriesRow, StudyRow

#: Most rows of one answer; who wants more asks for the next page.
MAX_LIMIT = 1000

#: Largest offset: paging this far costs more than asking again with a narrower question.
MAX_OFFSET = 1_000_000

#: Tag or keyword, or several, nested in sequences: what ``includefield`` may name.
_FIELD = re.compile(r"[0-9A-Za-z.,]{1,2000}")


@dataclass(frozen=True, kw_only=True)
class Query:
    """A question for studies, series or instances."""

    level: Level
    matches: tuple[tuple[Attribute, str], ...] = ()
    limit: int = MAX_LIMIT
    offset: int = 0
    #: Names are matched by the beginnings of their words.
    fuzzy: bool = False


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Rows as DICOM JSON."""

    body: bytes
    count: int
    #: There would be more.
    truncated: bool


def parse_query(level: Level, parameters: Iterable[tuple[str, str]]) -> Query:
    """Read the query parameters of a request.

    Every attribute of an answer is returned in any case, so that ``includefield`` adds nothing.

    Raises
    ------
    InvalidInput
        A parameter is unknown, not supported for matching on this level, or has an impossible value.
    """
    matches: list[tuple[Attribute, str]] = []
    numbers = {"limit": MAX_LIMIT, "offset": 0}
    fuzzy = False
    for name, value in parameters:
        if name in numbers:
            numbers[name] = _natural(name, value)
        elif name == "fuzzymatching":
            fuzzy = value.lower() == "true"
        elif name == "includefield":
            _check_field(value)
        else:
            matches.append((_attribute(level, name), value))
    if numbers["offset"] > MAX_OFFSET:
        raise InvalidInput(f"The offset is above {MAX_OFFSET}.", field="offset", remedy="Ask a narrower question.")
    return Query(
        level=level,
        matches=tuple(matches),
        limit=min(numbers["limit"], MAX_LIMIT),
        offset=numbers["offset"],
        fuzzy=fuzzy,
    )


def find(
    session: Session,
    project_id: str,
    query: Query,
    *,
    base_url: str,
    study_uid: str | None = None,
    series_uid: str | None = None,
) -> Answer:
    """Carry out a query within a project.

    Parameters
    ----------
    base_url
        Address of the project's DICOMweb service, for the Retrieve URL of each row.
    study_uid, series_uid
        Only what lies in this study, and in this series.
    """
    rows = session.execute(_select(project_id, query, study_uid, series_uid).limit(query.limit + 1)).all()
    page = rows[: query.limit]
    match query.level:
        case Level.STUDY:
            bodies = _studies(session, page, base_url)
        case Level.SERIES:
            bodies = [_series(row, base_url) for row in page]
        case Level.INSTANCE:
            bodies = [_instance(row, base_url) for row in page]
    return Answer(body=b"[" + b",".join(bodies) + b"]", count=len(page), truncated=len(rows) > query.limit)


def _select(project_id: str, query: Query, study_uid: str | None, series_uid: str | None) -> Any:
    statement = _columns(query.level).where(StudyRow.project_id == project_id, *_conditions(query))
    if study_uid is not None:
        statement = statement.where(StudyRow.study_uid == study_uid)
    if series_uid is not None:
        statement = statement.where(SeriesRow.series_uid == series_uid)
    return statement.offset(query.offset)


def _columns(level: Level) -> Any:
    match level:
        case Level.STUDY:
            newest_first = (StudyRow.study_date.desc(), StudyRow.id)
            return select(StudyRow.id, StudyRow.study_uid, StudyRow.dicom_json).order_by(*newest_first)
        case Level.SERIES:
            return (
                select(StudyRow.study_uid, SeriesRow.series_uid, SeriesRow.dicom_json, SeriesRow.instance_count)
                .join(SeriesRow, SeriesRow.study_id == StudyRow.id)
                .order_by(SeriesRow.received_at.desc(), SeriesRow.id)
            )
        case Level.INSTANCE:
            return (
                select(
                    StudyRow.study_uid,
                    SeriesRow.series_uid,
                    SeriesRow.modality,
                    InstanceRow.sop_instance_uid,
                    InstanceRow.transfer_syntax_uid,
                    InstanceRow.dicom_json,
                )
                .join(SeriesRow, SeriesRow.study_id == StudyRow.id)
                .join(InstanceRow, InstanceRow.series_id == SeriesRow.id)
                .order_by(SeriesRow.id, InstanceRow.instance_number, InstanceRow.id)
            )


def _conditions(query: Query) -> list[ColumnElement[bool]]:
    return [condition(attribute, value, fuzzy=query.fuzzy) for attribute, value in query.matches]


def _studies(session: Session, page: Sequence[Any], base_url: str) -> list[bytes]:
    counts: dict[str, tuple[int, int, list[str]]] = {}
    totals = (
        select(SeriesRow.study_id, SeriesRow.modality, func.count(), cast(func.sum(SeriesRow.instance_count), Integer))
        .where(SeriesRow.study_id.in_([row.id for row in page]))
        .group_by(SeriesRow.study_id, SeriesRow.modality)
        .order_by(SeriesRow.modality)
    )
    for study_id, modality, series, instances in session.execute(totals):
        before = counts.get(study_id, (0, 0, []))
        counts[study_id] = (before[0] + series, before[1] + instances, [*before[2], modality])
    bodies = []
    for row in page:
        series, instances, modalities = counts.get(row.id, (0, 0, []))
        computed = {
            "00080061": {"vr": "CS", "Value": [modality for modality in modalities if modality]},
            "00081190": _url(base_url, row.study_uid),
            "00201206": {"vr": "IS", "Value": [series]},
            "00201208": {"vr": "IS", "Value": [instances]},
        }
        bodies.append(_joined(row.dicom_json, computed))
    return bodies


def _series(row: Any, base_url: str) -> bytes:
    computed = {
        "00081190": _url(base_url, row.study_uid, row.series_uid),
        "00201209": {"vr": "IS", "Value": [row.instance_count]},
    }
    return _joined(row.dicom_json, computed)


def _instance(row: Any, base_url: str) -> bytes:
    computed = {
        "00080060": {"vr": "CS", "Value": [row.modality]},
        "00081190": _url(base_url, row.study_uid, row.series_uid, row.sop_instance_uid),
        "00083002": {"vr": "UI", "Value": [row.transfer_syntax_uid]},
        "0020000D": {"vr": "UI", "Value": [row.study_uid]},
        "0020000E": {"vr": "UI", "Value": [row.series_uid]},
    }
    return _joined(row.dicom_json, computed)


def _url(base_url: str, *uids: str) -> dict[str, Any]:
    """Give the element Retrieve URL (0008,1190)."""
    kinds = ("studies", "series", "instances")
    path = "/".join(f"{kind}/{uid}" for kind, uid in zip(kinds, uids, strict=False))
    return {"vr": "UR", "Value": [f"{base_url}/{path}"]}


def _joined(stored: bytes, computed: dict[str, Any]) -> bytes:
    """Add elements to a serialised object without reading it."""
    extra = orjson.dumps(computed)
    return stored[:-1] + b"," + extra[1:] if len(stored) > len(b"{}") else extra


def _attribute(level: Level, name: str) -> Attribute:
    levels = list(Level)
    attribute = BY_NAME.get(name) or BY_NAME.get(name.upper())
    if attribute is None or levels.index(attribute.level) > levels.index(level):
        known = ", ".join(found.keyword for found in _matchable(level))
        raise InvalidInput(
            f"{name[:64]} cannot be matched in a query for {level}.", field=name[:64], remedy=f"Use {known}."
        )
    return attribute


def _matchable(level: Level) -> list[Attribute]:
    levels = list(Level)
    upper = levels[: levels.index(level) + 1]
    return [attribute for name, attribute in BY_NAME.items() if name == attribute.tag and attribute.level in upper]


def _natural(name: str, value: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > len(str(MAX_OFFSET * 10)):
        raise InvalidInput(f"The value of {name} is no whole number from 0 on.", field=name)
    return int(value)


def _check_field(value: str) -> None:
    if value and not _FIELD.fullmatch(value):
        raise InvalidInput("The value of includefield is neither tags nor keywords, nor all.", field="includefield")
