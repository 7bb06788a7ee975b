"""Where the slices of a series lie in the patient, and whether they are a volume.

Coordinates are those of DICOM: x grows to the patient's left, y to the back, z to the head, in mm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from kahua.errors import GeometryError

FloatArray = NDArray[np.floating[Any]]

#: Largest difference of a direction cosine within one stack; scanners write four to six decimals.
ORIENTATION_TOLERANCE: Final = 1e-3
#: Largest difference of a gap from the usual one, as a share of it: 5.0, 5.0, 5.01 is regular.
SPACING_TOLERANCE: Final = 0.02
#: Slices closer than this, in mm, lie at the same place.
SAME_PLACE: Final = 0.01
#: Largest sideways shift from slice to slice, as a share of the gap; more is a tilted gantry.
SHEAR_TOLERANCE: Final = 0.01
#: Most positions that a message names.
_NAMED: Final = 5


@dataclass(frozen=True, kw_only=True)
class VolumeGeometry:
    """The regular grid on which the slices of a series lie."""

    #: Slices, rows, columns.
    shape: tuple[int, int, int]
    #: Distances between slices, rows and columns, in mm.
    spacing: tuple[float, float, float]
    #: Shape (4, 4): from (column, row, slice) to (x, y, z) in mm.
    affine: FloatArray


def split_stacks(instances: Sequence[Dataset]) -> list[list[Dataset]]:
    """Sort instances into stacks of the same orientation, size and pixel spacing, in order of appearance.

    A localiser becomes one stack for each of its planes. Instances without a position in the
    patient are left out.
    """
    stacks: list[tuple[FloatArray, tuple[Any, ...], list[Dataset]]] = []
    for instance in instances:
        if not _is_placed(instance):
            continue
        orientation, size = _orientation(instance), _size(instance)
        for known, known_size, stack in stacks:
            if known_size == size and np.abs(known - orientation).max() <= ORIENTATION_TOLERANCE:
                stack.append(instance)
                break
        else:
            stacks.append((orientation, size, [instance]))
    return [stack for _, _, stack in stacks]


def slice_positions(instances: Sequence[Dataset]) -> FloatArray:
    """Place every slice of a series along the series' normal.

    Parameters
    ----------
    instances
        Single-frame images of one series, in any order, with Image Position
        (Patient) and Image Orientation (Patient).

    Returns
    -------
    FloatArray
        Shape (instances,), in mm, in the order given. Positions grow along the cross product of
        row and column direction in patient coordinates.

    Raises
    ------
    GeometryError
        An instance has no position, or the instances have more than one orientation or size: a
        localiser, or several stacks in one series. Split them with `split_stacks` first.

    Notes
    -----
    Neither Instance Number nor Slice Thickness tells the geometry: slices of 3.75 mm may lie
    3.27 mm apart. See PS3.3 C.7.6.2.1.1.
    """
    _require_one_stack(instances)
    orientation = _orientation(instances[0])
    normal = np.cross(orientation[:3], orientation[3:])
    positions: FloatArray = np.array([_position(instance) for instance in instances]) @ normal
    return positions


def sort_slices(instances: Sequence[Dataset]) -> list[Dataset]:
    """Return the slices in order of their position along the normal; see `slice_positions`."""
    order = np.argsort(slice_positions(instances), kind="stable")
    return [instances[number] for number in order]


def check_volume(instances: Sequence[Dataset]) -> VolumeGeometry:
    """Return the geometry of sorted slices, or say why they are no volume.

    Parameters
    ----------
    instances
        Single-frame images as `sort_slices` returns them.

    Raises
    ------
    GeometryError
        Slices are missing or doubled, the gantry was tilted, or the slices differ in orientation
        or size. The message names positions in mm along the normal.
    """
    positions = slice_positions(instances)
    gap = _regular_gap(positions, instances[0])
    origins = np.array([_position(instance) for instance in instances])
    step = (origins[-1] - origins[0]) / (len(instances) - 1) if len(instances) > 1 else None
    orientation = _orientation(instances[0])
    normal = np.cross(orientation[:3], orientation[3:])
    if step is None:
        step = normal * gap
    _refuse_shear(step - normal * gap, gap)
    rows, columns = int(instances[0].Rows), int(instances[0].Columns)
    between_rows, between_columns = (float(value) for value in instances[0].PixelSpacing)
    affine = np.eye(4)
    affine[:3, 0] = orientation[:3] * between_columns
    affine[:3, 1] = orientation[3:] * between_rows
    affine[:3, 2] = step
    affine[:3, 3] = origins[0]
    return VolumeGeometry(
        shape=(len(instances), rows, columns), spacing=(gap, between_rows, between_columns), affine=affine
    )


def _regular_gap(positions: FloatArray, first: Dataset) -> float:
    """Return the distance between neighbours, or raise with the places where it is another."""
    if len(positions) == 1:
        return float(first.get("SpacingBetweenSlices") or first.get("SliceThickness") or 1.0)
    gaps = np.diff(positions)
    doubled = positions[1:][gaps < SAME_PLACE]
    if doubled.size:
        places = np.unique(np.round(doubled, 2))
        raise GeometryError(
            f"{doubled.size} slices lie where another one does: at {_named(places)} mm.",
            remedy="The series may hold several time points, echoes or b-values: split it.",
            kind="doubled-positions",
        )
    usual = float(np.median(gaps))
    odd = np.abs(gaps - usual) > SPACING_TOLERANCE * usual
    if not odd.any():
        return float((positions[-1] - positions[0]) / (len(positions) - 1))
    missing = _missing(positions, gaps, usual)
    if missing.size:
        count = "One slice is" if missing.size == 1 else f"{missing.size} slices are"
        raise GeometryError(
            f"{count} missing: at {_named(missing)} mm. The others are {usual:.4g} mm apart.",
            remedy="Send the series again, completely.",
            kind="missing-slices",
        )
    raise GeometryError(
        f"The slices are not evenly spaced: usually {usual:.4g} mm apart, "
        f"but {', '.join(f'{gap:.4g}' for gap in gaps[odd][:_NAMED])} mm after {_named(positions[:-1][odd])} mm.",
        remedy="Resample the series to even distances before it is used as a volume.",
        kind="uneven-spacing",
    )


def _missing(positions: FloatArray, gaps: FloatArray, usual: float) -> FloatArray:
    """Return where slices are missing, if all odd gaps are whole multiples of the usual one."""
    multiples = np.rint(gaps / usual)
    if (np.abs(gaps - multiples * usual) > SPACING_TOLERANCE * usual * np.maximum(multiples, 1)).any():
        return np.empty(0)
    if multiples.sum() > 10 * len(positions):
        return np.empty(0)
    holes = [
        position + usual * np.arange(1, multiple)
        for position, multiple in zip(positions[:-1], multiples, strict=True)
        if multiple > 1
    ]
    return np.concatenate(holes) if holes else np.empty(0)


def _refuse_shear(sideways: FloatArray, gap: float) -> None:
    shift = float(np.linalg.norm(sideways))
    if shift > SHEAR_TOLERANCE * gap:
        angle = np.degrees(np.arctan2(shift, gap))
        raise GeometryError(
            f"The slices are shifted sideways by {shift:.3g} mm each: the gantry was tilted by {angle:.1f} degrees.",
            remedy="Resample the series to an upright volume first.",
            kind="gantry-tilt",
        )


def _named(positions: FloatArray) -> str:
    text = ", ".join(f"{position:.4g}" for position in positions[:_NAMED])
    return f"{text} and {positions.size - _NAMED} more places" if positions.size > _NAMED else text


def _require_one_stack(instances: Sequence[Dataset]) -> None:
    if not instances:
        raise GeometryError("There are no slices.")
    unplaced = sum(not _is_placed(instance) for instance in instances)
    if unplaced:
        raise GeometryError(f"{unplaced} of {len(instances)} images have no position and orientation in the patient.")
    orientations = np.array([_orientation(instance) for instance in instances])
    if np.ptp(orientations, axis=0).max() > ORIENTATION_TOLERANCE:
        raise GeometryError(
            f"The images have {len(split_stacks(instances))} different orientations: a localiser or several stacks.",
            remedy="Choose a series with one orientation, or split it.",
        )
    if len({_size(instance) for instance in instances}) > 1:
        raise GeometryError("The images differ in Rows, Columns or Pixel Spacing.")


def _is_placed(instance: Dataset) -> bool:
    return all(
        len(instance.get(keyword) or ()) == count
        for keyword, count in (("ImagePositionPatient", 3), ("ImageOrientationPatient", 6), ("PixelSpacing", 2))
    )


def _size(instance: Dataset) -> tuple[Any, ...]:
    spacing = (round(float(value), 3) for value in instance.PixelSpacing)
    return int(instance.Rows), int(instance.Columns), *spacing


def _orientation(instance: Dataset) -> FloatArray:
    return _finite(instance.ImageOrientationPatient)


def _position(instance: Dataset) -> FloatArray:
    return _finite(instance.ImagePositionPatient)


def _finite(values: Sequence[Any]) -> FloatArray:
    try:
        numbers = np.array(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise GeometryError("A position or orientation is no number.") from error
    if not np.isfinite(numbers).all():
        raise GeometryError("A position or orientation is no number.")
    return numbers
