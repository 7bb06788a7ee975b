"""The rows of new instances: study, series, instance, references, event; in one transaction."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson
from sqlalchemy import BindParameter, Connection, bindparam, insert, select, update

from kahua.database import Base, Prepared, announce, new_id, now
from kahua.dicom import INSTANCE_TAGS, SERIES_TAGS, STUDY_TAGS, Header, dicom_json
from kahua.errors import OutOfSpace, ResourceBusy, SopInstanceConflict
from kahua.events import InstanceSetAside, SeriesReceived
from kahua.store.ingest.origin import Accepted, Origin
from kahua.store.ingest.quarantine import Keeping, Room, is_set_aside, set_aside
from kahua.store.tables import DiscardedObjectRow, InstanceRow, SeriesReferenceRow, SeriesRow, StudyRow
from kahua.store.text import cut, folded_names, search_text, small

#: Most findings of one instance that are kept.
MAX_FINDINGS = 32

_STUDIES = Base.metadata.tables[StudyRow.__tablename__]
_SERIES = Base.metadata.tables[SeriesRow.__tablename__]
_INSTANCES = Base.metadata.tables[InstanceRow.__tablename__]
_REFERENCES = Base.metadata.tables[SeriesReferenceRow.__tablename__]

_FIND_SERIES = Prepared(
    select(_SERIES.c.id)
    .join(_STUDIES, _SERIES.c.study_id == _STUDIES.c.id)
    .where(
        _STUDIES.c.project_id == bindparam("project"),
        _STUDIES.c.study_uid == bindparam("study"),
        _STUDIES.c.patient_id == bindparam("patient"),
        _SERIES.c.series_uid == bindparam("series"),
    )
)
_INSERT_INSTANCES = Prepared(
    insert(_INSTANCES).inline(), [column.name for column in _INSTANCES.columns if column.name != "id"]
)
_COUNT = Prepared(
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


@cache
def _find_instances(count: int) -> Prepared:
    """Make the statement that finds instances of so many UIDs."""
    uids: list[BindParameter[str]] = [bindparam(f"uid{number}") for number in range(count)]
    return Prepared(
        select(_INSTANCES.c.sop_instance_uid, _INSTANCES.c.object_key, _INSTANCES.c.series_id).where(
            _INSTANCES.c.project_id == bindparam("project"), _INSTANCES.c.sop_instance_uid.in_(uids)
        )
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


#: What becomes of an entry.
Filed = Accepted | SopInstanceConflict | OutOfSpace


class ObjectGone(ResourceBusy):
    """The object was removed while its instance came in again."""


def file_instances(
    connection: Connection, entries: Sequence[Entry], *, room: Room, object_exists: Callable[[str], bool]
) -> list[Filed]:
    """Make the rows of instances; one result for each, in order.

    An instance of the same UID and bytes is a duplicate; one with other bytes is set aside in
    quarantine, and the first one stays as it is. Where there is no room for it, it is not taken: it is a whole
    image, of which the reason alone would be too little, and so it stays with its sender.

    Raises
    ------
    ObjectGone
        The object of an instance has been removed meanwhile; nothing of the transaction may stay.
    """
    results: list[Filed | None] = [None] * len(entries)
    places: dict[str, list[int]] = defaultdict(list)
    for place, entry in enumerate(entries):
        places[entry.project_id].append(place)
    for project_id, members in sorted(places.items()):
        filer = _Filer(connection, project_id, room, [entries[place] for place in members])
        for place in members:
            results[place] = filer.file(entries[place])
        filer.finish(object_exists)
    return [result for result in results if result is not None]


class _Filer:
    """Makes the rows of one group of instances of one project."""

    def __init__(self, connection: Connection, project_id: str, room: Room, entries: Sequence[Entry]) -> None:
        self._connection = connection
        self._room = room
        self._project_id = project_id
        self._moment = now()
        self._series: dict[tuple[str, str, str], _Series] = {}
        self._rows: list[dict[str, Any]] = []
        self._used_keys: set[str] = set()
        #: Object key and series of every instance of these UIDs that is there.
        self._known: dict[str, tuple[str, str]] = self._find({e.header.sop_instance_uid for e in entries})

    def file(self, entry: Entry) -> Filed:
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
        return self._conflict(entry, series_id)

    def finish(self, object_exists: Callable[[str], bool]) -> None:
        """Write the rows, count, refer, and announce."""
        if self._rows:
            # In this order, as below: two who file the same things at once then wait for each other in turn.
            self._rows.sort(key=lambda row: str(row["sop_instance_uid"]))
            _INSERT_INSTANCES.execute_many(self._connection, self._rows)
        for key in self._used_keys:
            # After the insert: from now on nothing removes the object, see `kahua.store.deletion.removal`.
            if not object_exists(key):
                raise ObjectGone
        for series in sorted(self._series.values(), key=lambda one: one.id):
            self._refer(series)
            revision = self._count(series)
            for dataset in sorted(series.datasets, key=str):
                event = SeriesReceived(
                    project_id=self._project_id, series_id=series.id, revision=revision, dataset=dataset
                )
                announce(self._connection, event)

    def _find(self, uids: set[str]) -> dict[str, tuple[str, str]]:
        named = {f"uid{number}": uid for number, uid in enumerate(uids)}
        rows = _find_instances(len(uids)).execute(self._connection, project=self._project_id, **named)
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

    def _conflict(self, entry: Entry, series_id: str) -> SopInstanceConflict | OutOfSpace:
        conflict = SopInstanceConflict(
            remedy="It was set aside in quarantine; the first one stays as it is.",
            sop_instance_uid=entry.header.sop_instance_uid,
        )
        if not self._has_room(entry, conflict):
            self._connection.execute(insert(DiscardedObjectRow).values(object_key=entry.object_key))
            return OutOfSpace(
                f"{conflict.message} The quarantine has no room for this one.",
                remedy="Discard what is in quarantine, or raise max_quarantine_bytes; then send it again.",
            )
        self._used_keys.add(entry.object_key)
        set_aside(
            self._connection,
            project_id=self._project_id,
            error=conflict,
            sop_instance_uid=entry.header.sop_instance_uid,
            object_key=entry.object_key,
            size=entry.size,
            origin=entry.origin,
        )
        announce(self._connection, InstanceSetAside(project_id=self._project_id, series_id=series_id))
        return conflict

    def _has_room(self, entry: Entry, conflict: SopInstanceConflict) -> bool:
        """Say whether it may be kept in quarantine, or is there already."""
        known = is_set_aside(
            self._connection, project_id=self._project_id, object_key=entry.object_key, reason_code=conflict.code
        )
        return known or self._room.take(entry.size) is Keeping.OBJECT

    def _series_of(self, entry: Entry) -> _Series:
        header = entry.header
        key = (header.study_uid, cut(header.text("00100020"), 256), header.series_uid)
        if key not in self._series:
            self._series[key] = _Series(self._find_series(*key) or self._make_series(entry))
        return self._series[key]

    def _find_series(self, study_uid: str, patient_id: str, series_uid: str) -> str | None:
        rows = _FIND_SERIES.execute(
            self._connection, project=self._project_id, study=study_uid, patient=patient_id, series=series_uid
        )
        return rows[0][0] if rows else None

    def _make_series(self, entry: Entry) -> str:
        header = entry.header
        series_id = new_id()
        series = insert(_SERIES).values(
            id=series_id,
            project_id=self._project_id,
            study_id=self._find_study(header) or self._make_study(header),
            series_uid=header.series_uid,
            modality=cut(header.text("00080060"), 32),
            series_number=small(header.integer("00200011")),
            description=cut(header.text("0008103E"), 512),
            body_part=cut(header.text("00180015"), 256),
            manufacturer=cut(header.text("00080070"), 256),
            frame_of_reference_uid=cut(header.text("00200052"), 64),
            search_text=search_text(header.elements),
            dicom_json=dicom_json(header.elements, (*STUDY_TAGS, *SERIES_TAGS)),
            received_at=self._moment,
            changed_at=self._moment,
        )
        self._connection.execute(series)
        return series_id

    def _find_study(self, header: Header) -> str | None:
        study_id: str | None = self._connection.scalar(
            select(_STUDIES.c.id).where(
                _STUDIES.c.project_id == self._project_id,
                _STUDIES.c.study_uid == header.study_uid,
                _STUDIES.c.patient_id == cut(header.text("00100020"), 256),
            )
        )
        return study_id

    def _make_study(self, header: Header) -> str:
        study_row_id = new_id()
        study = insert(_STUDIES).values(
            id=study_row_id,
            project_id=self._project_id,
            study_uid=header.study_uid,
            patient_id=cut(header.text("00100020"), 256),
            patient_name=cut(header.text("00100010"), 512),
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
            **folded_names(header.elements),
        )
        self._connection.execute(study)
        return study_row_id

    def _count(self, series: _Series) -> int:
        if not series.count:  # duplicates only: nothing has changed
            return int(self._connection.scalar(select(_SERIES.c.revision).where(_SERIES.c.id == series.id)) or 0)
        ((revision,),) = _COUNT.execute(
            self._connection, series=series.id, count=series.count, bytes=series.size, moment=self._moment
        )
        return int(revision)

    def _refer(self, series: _Series) -> None:
        if not series.references:
            return
        known = self._connection.scalars(
            select(_REFERENCES.c.target_series_uid).where(_REFERENCES.c.series_id == series.id)
        )
        new = series.references.difference(known)
        if new:
            rows = [
                {"series_id": series.id, "target_series_uid": uid, "project_id": self._project_id}
                for uid in sorted(new)
            ]
            self._connection.execute(insert(_REFERENCES), rows)


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
