"""C-FIND as service class provider: Patient Root and Study Root (PS3.4 C.4.1, C.6)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import orjson
from sqlalchemy import Integer, bindparam, cast, func, select

from kahua.database import Database, Look, Prepared
from kahua.dicom.rules import Rules
from kahua.store.dicomweb.attributes import BY_NAME, Attribute, Level
from kahua.store.dicomweb.conditions import Form
from kahua.store.dicomweb.query import Query, find
from kahua.store.dicomweb.selection import MAX_STATEMENTS, Matches, clauses_of, conditions_of, parameters_of
from kahua.store.dimse.association import Association
from kahua.store.dimse.commands import Command, Status, encode_response
from kahua.store.dimse.identifier import (
    AVAILABILITY,
    CHARACTER_SET,
    LEVEL,
    RETRIEVE_AE_TITLE,
    Identifier,
    read_identifier,
    write_identifier,
)
from kahua.store.dimse.message import Context
from kahua.store.dimse.models import PATIENT_ROOT, check_level
from kahua.store.tables import SeriesRow, StudyRow

#: Most answers to one query; who wants more asks a narrower question.
MAX_ANSWERS = 10_000

#: Rows that are in memory at once.
PAGE = 200

_LEVELS: Final = {"STUDY": Level.STUDY, "SERIES": Level.SERIES, "IMAGE": Level.INSTANCE}
#: Keys that are answered, but match nothing.
_UNMATCHED: Final = frozenset({CHARACTER_SET, LEVEL, RETRIEVE_AE_TITLE, AVAILABILITY})
_ORDER: Final = tuple(Level)
#: Columns of a patient.
_PATIENT: Final = frozenset({"00100010", "00100020", "00100030", "00100040"})

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a C-FIND asks for."""

    asked: Identifier
    matches: Matches
    rules: Rules
    #: Some key has a value and cannot be matched: it is ignored, and the answers say so (PS3.4 C.4.1.1.4).
    is_partial: bool


def answer_find(
    database: Database,
    project_id: str,
    association: Association,
    context: Context,
    command: Command,
    data: bytes,
    *,
    ae_title: str,
    rules: Rules,
) -> None:
    """Answer a C-FIND with one response for each match, of this project only, and a final one.

    Parameters
    ----------
    data
        The identifier.
    ae_title
        Of this site, from which the matches can be retrieved.
    rules
        Agreed on by extended negotiation.

    Raises
    ------
    InvalidInput
        The identifier cannot be read, or a value cannot be one of its attribute.
    Ended
        The association ended before all was answered.
    """
    question = read_question(command.sop_class_uid, data, context.transfer_syntax, rules)
    fixed = {LEVEL: question.asked.level, RETRIEVE_AE_TITLE: ae_title, AVAILABILITY: "ONLINE"}
    status = Status.PENDING_WITH_UNSUPPORTED_KEYS if question.is_partial else Status.PENDING
    pending = encode_response(command, status, has_data_set=True)
    for number, row in enumerate(_rows(database, project_id, question)):
        if association.is_cancelled(command.message_id):
            return association.send(context, encode_response(command, Status.CANCELLED))
        if number == MAX_ANSWERS:
            comment = f"Over {MAX_ANSWERS} matches: ask a narrower question."
            return association.send(context, encode_response(command, Status.OUT_OF_RESOURCES, comment))
        association.send(context, pending, [write_identifier(question.asked, row, fixed, context.transfer_syntax)])
    return association.send(context, encode_response(command, Status.SUCCESS))


def read_question(sop_class_uid: str, data: bytes, transfer_syntax: str, rules: Rules) -> Question:
    """Read the identifier of a C-FIND.

    Raises
    ------
    InvalidInput
        It cannot be read, or its level is not one of the information model.
    """
    asked = read_identifier(data, transfer_syntax)
    check_level(asked.level, patient_root=sop_class_uid in PATIENT_ROOT)
    matches, partial = [], False
    for tag, value in asked.keys.items():
        if not value or tag in _UNMATCHED:
            continue
        attribute = BY_NAME.get(f"{tag:08X}")
        if attribute is not None and _is_matched(attribute, asked.level):
            matches.append((attribute, value))
        else:
            partial = True
    return Question(asked=asked, matches=tuple(matches), rules=rules, is_partial=partial)


def _is_matched(attribute: Attribute, level: str) -> bool:
    if level == "PATIENT":
        return attribute.tag in _PATIENT
    return _ORDER.index(attribute.level) <= _ORDER.index(_LEVELS[level])


def _rows(database: Database, project_id: str, question: Question) -> Iterator[Row]:
    """Give the matches, page by page: the database is not read while the peer is written to."""
    offset = 0
    while True:
        page = _page(database, project_id, question, offset)
        yield from page
        offset += PAGE
        if len(page) < PAGE:
            return


def _page(database: Database, project_id: str, question: Question, offset: int) -> list[Row]:
    with database.look() as look:
        if question.asked.level == "PATIENT":
            return _patients(look, project_id, question, offset)
        query = Query(
            level=_LEVELS[question.asked.level],
            matches=question.matches,
            rules=question.rules,
            limit=PAGE,
            offset=offset,
        )
        rows: list[Row] = orjson.loads(find(look, project_id, query, base_url="").body)
        return rows


def _patients(look: Look, project_id: str, question: Question, offset: int) -> list[Row]:
    """Give the patients of a page, with the numbers of what is there of each."""
    conditions = conditions_of(question.matches, question.rules)
    statement = _patients_statement(tuple(each.form for each in conditions))
    rows = statement.execute(look, project=project_id, limit=PAGE, offset=offset, **parameters_of(conditions))
    return [_patient(*row) for row in rows]


@lru_cache(MAX_STATEMENTS)
def _patients_statement(forms: tuple[Form, ...]) -> Prepared:
    """Make the statement that gives, of each patient, the attributes in one study, and the numbers."""
    found = (
        select(StudyRow.patient_id, func.count().label("studies"), func.min(StudyRow.id).label("first"))
        .where(StudyRow.project_id == bindparam("project"), *clauses_of(forms))
        .group_by(StudyRow.patient_id)
        .order_by(StudyRow.patient_id)
        .limit(bindparam("limit"))
        .offset(bindparam("offset"))
    ).subquery()
    numbers = (
        select(
            StudyRow.patient_id,
            func.count().label("series"),
            cast(func.sum(SeriesRow.instance_count), Integer).label("instances"),
        )
        .join(SeriesRow, SeriesRow.study_id == StudyRow.id)
        .where(StudyRow.project_id == bindparam("project"), StudyRow.patient_id.in_(select(found.c.patient_id)))
        .group_by(StudyRow.patient_id)
    ).subquery()
    return Prepared(
        select(StudyRow.dicom_json, found.c.studies, numbers.c.series, numbers.c.instances)
        .join(found, found.c.first == StudyRow.id)
        .outerjoin(numbers, numbers.c.patient_id == StudyRow.patient_id)
        .order_by(StudyRow.patient_id)
    )


def _patient(dicom_json: bytes, studies: int, series: int | None, instances: int | None) -> Row:
    known = {tag: element for tag, element in orjson.loads(dicom_json).items() if tag.startswith("0010")}
    numbers = {"00201200": studies, "00201202": series or 0, "00201204": instances or 0}
    return known | {tag: {"vr": "IS", "Value": [number]} for tag, number in numbers.items()}
