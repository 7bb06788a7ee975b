"""Rows of answers as DICOM JSON: what is stored serialised, joined with what is computed."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import orjson
from sqlalchemy import BindParameter, bindparam, select

from kahua.database import Prepared, Readable
from kahua.store.dicomweb.attributes import Level
from kahua.store.tables import InstanceRow, SeriesRow

Json = dict[str, Any]

#: The series of so many studies are counted without telling a thread of it.
BRIEF: Final = 32

#: Tag of SOP Classes in Study, which is computed for who asks for it: all instances are gone through for that.
CLASSES: Final = "00080062"

#: Tags of what is computed for rows.
COMPUTED: Final = frozenset({"00080061", "00081190", "00083002", "00201206", "00201208", "00201209"})


def serialised(
    readable: Readable, level: Level, rows: Sequence[Any], base_url: str, *, below_series: bool = False
) -> list[bytes]:
    """Make a DICOM JSON object of each row of `kahua.store.dicomweb.selection`.

    An instance says what its study and series are, unless the question was for those of one series.
    """
    match level:
        case Level.STUDY:
            counts = _counts(readable, [row.id for row in rows])
            return [_joined(row.dicom_json, _study(row, counts[row.id], base_url)) for row in rows]
        case Level.SERIES:
            return [_joined(row.dicom_json, _series(row, base_url)) for row in rows]
        case Level.INSTANCE if below_series:
            return [_joined(row.dicom_json, _instance(row, base_url) | _place(row)) for row in rows]
        case Level.INSTANCE:
            return [_joined(_merged(row.series_json, row.dicom_json), _instance(row, base_url)) for row in rows]


def with_classes(readable: Readable, rows: Sequence[Any], bodies: Sequence[bytes]) -> list[bytes]:
    """Add SOP Classes in Study to the DICOM JSON objects of studies."""
    classes: dict[str, list[str]] = {row.id: [] for row in rows}
    ids = spread(list(classes))
    for study_id, sop_class_uid in _classes_of(len(ids)).execute(readable, **ids) if ids else ():
        classes[study_id].append(sop_class_uid)
    return [
        _joined(body, {CLASSES: {"vr": "UI", "Value": sorted(classes[row.id])}})
        for row, body in zip(rows, bodies, strict=True)
    ]


@cache
def _classes_of(count: int) -> Prepared:
    """Make the statement that gives the SOP classes of so many studies."""
    statement = select(SeriesRow.study_id, InstanceRow.sop_class_uid).join(
        InstanceRow, InstanceRow.series_id == SeriesRow.id
    )
    return Prepared(statement.where(SeriesRow.study_id.in_(places(count))).distinct())


class _Counts:
    """What a study holds."""

    def __init__(self) -> None:
        self.series = 0
        self.instances = 0
        self.modalities: set[str] = set()


def _counts(readable: Readable, study_ids: Sequence[str]) -> dict[str, _Counts]:
    """Count what studies hold; here, for a database sorts and groups the few rows of a page more slowly."""
    counts = {study_id: _Counts() for study_id in study_ids}
    if not study_ids:
        return counts
    ids = spread(study_ids)
    for study_id, modality, instances in _series_of(len(ids)).execute(readable, **ids):
        of_study = counts[study_id]
        of_study.series += 1
        of_study.instances += instances
        if modality:
            of_study.modalities.add(modality)
    return counts


@cache
def _series_of(count: int) -> Prepared:
    """Make the statement that gives the series of so many studies."""
    statement = select(SeriesRow.study_id, SeriesRow.modality, SeriesRow.instance_count)
    return Prepared(statement.where(SeriesRow.study_id.in_(places(count))), brief=count <= BRIEF)


def spread(study_ids: Sequence[str]) -> dict[str, str]:
    """Give studies as parameters, of few numbers so that there are few statements: the last study fills the rest."""
    places = 1 << (len(study_ids) - 1).bit_length() if study_ids else 0
    return {f"study{number}": study_ids[min(number, len(study_ids) - 1)] for number in range(places)}


def places(count: int) -> list[BindParameter[str]]:
    """Give the places of so many studies in a statement."""
    return [bindparam(f"study{number}") for number in range(count)]


def _study(row: Any, counts: _Counts, base_url: str) -> Json:
    return {
        "00080061": {"vr": "CS", "Value": sorted(counts.modalities)},
        "00081190": _url(f"{base_url}/studies/{row.study_uid}"),
        "00201206": {"vr": "IS", "Value": [counts.series]},
        "00201208": {"vr": "IS", "Value": [counts.instances]},
    }


def _series(row: Any, base_url: str) -> Json:
    return {
        "00081190": _url(f"{base_url}/studies/{row.study_uid}/series/{row.series_uid}"),
        "00201209": {"vr": "IS", "Value": [row.instance_count]},
    }


def _instance(row: Any, base_url: str) -> Json:
    path = f"studies/{row.study_uid}/series/{row.series_uid}/instances/{row.sop_instance_uid}"
    return {
        "00081190": _url(f"{base_url}/{path}"),
        "00083002": {"vr": "UI", "Value": [row.transfer_syntax_uid]},
    }


def _place(row: Any) -> Json:
    """Say where an instance belongs."""
    return {
        "00080060": {"vr": "CS", "Value": [row.modality]},
        "0020000D": {"vr": "UI", "Value": [row.study_uid]},
        "0020000E": {"vr": "UI", "Value": [row.series_uid]},
    }


def _url(address: str) -> Json:
    """Give the element Retrieve URL (0008,1190)."""
    return {"vr": "UR", "Value": [address]}


def _merged(first: bytes, second: bytes) -> bytes:
    """Make one serialised object of two that have no element in common."""
    empty = b"{}"
    return second if first == empty else first if second == empty else first[:-1] + b"," + second[1:]


def _joined(stored: bytes, computed: Json) -> bytes:
    """Add elements to a serialised object without reading it."""
    return _merged(stored, orjson.dumps(computed))
