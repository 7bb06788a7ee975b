"""What the checks look at: a series, its instances as they were filed, and what else is in the project."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from kahua.store.catalogue import find_series_row, instances_of
from kahua.store.tables import InstanceRow, QuarantineRow, SeriesReferenceRow, SeriesRow, StudyRow

#: Most objects in quarantine that are looked at for one series.
MAX_CONFLICTS = 1000

#: Modalities of what is acquired.
IMAGES = ("CT", "MR", "PT", "NM", "US", "XA", "RF", "CR", "DX", "MG", "OPT", "OP", "IVUS", "IVOCT", "SM", "OT", "ECG")

Elements = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class InstanceFacts:
    """An instance by its row."""

    row: InstanceRow
    #: Attributes by which it was filed, DICOM JSON.
    elements: Elements

    def value(self, tag: str) -> Any:
        """Return the first value of an attribute, or None."""
        return first_value(self.elements, tag)

    def numbers(self, tag: str, count: int) -> tuple[float, ...] | None:
        """Return an attribute of that many numbers, or None if it is not."""
        values = self.elements.get(tag, {}).get("Value") or []
        if len(values) != count or not all(isinstance(value, int | float) for value in values):
            return None
        return tuple(float(value) for value in values)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A series, and what is known around it."""

    series: SeriesRow
    study: StudyRow
    instances: Sequence[InstanceFacts]
    #: SOP Instance UIDs of the series of which another object, with other content, waits in quarantine.
    conflicts: Sequence[str]
    #: Patient IDs of other studies of the project that have the same Study Instance UID.
    other_patients: Sequence[str]
    #: Other series of the project that have the same Series Instance UID.
    twins: int
    #: Series to which it refers: UIDs, and those of them that are here.
    targets: Sequence[str]
    sources: Sequence[SeriesRow]

    @property
    def is_image(self) -> bool:
        """Whether it was acquired, and not made of something else."""
        return self.series.modality in IMAGES


def gather(session: Session, project_id: str, series_id: str) -> Facts:
    """Read the facts about a series.

    Raises
    ------
    NotFound
        The project has no such series.
    """
    series = find_series_row(session, project_id, series_id)
    study = session.get_one(StudyRow, series.study_id)
    rows = instances_of(session, series)
    targets = session.scalars(
        select(SeriesReferenceRow.target_series_uid).where(SeriesReferenceRow.series_id == series_id)
    ).all()
    return Facts(
        series=series,
        study=study,
        instances=[InstanceFacts(row=row, elements=json.loads(row.dicom_json)) for row in rows],
        conflicts=conflicts(session, project_id, series_id),
        other_patients=session.scalars(
            select(StudyRow.patient_id).where(
                StudyRow.project_id == project_id,
                StudyRow.study_uid == study.study_uid,
                StudyRow.patient_id != study.patient_id,
            )
        ).all(),
        twins=len(
            session.scalars(
                select(SeriesRow.id).where(
                    SeriesRow.project_id == project_id,
                    SeriesRow.series_uid == series.series_uid,
                    SeriesRow.id != series_id,
                )
            ).all()
        ),
        targets=targets,
        sources=session.scalars(
            select(SeriesRow).where(SeriesRow.project_id == project_id, SeriesRow.series_uid.in_(targets))
        ).all(),
    )


def first_value(elements: Elements, tag: str) -> Any:
    """Return the first value of a DICOM JSON element, or None."""
    return (elements.get(tag, {}).get("Value") or [None])[0]


def conflicts(session: Session, project_id: str, series_id: str) -> Sequence[str]:
    """Give the SOP Instance UIDs of a series of which another object waits in quarantine."""
    statement = (
        select(QuarantineRow.sop_instance_uid)
        .join(
            InstanceRow,
            (InstanceRow.project_id == QuarantineRow.project_id)
            & (InstanceRow.sop_instance_uid == QuarantineRow.sop_instance_uid),
        )
        .where(
            QuarantineRow.project_id == project_id,
            QuarantineRow.reason_code == "sop-instance-conflict",
            InstanceRow.series_id == series_id,
        )
        .distinct()
        .limit(MAX_CONFLICTS)
    )
    return session.scalars(statement).all()
