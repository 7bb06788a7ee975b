"""Erasing: a patient, a study or a series, and all that the site keeps of it.

A plan is made first, and shown; then the rows of everything go in one transaction, with a note of what lies
outside the database. Other components keep `Traces` of series, too; each knows its own.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from sqlalchemy import ColumnElement, Select, delete, func, select
from sqlalchemy.orm import Session

from kahua.errors import InvalidInput, NotFound
from kahua.store.confidentiality.tables import SealedPatientRow
from kahua.store.deletion.removal import discard, remove_series
from kahua.store.deletion.snapshots import hanging_tables, unpack
from kahua.store.deletion.trash import empty_trashed
from kahua.store.objects import ObjectStore
from kahua.store.remote.tables import PullItemRow, PullRow
from kahua.store.tables import (
    CommitmentRow,
    InstanceRow,
    QuarantineRow,
    SeriesReferenceRow,
    SeriesRow,
    StudyRow,
    TrashedInstanceRow,
    TrashRow,
)
from kahua.store.workitems.removal import about, remove

#: Bytes of an object in quarantine in which its UIDs and its patient are looked for.
HEAD_BYTES = 1 << 16

#: Shorter identifiers are found in anything.
TELLING_LENGTH = 4

Kind = Literal["patient", "study", "series"]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is to be erased from a project, by DICOM's own identifiers."""

    kind: Kind
    #: Patient ID, Study Instance UID or Series Instance UID.
    identifier: str

    def __post_init__(self) -> None:
        """Refuse an empty identifier: it would mean all patients without an ID."""
        if not self.identifier.strip():
            raise InvalidInput(f"The identifier of the {self.kind} is empty.", field="identifier")


@dataclass(frozen=True, kw_only=True)
class PlannedSeries:
    """A series that is to go, and why."""

    id: str
    study_uid: str
    series_uid: str
    patient_id: str
    modality: str
    description: str
    instance_count: int
    #: `named`, or `derived`: it refers to one that goes, or was made from it.
    reason: Literal["named", "derived"]


@dataclass(frozen=True, kw_only=True)
class ErasurePlan:
    """Everything that is to go."""

    subject: Subject
    series: tuple[PlannedSeries, ...]
    #: Ids of things in the trash, and in quarantine.
    trash: tuple[str, ...]
    quarantine: tuple[str, ...]
    #: Ids of workitems that are about it.
    workitems: tuple[str, ...]
    #: How many of each kind go: instances, objects, and what components count by their own words.
    counts: Mapping[str, int]

    @property
    def series_ids(self) -> list[str]:
        """Ids of the series."""
        return [series.id for series in self.series]


class Traces(Protocol):
    """What a component keeps of series, besides rows that hang on them."""

    #: Name of the component.
    name: str

    def derived(self, session: Session, project_id: str, series_ids: Sequence[str]) -> Collection[str]:
        """Give the ids of series that were made from these."""

    def count(self, session: Session, project_id: str, series_ids: Sequence[str]) -> Mapping[str, int]:
        """Count what is kept, by kind."""

    def erase(self, session: Session, project_id: str, series_ids: Sequence[str]) -> Sequence[str]:
        """Delete the rows; return the names of what lies outside the database, for `sweep`.

        Raises
        ------
        StateConflict
            The series are in use at this moment.
        """

    def sweep(self, names: Sequence[str]) -> None:
        """Delete what lies outside the database; what is gone already is no error."""


@dataclass(frozen=True, kw_only=True)
class Erased:
    """What a transaction has erased, and what is left to be done outside the database."""

    #: Keys of the objects.
    object_keys: tuple[str, ...]
    #: Names for `Traces.sweep`, by component.
    leftovers: Mapping[str, Sequence[str]] = field(default_factory=dict)


def plan_erasure(
    session: Session, objects: ObjectStore, project_id: str, subject: Subject, traces: Sequence[Traces]
) -> ErasurePlan:
    """Find everything that belongs to a patient, a study or a series.

    Raises
    ------
    NotFound
        There is nothing of that in the project.
    """
    named = _named_series(session, project_id, subject)
    ids = _with_derived(session, project_id, named, traces)
    series = _planned(session, ids, named)
    trash = _trash(session, project_id, subject, series)
    instances = _instance_uids(session, ids, trash)
    quarantine = _quarantine(session, objects, project_id, instances.keys(), _marks(subject, series))
    workitems = about(session, project_id, *_named_in_workitems(subject, series))
    if not (series or trash or quarantine or workitems):
        raise NotFound(f"There is no such {subject.kind}.")
    counts = {"series": len(series), "instances": len(instances), "objects": len(set(instances.values()))}
    counts |= {"trash": len(trash), "quarantine": len(quarantine), "workitems": len(workitems)}
    counts |= _hanging(session, ids)
    counts["pull_items"] = len(session.scalars(_pull_items(project_id, subject, series)).all())
    for each in traces:
        counts |= each.count(session, project_id, ids)
    return ErasurePlan(
        subject=subject,
        series=tuple(series),
        trash=tuple(trash),
        quarantine=tuple(quarantine),
        workitems=tuple(workitems),
        counts=counts,
    )


def erase(session: Session, project_id: str, plan: ErasurePlan, traces: Sequence[Traces]) -> Erased:
    """Delete the rows of everything in a plan, which was made in the same transaction.

    Raises
    ------
    StateConflict
        Something of it is in use at this moment.
    """
    leftovers = {each.name: each.erase(session, project_id, plan.series_ids) for each in traces}
    keys = set(_object_keys(session, plan.series_ids))
    _erase_commitments(session, project_id, _instance_uids(session, plan.series_ids, plan.trash).keys())
    for series_id in sorted(plan.series_ids):
        remove_series(session, project_id, series_id)
    for trash_id in plan.trash:
        keys.update(empty_trashed(session, session.get_one(TrashRow, trash_id)))
    keys.update(_erase_quarantine(session, plan.quarantine))
    remove(session, plan.workitems)
    pulled = session.scalars(_pull_items(project_id, plan.subject, plan.series)).all()
    session.execute(delete(PullItemRow).where(PullItemRow.id.in_(pulled)))
    _erase_sealed(session, project_id, {series.patient_id for series in plan.series})
    return Erased(object_keys=tuple(sorted(keys)), leftovers=leftovers)


def _named_series(session: Session, project_id: str, subject: Subject) -> list[str]:
    column: dict[Kind, ColumnElement[str]] = {
        "patient": StudyRow.patient_id.expression,
        "study": StudyRow.study_uid.expression,
        "series": SeriesRow.series_uid.expression,
    }
    query = (
        select(SeriesRow.id)
        .join(StudyRow, SeriesRow.study_id == StudyRow.id)
        .where(SeriesRow.project_id == project_id, column[subject.kind] == subject.identifier)
    )
    return list(session.scalars(query))


def _with_derived(session: Session, project_id: str, named: Sequence[str], traces: Sequence[Traces]) -> list[str]:
    """Follow what refers to the series, and what was made from them, to the end."""
    found, new = set(named), set(named)
    while new:
        next_ones = set(_referring(session, project_id, sorted(new)))
        for each in traces:
            next_ones.update(each.derived(session, project_id, sorted(new)))
        new = next_ones - found
        found |= new
    return sorted(found)


def _referring(session: Session, project_id: str, ids: Sequence[str]) -> set[str]:
    uids = select(SeriesRow.series_uid).where(SeriesRow.project_id == project_id, SeriesRow.id.in_(ids))
    query = select(SeriesReferenceRow.series_id).where(
        SeriesReferenceRow.project_id == project_id, SeriesReferenceRow.target_series_uid.in_(uids)
    )
    return set(session.scalars(query))


def _planned(session: Session, ids: Sequence[str], named: Sequence[str]) -> list[PlannedSeries]:
    query = (
        select(SeriesRow, StudyRow.study_uid, StudyRow.patient_id)
        .join(StudyRow, SeriesRow.study_id == StudyRow.id)
        .where(SeriesRow.id.in_(ids))
        .order_by(SeriesRow.id)
    )
    return [
        PlannedSeries(
            id=row.id,
            study_uid=study_uid,
            series_uid=row.series_uid,
            patient_id=patient_id,
            modality=row.modality,
            description=row.description,
            instance_count=row.instance_count,
            reason="named" if row.id in named else "derived",
        )
        for row, study_uid, patient_id in session.execute(query)
    ]


def _trash(session: Session, project_id: str, subject: Subject, series: Sequence[PlannedSeries]) -> list[str]:
    """Find what is in the trash: of the subject itself, of a series that goes, or referring to one."""
    column = {"patient": TrashRow.patient_id, "study": TrashRow.study_uid, "series": TrashRow.series_uid}
    here = TrashRow.project_id == project_id
    named = set(session.scalars(select(TrashRow.id).where(here, column[subject.kind] == subject.identifier)))
    uids = {one.series_uid for one in series}
    uids.update(session.scalars(select(TrashRow.series_uid).where(TrashRow.id.in_(named))))
    for row in session.scalars(select(TrashRow).where(here, TrashRow.id.not_in(named))):
        references = unpack(row.content).get("rows", {}).get(SeriesReferenceRow.__tablename__, ())
        if row.series_uid in uids or any(each["target_series_uid"] in uids for each in references):
            named.add(row.id)
    return sorted(named)


def _instance_uids(session: Session, ids: Sequence[str], trash: Sequence[str]) -> dict[str, str]:
    """Give the object key of every instance, by UID, of series and of what is in the trash."""
    live = select(InstanceRow.sop_instance_uid, InstanceRow.object_key).where(InstanceRow.series_id.in_(ids))
    gone = select(TrashedInstanceRow.sop_instance_uid, TrashedInstanceRow.object_key).where(
        TrashedInstanceRow.trash_id.in_(trash)
    )
    return {uid: key for query in (live, gone) for uid, key in session.execute(query)}


def _marks(subject: Subject, series: Sequence[PlannedSeries]) -> list[bytes]:
    """Give what tells that an object belongs to what goes."""
    words = {one.series_uid for one in series} | {subject.identifier}
    if subject.kind == "study":
        words |= {one.study_uid for one in series if one.reason == "named"}
    return [word.encode() for word in words if len(word) >= TELLING_LENGTH]


def _quarantine(
    session: Session, objects: ObjectStore, project_id: str, uids: Collection[str], marks: Sequence[bytes]
) -> list[str]:
    """Find what is in quarantine under the same UIDs, or says in its head that it belongs to what goes."""
    query = select(QuarantineRow.id, QuarantineRow.sop_instance_uid, QuarantineRow.object_key).where(
        QuarantineRow.project_id == project_id
    )
    return [
        row.id
        for row in session.execute(query)
        if row.sop_instance_uid in uids or _says(objects, row.object_key, marks)
    ]


def _says(objects: ObjectStore, key: str, marks: Sequence[bytes]) -> bool:
    try:
        head = objects.read(key, length=HEAD_BYTES)
    except NotFound:
        return False
    return any(mark in head for mark in marks)


def _hanging(session: Session, ids: Sequence[str]) -> dict[str, int]:
    """Count the rows of other tables that hang on the series, by table."""
    return {
        str(table.name): session.scalar(select(func.count()).select_from(table).where(column.in_(ids))) or 0
        for table, column in hanging_tables()
    }


def _object_keys(session: Session, ids: Sequence[str]) -> list[str]:
    keys = list(session.scalars(select(InstanceRow.object_key).where(InstanceRow.series_id.in_(ids))))
    for column in (SeriesRow.preview_key, SeriesRow.filmstrip_key, SeriesRow.metadata_key):
        keys += [key for key in session.scalars(select(column).where(SeriesRow.id.in_(ids))) if key]
    return keys


def _pull_items(project_id: str, subject: Subject, series: Sequence[PlannedSeries]) -> Select[int]:
    """Find what was asked for, or still is, at other archives."""
    column = {
        "patient": PullItemRow.patient_id,
        "study": PullItemRow.study_uid,
        "series": PullItemRow.series_uid,
    }
    uids = [one.series_uid for one in series]
    here = PullItemRow.order_id.in_(select(PullRow.id).where(PullRow.project_id == project_id))
    return select(PullItemRow.id).where(
        here, (column[subject.kind] == subject.identifier) | PullItemRow.series_uid.in_(uids)
    )


def _named_in_workitems(subject: Subject, series: Sequence[PlannedSeries]) -> tuple[str, set[str]]:
    """Give the patient, and the UIDs, by which workitems are about what goes."""
    uids = {one.series_uid for one in series} | {subject.identifier}
    if subject.kind != "series":
        uids |= {one.study_uid for one in series if one.reason == "named"}
    return (subject.identifier if subject.kind == "patient" else ""), uids


def _erase_quarantine(session: Session, ids: Sequence[str]) -> list[str]:
    keys = list(session.scalars(select(QuarantineRow.object_key).where(QuarantineRow.id.in_(ids))))
    discard(session, keys)
    session.execute(delete(QuarantineRow).where(QuarantineRow.id.in_(ids)))
    return keys


def _erase_commitments(session: Session, project_id: str, uids: Collection[str]) -> None:
    """Forget that somebody waits for the commitment to instances: they are told of the others alone."""
    waiting = select(CommitmentRow).where(CommitmentRow.project_id == project_id, CommitmentRow.not_before.is_not(None))
    for row in session.scalars(waiting):
        left = [item for item in row.items if item[1] not in uids]
        if not left:
            session.delete(row)
        elif len(left) < len(row.items):
            row.items = left


def _erase_sealed(session: Session, project_id: str, patients: Collection[str]) -> None:
    """Forget who was behind the pseudonyms of patients of whom nothing is left."""
    left = select(StudyRow.patient_id).where(StudyRow.project_id == project_id)
    session.execute(
        delete(SealedPatientRow).where(
            SealedPatientRow.project_id == project_id,
            SealedPatientRow.pseudonym.in_(patients),
            SealedPatientRow.pseudonym.not_in(left),
        )
    )
