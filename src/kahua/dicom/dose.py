"""Radiotherapy doses as pictures: a colour wash over the image of the patient (PS3.3 C.8.8.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from kahua.dicom.drawn import Drawn, evenly
from kahua.dicom.geometry import FloatArray
from kahua.dicom.pixels import read_frames
from kahua.dicom.places import Place, Plane, places, plane_of

Picture = NDArray[np.uint8]

#: Share of the highest dose below which nothing is drawn.
_LEAST: Final = 0.1

#: Share of the colour where it lies over the image.
_OPACITY: Final = 0.5

#: Longest side of a picture, and shortest of one without an image, in pixels.
_SIZE: Final = 512
_LEAST_SIZE: Final = 256

#: Most planes of a dose grid that are read.
_MOST_PLANES: Final = 1000

#: Colours from low to high dose.
_SCALE: Final = np.array(
    [[0, 0, 160], [0, 110, 255], [0, 200, 160], [230, 230, 0], [255, 140, 0], [230, 0, 0]], np.float32
)


@dataclass(frozen=True, kw_only=True)
class _Grid:
    """A dose grid."""

    #: Shape (planes, rows, columns), as shares of the highest dose.
    shares: NDArray[np.float32]
    #: Of the first plane; None if the grid does not say where it lies.
    plane: Plane | None
    #: Distance of each plane from the first one along the normal, in mm.
    offsets: FloatArray

    def on(self, place: Place, shape: tuple[int, int]) -> NDArray[np.float32]:
        """Return the dose, by its nearest point, at each pixel of a picture of a slice; 0 outside of the grid."""
        if self.plane is None or place.plane is None:
            return np.zeros(shape, np.float32)
        rows, columns = np.mgrid[: shape[0], : shape[1]]
        rows, columns = rows * place.size[0] / shape[0], columns * place.size[1] / shape[1]
        points = (
            place.plane.origin
            + columns[..., None] * place.plane.column_step
            + rows[..., None] * place.plane.row_step
        )  # fmt: skip
        column, row = np.moveaxis(np.rint(self.plane.pixels(points)).astype(int), -1, 0)
        heights = (points - self.plane.origin) @ self.plane.normal
        number = np.abs(heights[..., None] - self.offsets).argmin(axis=-1) if len(self.offsets) > 1 else 0 * row
        inside = (column >= 0) & (column < self.shares.shape[2]) & (row >= 0) & (row < self.shares.shape[1])
        inside &= (heights >= self.offsets.min() - _half_gap(self.offsets)) & (
            heights <= self.offsets.max() + _half_gap(self.offsets)
        )
        dose = np.zeros(shape, np.float32)
        dose[inside] = self.shares[number[inside], row[inside], column[inside]]
        return dose


def draw_dose(dataset: Dataset, sources: Sequence[Path], *, most: int) -> Drawn:
    """Draw an RTDOSE as a colour wash on the image that lies in the same frame of reference, or alone.

    Parameters
    ----------
    dataset
        Dose grid with its pixels.
    sources
        Files of the image, in order; may be empty.
    most
        Most pictures; the best is the one with the highest dose.
    """
    grid = _read(dataset)
    chosen = evenly([place for place in places(sources) if _crosses(grid, place)], most)
    if not chosen:
        planes = evenly(range(len(grid.shares)), most)
        alone = [_coloured(_enlarged(grid.shares[number]), None) for number in planes]
        highest = int(np.argmax([grid.shares[number].max() for number in planes]))
        return Drawn(pictures=alone, best=highest, note="Its image is not here: the dose is shown alone.")
    pictures, sums = [], []
    for place in chosen:
        base = place.picture(_SIZE)
        dose = grid.on(place, base.shape[:2])
        pictures.append(_coloured(dose, base))
        sums.append(float(dose.sum()))
    return Drawn(pictures=pictures, best=int(np.argmax(sums)))


def _read(dataset: Dataset) -> _Grid:
    stored = np.stack(list(islice(read_frames(dataset), _MOST_PLANES))).astype(np.float32)
    highest = float(stored.max())
    offsets = np.asarray(dataset.get("GridFrameOffsetVector") or [0.0], dtype=float)
    if len(offsets) < len(stored):
        offsets = np.arange(len(stored), dtype=float)
    offsets = offsets[: len(stored)]
    plane = plane_of(dataset, 0)
    if plane is not None and offsets[0] != 0:  # positions along z of the patient, not distances from the first plane
        offsets = (offsets - offsets[0]) * np.sign(plane.normal[2] or 1.0)
    return _Grid(shares=stored / highest if highest > 0 else stored * 0, plane=plane, offsets=offsets)


def _crosses(grid: _Grid, place: Place) -> bool:
    """Whether there is a dose on a slice."""
    return bool((grid.on(place, (32, 32)) >= _LEAST).any())


def _coloured(dose: NDArray[np.float32], base: Picture | None) -> Picture:
    """Lay the colours of a dose, in shares of the highest, over a picture of the same size."""
    steps = np.clip(dose, 0, 1) * (len(_SCALE) - 1)
    low = np.minimum(steps.astype(int), len(_SCALE) - 2)
    part = (steps - low)[..., None]
    colour = _SCALE[low] * (1 - part) + _SCALE[low + 1] * part
    below = np.zeros_like(colour) if base is None else base.astype(np.float32)
    opacity = 1.0 if base is None else _OPACITY
    drawn = np.where((dose >= _LEAST)[..., None], below * (1 - opacity) + colour * opacity, below)
    return drawn.astype(np.uint8)


def _enlarged(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    times = max(_LEAST_SIZE // max(plane.shape), 1)
    return plane.repeat(times, axis=0).repeat(times, axis=1)


def _half_gap(offsets: FloatArray) -> float:
    return float(np.abs(np.diff(offsets)).max()) / 2 if len(offsets) > 1 else 1.0
