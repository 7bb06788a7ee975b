"""The rows of new instances: study, series, instance, references, event; in one transaction."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from kahua.database import Base, announce, new_id, now
from kahua.dicom import INSTANCE_TAGS, SERIES_TAGS, STUDY_TAGS, Header, dicom_json, fold
from kahua.errors import ResourceBusy, SopInstanceConflict
from kahua.events import SeriesReceived
from kahua.store.origin import Accepted, Origin
from kahua.store.quarantine import set_aside
from kahua.store.tables import InstanceRow, SeriesReferenceRow, SeriesRow, StudyRow
from kahua.store.text import cut, search_text, small

#: Most findings of one instance that are kept.
MAX_FINDINGS = 32

# The statements of every received instance are built once, and executed below the ORM: building them anew and
# tracking their rows would cost more than the database does.
_FIND_INSTANCES = select(InstanceRow.sop_instance_uid, InstanceRow.object_key, InstanceRow.series_id).where(
    InstanceRow.project_id == bindparam("project"), InstanceRow.sop_instance_uid.in_(bindparam("uids", expanding=True))
)
_FIND_SERIES = (
    select(SeriesRow.id)
    .join(StudyRow, SeriesRow.study_id == StudyRow.id)
    .where(
        StudyRow.project_id == bindparam("project"),
        StudyRow.study_uid == bindparam("study"),
        StudyRow.patient_id == bindparam("patient"),
        SeriesRow.series_uid == bindparam("series"),
    )
)
_INSERT_INSTANCES = insert(Base.metadata.tables[InstanceRow.__tablename__])
_SERIES = Base.metadata.tables[SeriesRow.__tablename__]
_COUNT = (
    update(_SERIES)
    .where(_SERIES.c.id == bindparam("series"))
    .values(
        instance_count=_SERIES.c.instance_count + bindparam("count"),
        size=_SERIES.c.size + bindparam("bytes"),
        revision=_SERIES.c.revision + 1,
        changed_at=bindparam("moment", type_=_SERIES.c.changed_at.type),
    )
    .returning(_SERIES.c.revision)
)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An instance whose object is durable and whose rows are still to come."""

    project_id: str
    header: Header
    object_key: str
    #: Bytes of the Part 10 file, and where in it data set and pixels begin.
    size: int
    data_offset: int
    pixel_offset: int | None
    origin: Origin


@dataclass
class _Series:
    """A series that gets new instances."""

    id: str
    count: int = 0
    size: int = 0
    datasets: set[str | None] = field(default_factory=set)
    references: set[str] = field(default_factory=set)


class ObjectGone(ResourceBusy):
    """The object was removed while its instance came in again."""


def file_instances(
    session: Session, entries: Sequence[Entry], *, object_exists: Callable[[str], bool]
) -> list[Accepted | SopInstanceConflict]:
    """Make the rows of instances; one result for each, in order.

    An instance of the same UID and bytes is a duplicate; one with other bytes is set aside in
    quarantine, and the first one stays as it is.

    Raises
    ------
    ObjectGone
        The object of an instance has been removed meanwhile; nothing of the transaction may stay.
    """
    results: list[Accepted | SopInstanceConflict | None] = [None] * len(entries)
    places: dict[str, list[int]] = defaultdict(list)
    for place, entry in enumerate(entries):
        places[entry.project_id].append(place)
    for project_id, members in sorted(places.items()):
        filer = _Filer(session, project_id, [entries[place] for place in members])
        for place in members:
            results[place] = filer.file(entries[place])
        filer.finish(object_exists)
    return [result for result in results if result is not None]


class _Filer:
    """Makes the rows of one group of instances of one project."""

    def __init__(self, session: Session, project_id: str, entries: Sequence[Entry]) -> None:
        self._session = session
        self._connection = session.connection()
        self._project_id = project_id
        self._moment = now()
        self._series: dict[tuple[str, str, str], _Series] = {}
        self._rows: list[dict[str, Any]] = []
        self._used_keys: set[str] = set()
        #: Object key and series of every instance of these UIDs that is there.
        self._known: dict[str, tuple[str, str]] = self._find({e.header.sop_instance_uid for e in entries})

    def file(self, entry: Entry) -> Accepted | SopInstanceConflict:
        """Note one instance."""
        known = self._known.get(entry.header.sop_instance_uid)
        if known is None:
            series = self._series_of(entry)
            self._add(entry, series)
            return _accepted(entry, series.id, duplicate=False)
        object_key, series_id = known
        if object_key == entry.object_key:
            if entry.origin.dataset is not None:
                self._series_of(entry).datasets.add(entry.origin.dataset)
            return _accepted(entry, series_id, duplicate=True)
        return self._conflict(entry)

    def finish(self, object_exists: Callable[[str], bool]) -> None:
        """Write the rows, count, refer, and announce."""
        if self._rows:
            # In this order, as below: two who file the same things at once then wait for each other in turn.
            self._rows.sort(key=lambda row: str(row["sop_instance_uid"]))
            self._connection.execute(_INSERT_INSTANCES, self._rows)
        for key in self._used_keys:
            # After the insert: from now on nothing removes the object, see `kahua.store.removal`.
            if not object_exists(key):
                raise ObjectGone
        for series in sorted(self._series.values(), key=lambda one: one.id):
            self._refer(series)
            revision = self._count(series)
            for dataset in sorted(series.datasets, key=str):
                announce(
                    self._session,
                    SeriesReceived(
                        project_id=self._project_id, series_id=series.id, revision=revision, dataset=dataset
                    ),
                )

    def _find(self, uids: set[str]) -> dict[str, tuple[str, str]]:
        rows = self._connection.execute(_FIND_INSTANCES, {"project": self._project_id, "uids": list(uids)})
        return {uid: (key, series_id) for uid, key, series_id in rows}

    def _add(self, entry: Entry, series: _Series) -> None:
        header = entry.header
        self._known[header.sop_instance_uid] = (entry.object_key, series.id)
        self._used_keys.add(entry.object_key)
        series.count += 1
        series.size += entry.size
        series.datasets.add(entry.origin.dataset)
        series.references.update(header.references)
        self._rows.append(
            {
                "project_id": self._project_id,
                "series_id": series.id,
                "sop_instance_uid": header.sop_instance_uid,
                "sop_class_uid": header.sop_class_uid,
                "transfer_syntax_uid": header.transfer_syntax_uid,
                "instance_number": small(header.integer("00200013")),
                "object_key": entry.object_key,
                "size": entry.size,
                "data_offset": entry.data_offset,
                "pixel_offset": entry.pixel_offset,
                "rows": small(header.rows),
                "columns": small(header.columns),
                "number_of_frames": small(header.number_of_frames),
                "dicom_json": dicom_json(header.elements, INSTANCE_TAGS),
                "received_at": self._moment,
                "door": entry.origin.door,
                "sender": cut(entry.origin.sender, 100),
                "findings": _serialised(header.findings),
            }
        )

    def _conflict(self, entry: Entry) -> SopInstanceConflict:
        self._used_keys.add(entry.object_key)
        conflict = SopInstanceConflict(
            remedy="It was set aside in quarantine; the first one stays as it is.",
            sop_instance_uid=entry.header.sop_instance_uid,
        )
        set_aside(
            self._session,
            project_id=self._project_id,
            error=conflict,
            sop_instance_uid=entry.header.sop_instance_uid,
            object_key=entry.object_key,
            size=entry.size,
            origin=entry.origin,
        )
        return conflict

    def _series_of(self, entry: Entry) -> _Series:
        header = entry.header
        key = (header.study_uid, cut(header.text("00100020"), 256), header.series_uid)
        if key not in self._series:
            self._series[key] = _Series(self._find_series(*key) or self._make_series(entry))
        return self._series[key]

    def _find_series(self, study_uid: str, patient_id: str, series_uid: str) -> str | None:
        names = {"project": self._project_id, "study": study_uid, "patient": patient_id, "series": series_uid}
        return self._connection.execute(_FIND_SERIES, names).scalar()

    def _make_series(self, entry: Entry) -> str:
        header = entry.header
        series = SeriesRow(
            id=new_id(),
            project_id=self._project_id,
            study_id=self._find_study(header) or self._make_study(header),
            series_uid=header.series_uid,
            modality=cut(header.text("00080060"), 32),
            series_number=small(header.integer("00200011")),
            description=cut(header.text("0008103E"), 512),
            body_part=cut(header.text("00180015"), 256),
            manufacturer=cut(header.text("00080070"), 256),
            frame_of_reference_uid=cut(header.text("00200052"), 64),
            search_text=search_text(header),
            dicom_json=dicom_json(header.elements, (*STUDY_TAGS, *SERIES_TAGS)),
            received_at=self._moment,
            changed_at=self._moment,
        )
        self._session.add(series)
        self._session.flush()
        return series.id

    def _find_study(self, header: Header) -> str | None:
        return self._session.scalar(
            select(StudyRow.id).where(
                StudyRow.project_id == self._project_id,
                StudyRow.study_uid == header.study_uid,
                StudyRow.patient_id == cut(header.text("00100020"), 256),
            )
        )

    def _make_study(self, header: Header) -> str:
        name = header.text("00100010")
        study = StudyRow(
            id=new_id(),
            project_id=self._project_id,
            study_uid=header.study_uid,
            patient_id=cut(header.text("00100020"), 256),
            patient_name=cut(name, 512),
            patient_name_folded=cut(fold(name), 512),
            patient_birth_date=cut(header.text("00100030"), 32),
            patient_sex=cut(header.text("00100040"), 32),
            study_date=cut(header.text("00080020"), 32),
            study_time=cut(header.text("00080030"), 32),
            accession_number=cut(header.text("00080050"), 256),
            description=cut(header.text("00081030"), 512),
            study_id=cut(header.text("00200010"), 256),
            referring_physician=cut(header.text("00080090"), 512),
            dicom_json=dicom_json(header.elements, STUDY_TAGS),
            received_at=self._moment,
        )
        self._session.add(study)
        self._session.flush()
        return study.id

    def _count(self, series: _Series) -> int:
        if not series.count:  # duplicates only: nothing has changed
            return self._session.execute(select(SeriesRow.revision).where(SeriesRow.id == series.id)).scalar_one()
        change = {"series": series.id, "count": series.count, "bytes": series.size, "moment": self._moment}
        return int(self._connection.execute(_COUNT, change).scalar_one())

    def _refer(self, series: _Series) -> None:
        if not series.references:
            return
        known = self._session.scalars(
            select(SeriesReferenceRow.target_series_uid).where(SeriesReferenceRow.series_id == series.id)
        )
        new = series.references.difference(known)
        if new:
            rows = [
                {"series_id": series.id, "target_series_uid": uid, "project_id": self._project_id}
                for uid in sorted(new)
            ]
            self._session.execute(insert(SeriesReferenceRow), rows)


def _serialised(findings: Sequence[str]) -> str:
    return orjson.dumps(findings[:MAX_FINDINGS]).decode() if findings else ""


def _accepted(entry: Entry, series_id: str, *, duplicate: bool) -> Accepted:
    header = entry.header
    return Accepted(
        series_id=series_id,
        study_uid=header.study_uid,
        series_uid=header.series_uid,
        sop_class_uid=header.sop_class_uid,
        sop_instance_uid=header.sop_instance_uid,
        duplicate=duplicate,
        findings=header.findings,
    )
