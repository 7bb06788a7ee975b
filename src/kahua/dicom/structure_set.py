"""Contours of radiotherapy structure sets, and the volumes inside them.

Read by our own code: structure sets in practice refer to slices that are absent, repeat names and
have empty structures.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from kahua.dicom.geometry import FloatArray, VolumeGeometry
from kahua.dicom.segmentation import Labelmap
from kahua.errors import GeometryError

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Structure:
    """A region of interest of a structure set."""

    #: ROI Number; names repeat, numbers do not.
    number: int
    name: str
    #: Colour in which to draw it, ``#rrggbb``, or None.
    color: str | None
    #: Closed planar contours, shape (points, 3) each, in mm, patient coordinates.
    contours: tuple[FloatArray, ...]


def contours(structure_set: Dataset) -> list[Structure]:
    """Return the regions of a structure set with their closed contours, in the order of their definition.

    Points, open lines and contours of fewer than three points are left out: they enclose nothing.
    """
    drawn = {int(item.ReferencedROINumber): item for item in structure_set.get("ROIContourSequence") or []}
    return [
        Structure(
            number=int(roi.ROINumber),
            name=str(roi.get("ROIName") or f"ROI {roi.ROINumber}"),
            color=_color(drawn.get(int(roi.ROINumber))),
            contours=tuple(_closed(drawn.get(int(roi.ROINumber)))),
        )
        for roi in structure_set.get("StructureSetROISequence") or []
    ]


def _color(item: Dataset | None) -> str | None:
    values = item.get("ROIDisplayColor") if item is not None else None
    if not values or len(values) != 3:
        return None
    return "#" + "".join(f"{min(max(int(value), 0), 255):02x}" for value in values)


def _closed(item: Dataset | None) -> Iterable[FloatArray]:
    for contour in (item.get("ContourSequence") if item is not None else None) or []:
        data = contour.get("ContourData") or []
        if contour.get("ContourGeometricType") == "CLOSED_PLANAR" and len(data) >= 9 and len(data) % 3 == 0:
            yield np.array(data, dtype=float).reshape(-1, 3)


def labelmap(structures: Sequence[Structure], geometry: VolumeGeometry) -> Labelmap:
    """Fill contours in the grid of an image.

    Parameters
    ----------
    structures
        The first one gets label 1. Where structures overlap, the later one wins.
    geometry
        Grid of the image, see `kahua.dicom.geometry.check_volume`.

    Returns
    -------
    Labelmap
        Shape (slices, rows, columns). A contour inside another one is a hole. Contours on slices that
        the image does not have are left out.

    Raises
    ------
    GeometryError
        A contour does not lie in the plane of the slices.
    """
    found: Labelmap = np.zeros(geometry.shape, dtype=np.uint16)
    to_grid = np.linalg.inv(geometry.affine)
    for label, structure in enumerate(structures, start=1):
        for place, mask in _filled(structure, to_grid, geometry).items():
            found[place][mask] = label
    return found


def _filled(structure: Structure, to_grid: FloatArray, geometry: VolumeGeometry) -> dict[int, Mask]:
    """Return by slice where a structure is: an odd number of its contours is around."""
    masks: dict[int, Mask] = {}
    slices, rows, columns = geometry.shape
    for contour in structure.contours:
        index = (to_grid @ np.c_[contour, np.ones(len(contour))].T)[:3].T
        if np.ptp(index[:, 2]) > 0.5:
            raise GeometryError(f"A contour of {structure.name!r} does not lie in the plane of the slices.")
        place = round(float(index[:, 2].mean()))
        if 0 <= place < slices:
            inside = _polygon(index[:, :2], rows, columns)
            masks[place] = masks[place] ^ inside if place in masks else inside
    return masks


def _polygon(points: FloatArray, rows: int, columns: int) -> Mask:
    """Return which pixels have their middle inside a polygon; points are (column, row), whole at pixel middles."""
    inside = np.zeros((rows, columns), dtype=bool)
    first = max(int(np.ceil(points[:, 1].min())), 0)
    last = min(int(np.floor(points[:, 1].max())), rows - 1)
    starts, ends = points, np.roll(points, -1, axis=0)
    middles = np.arange(columns)
    for row in range(first, last + 1):
        crosses = (starts[:, 1] <= row) != (ends[:, 1] <= row)
        begin, end = starts[crosses], ends[crosses]
        where = begin[:, 0] + (row - begin[:, 1]) * (end[:, 0] - begin[:, 0]) / (end[:, 1] - begin[:, 1])
        inside[row] = np.searchsorted(np.sort(where), middles, side="right") % 2 == 1
    return inside
