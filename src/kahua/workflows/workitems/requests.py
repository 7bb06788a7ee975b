"""Workitems that ask this site for a run of a workflow: as people order them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from kahua.database import now
from kahua.store import SeriesRow, StudyRow
from kahua.store.workitems.attributes import INPUT, LABEL, PARAMETERS, PRIORITY, READINESS, START, STATE, WORKITEM_CODE
from kahua.store.workitems.documents import Json, code_item, date_time, sequence, words
from kahua.store.workitems.states import State
from kahua.workflows.workitems.codes import SCHEME
from kahua.workflows.workitems.outcomes import parameter_item

Priority = Literal["HIGH", "MEDIUM", "LOW"]

#: Series that are looked up at once.
BATCH: Final = 500


@dataclass(frozen=True, kw_only=True)
class Order:
    """What every workitem of an order says."""

    #: ``EXTENSION/WORKFLOW``.
    workflow: str
    #: What people read.
    label: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    priority: Priority = "MEDIUM"
    #: Not before this; at once, if it is none.
    starts_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class OrderedSeries:
    """A series that is to be worked on, or a whole study, whose series UID is empty."""

    study_uid: str
    series_uid: str = ""


@dataclass(frozen=True, kw_only=True)
class Patient:
    """Of whom the images are; a workitem about many patients names none."""

    id: str = ""
    name: str = ""


def workitem(order: Order, inputs: Sequence[OrderedSeries], patient: Patient | None = None) -> Json:
    """Write the workitem of an order."""
    person = patient or Patient()
    return {
        STATE: words("CS", State.SCHEDULED.value),
        PRIORITY: words("CS", order.priority),
        LABEL: words("LO", order.label[:64]),
        START: words("DT", date_time(order.starts_at or now())),
        READINESS: words("CS", "READY"),
        WORKITEM_CODE: sequence(code_item(order.workflow, SCHEME, order.label)),
        PARAMETERS: sequence(*(parameter_item(name, value) for name, value in order.parameters.items())),
        INPUT: sequence(*map(_input, inputs)),
        **({"00100020": words("LO", person.id)} if person.id else {}),
        **({"00100010": {"vr": "PN", "Value": [{"Alphabetic": person.name}]}} if person.name else {}),
    }


def workitems_of(
    session: Session, project_id: str, order: Order, series_ids: Sequence[str], *, unit: str
) -> list[Json]:
    """Write the workitems of an order on series that are here: one a patient (PS3.3 C.30.4), or one for all of them.

    A workflow whose `unit` is the dataset works on all series together, whoever they are of.
    """
    groups: dict[Patient, list[OrderedSeries]] = defaultdict(list)
    for study_uid, series_uid, patient in _chosen(session, project_id, series_ids):
        groups[patient if unit == "series" else Patient()].append(
            OrderedSeries(study_uid=study_uid, series_uid=series_uid)
        )
    return [workitem(order, inputs, patient) for patient, inputs in groups.items()]


def _chosen(session: Session, project_id: str, series_ids: Sequence[str]) -> list[tuple[str, str, Patient]]:
    columns = (StudyRow.study_uid, SeriesRow.series_uid, StudyRow.patient_id, StudyRow.patient_name)
    query = select(*columns).join(StudyRow, StudyRow.id == SeriesRow.study_id)
    query = query.where(SeriesRow.project_id == project_id).order_by(StudyRow.patient_id, SeriesRow.id)
    found: list[tuple[str, str, Patient]] = []
    for start in range(0, len(series_ids), BATCH):
        rows = session.execute(query.where(SeriesRow.id.in_(series_ids[start : start + BATCH])))
        found += [(study, series, Patient(id=patient, name=name)) for study, series, patient, name in rows]
    return found


def _input(one: OrderedSeries) -> Json:
    item = {"0040E020": words("CS", "DICOM"), "0020000D": words("UI", one.study_uid)}
    return item | {"0020000E": words("UI", one.series_uid)} if one.series_uid else item
