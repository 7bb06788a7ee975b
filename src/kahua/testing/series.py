"""Rows of series, for tests of what lies above the archive: no objects, no pixels."""

from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from kahua.database import new_id, now
from kahua.dicom import fold, uid_from
from kahua.store import SeriesReferenceRow, SeriesRow, StudyRow


def add_series(
    session: Session,
    project_id: str,
    *,
    modality: str = "MR",
    description: str = "T1 sagittal",
    patient_id: str = "P-1",
    patient_name: str = "Doe^Jane",
    study_date: str = "20240131",
    study: str = "study",
    body_part: str = "HEAD",
    received_at: datetime | None = None,
    refers_to: SeriesRow | None = None,
    **attributes: Any,
) -> SeriesRow:
    """Add a series to a study, which is made when its first series comes."""
    moment = received_at or now()
    study_row = _study(session, project_id, study, patient_id, patient_name, study_date)
    words = f"{patient_name} {patient_id} {study_row.description} {description} {modality} {body_part}"
    values: dict[str, Any] = {
        "id": new_id(),
        "project_id": project_id,
        "study_id": study_row.id,
        "series_uid": uid_from("series", new_id()),
        "modality": modality,
        "series_number": 1,
        "description": description,
        "body_part": body_part,
        "manufacturer": "Phantom Works",
        "frame_of_reference_uid": "",
        "search_text": fold(words.replace("^", " ")),
        "dicom_json": orjson.dumps({"00080060": {"vr": "CS", "Value": [modality]}}),
        "instance_count": 4,
        "size": 1000,
        "revision": 1,
        "received_at": moment,
        "changed_at": moment,
    }
    series = SeriesRow(**(values | attributes))
    session.add(series)
    session.flush()
    if refers_to is not None:
        session.add(
            SeriesReferenceRow(series_id=series.id, target_series_uid=refers_to.series_uid, project_id=project_id)
        )
        session.flush()
    return series


def add_many_series(session: Session, project_id: str, count: int, **attributes: Any) -> list[SeriesRow]:
    """Add series that arrived a second apart, the oldest first."""
    start = now() - timedelta(days=1)
    return [
        add_series(
            session,
            project_id,
            description=f"Series {number}",
            received_at=start + timedelta(seconds=number),
            **attributes,
        )
        for number in range(count)
    ]


def _study(session: Session, project_id: str, name: str, patient_id: str, patient_name: str, date: str) -> StudyRow:
    uid = uid_from("study", name)
    query = select(StudyRow).where(
        StudyRow.project_id == project_id, StudyRow.study_uid == uid, StudyRow.patient_id == patient_id
    )
    known = session.scalar(query)
    if known is not None:
        return known
    study = StudyRow(
        id=new_id(),
        project_id=project_id,
        study_uid=uid,
        patient_id=patient_id,
        patient_name=patient_name,
        patient_name_folded=fold(patient_name),
        patient_birth_date="19700101",
        patient_sex="F",
        study_date=date,
        study_time="",
        accession_number="A-1",
        description="Routine check",
        study_id="",
        referring_physician="",
        dicom_json=b"{}",
        received_at=now(),
    )
    session.add(study)
    session.flush()
    return study
