"""Rows of answers as DICOM JSON: what is stored serialised, joined with what is computed."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Integer, bindparam, cast, func, select

from kahua.store.dicomweb.attributes import Level
from kahua.store.tables import SeriesRow

Json = dict[str, Any]

#: Tags of what is computed for rows.
COMPUTED: Final = frozenset({"00080061", "00081190", "00083002", "00201206", "00201208", "00201209"})


def serialised(
    connection: Connection, level: Level, rows: Sequence[Any], base_url: str, *, below_series: bool = False
) -> list[bytes]:
    """Make a DICOM JSON object of each row of `kahua.store.dicomweb.selection`.

    An instance says what its study and series are, unless the question was for those of one series.
    """
    match level:
        case Level.STUDY:
            counts = _counts(connection, [row.id for row in rows])
            return [_joined(row.dicom_json, _study(row, counts.get(row.id, _Counts()), base_url)) for row in rows]
        case Level.SERIES:
            return [_joined(row.dicom_json, _series(row, base_url)) for row in rows]
        case Level.INSTANCE if below_series:
            return [_joined(row.dicom_json, _instance(row, base_url) | _place(row)) for row in rows]
        case Level.INSTANCE:
            return [_joined(_merged(row.series_json, row.dicom_json), _instance(row, base_url)) for row in rows]


class _Counts:
    """What a study holds."""

    def __init__(self) -> None:
        self.series = 0
        self.instances = 0
        self.modalities: list[str] = []


@lru_cache(maxsize=1)
def _totals() -> Any:
    return (
        select(SeriesRow.study_id, SeriesRow.modality, func.count(), cast(func.sum(SeriesRow.instance_count), Integer))
        .where(SeriesRow.study_id.in_(bindparam("studies", expanding=True)))
        .group_by(SeriesRow.study_id, SeriesRow.modality)
        .order_by(SeriesRow.modality)
    )


def _counts(connection: Connection, study_ids: Sequence[str]) -> dict[str, _Counts]:
    counts: dict[str, _Counts] = {}
    for study_id, modality, series, instances in connection.execute(_totals(), {"studies": study_ids}):
        of_study = counts.setdefault(study_id, _Counts())
        of_study.series += series
        of_study.instances += instances
        if modality:
            of_study.modalities.append(modality)
    return counts


def _study(row: Any, counts: _Counts, base_url: str) -> Json:
    return {
        "00080061": {"vr": "CS", "Value": counts.modalities},
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
