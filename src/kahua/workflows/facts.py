"""What a plan must know of a series: read from the archive's rows, no file is opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from kahua.store import InstanceRow, SeriesRow

IMAGE_POSITION = "00200032"
IMAGE_ORIENTATION = "00200037"

#: Ids in one query; databases bound the number of parameters.
BATCH = 500


@dataclass(frozen=True, kw_only=True)
class Slice:
    """An instance of a series, as far as its rows tell."""

    #: Image Position (Patient) of the first voxel, in mm; empty if the instance does not say.
    position: tuple[float, ...]
    #: Image Orientation (Patient): direction of a row, then of a column; empty if the instance does not say.
    orientation: tuple[float, ...]
    rows: int | None
    columns: int | None
    frames: int | None
    object_key: str
    size: int

    @property
    def is_image(self) -> bool:
        """Whether it has pixels."""
        return bool(self.rows and self.columns)


@dataclass(frozen=True, kw_only=True)
class SeriesFacts:
    """A series that somebody wants to run a workflow on."""

    id: str
    series_uid: str
    modality: str
    description: str
    slices: tuple[Slice, ...]

    @property
    def size(self) -> int:
        """Bytes of all files of the series."""
        return sum(slice_.size for slice_ in self.slices)

    @property
    def object_keys(self) -> tuple[str, ...]:
        """Keys of all objects of the series, sorted: they name its content."""
        return tuple(sorted(slice_.object_key for slice_ in self.slices))


def series_facts(session: Session, project_id: str, series_ids: Sequence[str]) -> dict[str, SeriesFacts]:
    """Read the facts of series of a project, by id; what is not in the project is not in the answer."""
    rows: dict[str, SeriesRow] = {}
    slices: dict[str, list[Slice]] = {}
    for start in range(0, len(series_ids), BATCH):
        batch = series_ids[start : start + BATCH]
        for row in session.scalars(
            select(SeriesRow).where(SeriesRow.project_id == project_id, SeriesRow.id.in_(batch))
        ):
            rows[row.id] = row
        for instance in session.scalars(
            select(InstanceRow)
            .where(InstanceRow.project_id == project_id, InstanceRow.series_id.in_(batch))
            .order_by(InstanceRow.instance_number, InstanceRow.id)
        ):
            slices.setdefault(instance.series_id, []).append(_slice(instance))
    return {id_: _facts(rows[id_], slices.get(id_, [])) for id_ in series_ids if id_ in rows}


def _facts(row: SeriesRow, slices: Sequence[Slice]) -> SeriesFacts:
    return SeriesFacts(
        id=row.id,
        series_uid=row.series_uid,
        modality=row.modality,
        description=row.description,
        slices=tuple(slices),
    )


def _slice(row: InstanceRow) -> Slice:
    attributes = orjson.loads(row.dicom_json)
    return Slice(
        position=_numbers(attributes, IMAGE_POSITION, 3),
        orientation=_numbers(attributes, IMAGE_ORIENTATION, 6),
        rows=row.rows,
        columns=row.columns,
        frames=row.number_of_frames,
        object_key=row.object_key,
        size=row.size,
    )


def _numbers(attributes: Mapping[str, Any], tag: str, count: int) -> tuple[float, ...]:
    """Numbers of an attribute in the DICOM JSON model; empty unless there are as many as there must be."""
    values = attributes.get(tag, {}).get("Value", [])
    try:
        numbers = tuple(float(value) for value in values)
    except (TypeError, ValueError):  # a sender wrote text where numbers belong: the series has no geometry
        return ()
    return numbers if len(numbers) == count else ()
