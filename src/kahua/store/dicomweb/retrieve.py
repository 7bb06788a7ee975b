"""Find what a WADO-RS address names, within a project (PS3.18 section 10.4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from kahua.database import Prepared, Readable
from kahua.errors import NotFound
from kahua.store.tables import InstanceRow, SeriesRow, StudyRow


@dataclass(frozen=True, kw_only=True)
class Address:
    """A study, a series or an instance, by its UIDs."""

    study_uid: str
    series_uid: str | None = None
    instance_uid: str | None = None

    @property
    def path(self) -> str:
        """Path below the DICOMweb service."""
        kinds = ("studies", "series", "instances")
        uids = (self.study_uid, self.series_uid, self.instance_uid)
        return "/".join(f"{kind}/{uid}" for kind, uid in zip(kinds, uids, strict=True) if uid)


@dataclass(frozen=True, slots=True)
class StoredInstance:
    """What must be known of an instance to send it; the fields are columns of `InstanceRow`."""

    id: int
    sop_instance_uid: str
    series_id: str
    sop_class_uid: str
    transfer_syntax_uid: str
    object_key: str
    size: int
    data_offset: int
    pixel_offset: int | None
    rows: int | None
    columns: int | None
    number_of_frames: int | None
    dicom_json: bytes
    received_at: datetime

    @classmethod
    def of(cls, row: InstanceRow) -> "StoredInstance":
        """Take it from a row."""
        return cls(*(getattr(row, name) for name in cls.__dataclass_fields__))


@dataclass(frozen=True, slots=True)
class StoredSeries:
    """What must be known of a series to send what was derived from it; the fields are columns of `SeriesRow`."""

    id: str
    series_uid: str
    revision: int
    derived_revision: int
    metadata_key: str | None
    preview_key: str | None
    preview_note: str
    instance_count: int


@dataclass(frozen=True, slots=True)
class Located:
    """An instance and where it lies."""

    address: Address
    instance: StoredInstance


def _statement(
    kind: type[StoredInstance | StoredSeries], table: type[InstanceRow | SeriesRow], *depth: str
) -> Prepared:
    """Ask for the rows of a table below an address of the given depth."""
    columns = [getattr(table, name) for name in kind.__dataclass_fields__]
    wanted = {"series": SeriesRow.series_uid, "instance": InstanceRow.sop_instance_uid}
    statement = (
        select(StudyRow.study_uid, SeriesRow.series_uid, *columns)
        .join(SeriesRow, SeriesRow.study_id == StudyRow.id)
        .where(StudyRow.project_id == bindparam("project"), StudyRow.study_uid == bindparam("study"))
        .where(*(wanted[level] == bindparam(level) for level in depth))
    )
    if table is SeriesRow:
        return Prepared(statement.order_by(SeriesRow.id), brief=len(depth) == 1)
    statement = statement.join(InstanceRow, InstanceRow.series_id == SeriesRow.id)
    statement = statement.order_by(SeriesRow.id, InstanceRow.instance_number, InstanceRow.id)
    return Prepared(statement, brief=len(depth) == 2)


_INSTANCES = {
    1: _statement(StoredInstance, InstanceRow),
    2: _statement(StoredInstance, InstanceRow, "series"),
    3: _statement(StoredInstance, InstanceRow, "series", "instance"),
}
_SERIES = {1: _statement(StoredSeries, SeriesRow), 2: _statement(StoredSeries, SeriesRow, "series")}


def locate_instances(session: Readable, project_id: str, address: Address) -> Sequence[Located]:
    """Give the instances of a study, of a series, or one instance; in the order of their numbers.

    Raises
    ------
    NotFound
        There are none in the project; nothing is said about other projects.
    """
    uids = _uids(address)
    rows = _INSTANCES[len(uids)].execute(session, project=project_id, **uids)
    if not rows:
        raise NotFound("There is no such study, series or instance in this project.")
    return [
        Located(Address(study_uid=study, series_uid=series, instance_uid=values[1]), StoredInstance(*values))
        for study, series, *values in rows
    ]


def find_by_uid(session: Session, project_id: str, sop_instance_uid: str) -> StoredInstance | None:
    """Give the instance of a UID in the project, wherever it lies there; None if it is not there."""
    columns = [getattr(InstanceRow, name) for name in StoredInstance.__dataclass_fields__]
    row = session.execute(
        select(*columns).where(InstanceRow.project_id == project_id, InstanceRow.sop_instance_uid == sop_instance_uid)
    ).first()
    return StoredInstance(*row) if row is not None else None


def locate_series(session: Readable, project_id: str, address: Address) -> Sequence[tuple[str, StoredSeries]]:
    """Give the series of a study, or one series, each with its Study Instance UID.

    Raises
    ------
    NotFound
        There are none in the project.
    """
    uids = _uids(address)
    rows = _SERIES[len(uids)].execute(session, project=project_id, **uids)
    if not rows:
        raise NotFound("There is no such study or series in this project.")
    return [(study, StoredSeries(*values)) for study, _, *values in rows]


def _uids(address: Address) -> dict[str, str]:
    named = {"study": address.study_uid, "series": address.series_uid, "instance": address.instance_uid}
    return {level: uid for level, uid in named.items() if uid is not None}
