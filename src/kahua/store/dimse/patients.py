"""Patients that match, for no table has a row of each: the studies of one Patient ID make one."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import orjson
from sqlalchemy import Integer, bindparam, cast, func, select

from kahua.database import Prepared, Readable
from kahua.dicom.rules import Rules
from kahua.store.dicomweb.conditions import Form
from kahua.store.dicomweb.rows import places, spread
from kahua.store.dicomweb.selection import MAX_STATEMENTS, Matches, clauses_of, conditions_of, parameters_of
from kahua.store.tables import SeriesRow, StudyRow

#: Group of the attributes of a patient.
PATIENT_GROUP: Final = 0x0010


class FoundPatient(NamedTuple):
    """What the answer for a patient is made of; `id` is that of one of its studies."""

    id: str
    dicom_json: bytes


def select_patients(
    readable: Readable,
    project_id: str,
    matches: Matches,
    *,
    rules: Rules,
    limit: int,
    offset: int,
    studies: Sequence[str] | None = None,
) -> list[FoundPatient]:
    """Give the patients of a project that match, a page of them, with the numbers of what is there of each.

    Parameters
    ----------
    studies
        Only those that have one of these studies, by their ids.

    Raises
    ------
    InvalidInput
        A value cannot be one of its attribute.
    """
    if studies is not None and not studies:
        return []
    conditions = conditions_of(matches, rules)
    ids = spread(studies or ())
    statement = _patients_statement(tuple(each.form for each in conditions), len(ids))
    values = {"project": project_id, "limit": limit, "offset": offset, **ids, **parameters_of(conditions)}
    return [_patient(*row) for row in statement.execute(readable, **values)]


@lru_cache(MAX_STATEMENTS)
def _patients_statement(forms: tuple[Form, ...], count: int) -> Prepared:
    """Make the statement that gives, of each patient, the attributes in one study, and the numbers."""
    found = (
        select(StudyRow.patient_id, func.count().label("studies"), func.min(StudyRow.id).label("first"))
        .where(StudyRow.project_id == bindparam("project"), *clauses_of(forms))
        .where(*([StudyRow.id.in_(places(count))] if count else []))
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
        select(StudyRow.id, StudyRow.dicom_json, found.c.studies, numbers.c.series, numbers.c.instances)
        .join(found, found.c.first == StudyRow.id)
        .outerjoin(numbers, numbers.c.patient_id == StudyRow.patient_id)
        .order_by(StudyRow.patient_id)
    )


def _patient(study: str, dicom_json: bytes, studies: int, series: int | None, instances: int | None) -> FoundPatient:
    group = f"{PATIENT_GROUP:04X}"
    known = {tag: element for tag, element in orjson.loads(dicom_json).items() if tag.startswith(group)}
    numbers = {"00201200": studies, "00201202": series or 0, "00201204": instances or 0}
    counts = {tag: {"vr": "IS", "Value": [number]} for tag, number in numbers.items()}
    return FoundPatient(id=study, dicom_json=orjson.dumps(known | counts))
