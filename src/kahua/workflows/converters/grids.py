"""Grids of voxels in space: from DICOM's axes to NIfTI's, and one grid's order of axes to another's. Pure."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kahua.errors import GeometryError

FloatArray = NDArray[np.float64]

#: Two grids are the same if no corner of one is further from the other's than this, in voxels.
CORNER_TOLERANCE = 0.05

#: DICOM's patient axes point to the left, to the back and to the head; NIfTI's to the right, to the front, to the head.
LPS_TO_RAS: FloatArray = np.diag([-1.0, -1.0, 1.0, 1.0])


def to_ras(affine: NDArray[Any]) -> FloatArray:
    """Turn an affine from voxel to DICOM patient coordinates (LPS, mm) into one to NIfTI's (RAS, mm)."""
    turned: FloatArray = LPS_TO_RAS @ affine
    return turned


def in_grid(labels: NDArray[Any], affine: FloatArray, shape: tuple[int, ...], wanted: FloatArray) -> NDArray[Any]:
    """Bring labels into the order of axes of another grid; nothing is resampled.

    Parameters
    ----------
    labels
        Shape (i, j, k).
    affine
        From the voxel of the labels to coordinates in mm.
    shape
        Shape of the other grid.
    wanted
        From the voxel of the other grid to the same coordinates.

    Raises
    ------
    GeometryError
        The two are not the same grid: says by what they differ.
    """
    between = np.linalg.solve(wanted, affine)  # from a voxel of the labels to the same place in the other grid
    axes = [int(axis) for axis in np.abs(between[:3, :3]).argmax(axis=0)]
    if sorted(axes) != [0, 1, 2] or tuple(shape[axis] for axis in axes) != labels.shape:
        raise _other_grid(labels.shape, affine, shape, wanted)
    flips = [place for place, axis in enumerate(axes) if between[axis, place] < 0]
    exact = np.zeros((4, 4))
    exact[3, 3] = 1
    for place, axis in enumerate(axes):
        exact[axis, place] = -1 if place in flips else 1
        exact[axis, 3] = shape[axis] - 1 if place in flips else 0
    corners = np.array(np.meshgrid(*((0, size - 1) for size in labels.shape), [1])).reshape(4, -1)
    if np.abs((between - exact) @ corners).max() > CORNER_TOLERANCE:
        raise _other_grid(labels.shape, affine, shape, wanted)
    turned: NDArray[Any] = np.flip(labels, tuple(flips)).transpose(tuple(np.argsort(axes)))
    return turned


def _other_grid(
    labels: tuple[int, ...], affine: FloatArray, shape: tuple[int, ...], wanted: FloatArray
) -> GeometryError:
    return GeometryError(
        f"The labels do not lie in the grid of the image: they are {_words(labels, affine)}; "
        f"the image is {_words(shape, wanted)}.",
        remedy="The step has to write its labels in the grid of the image that it was given; they are not resampled.",
    )


def _words(shape: tuple[int, ...], affine: FloatArray) -> str:
    size = "×".join(str(count) for count in shape)
    spacing = "×".join(f"{step:.3g}" for step in np.linalg.norm(affine[:3, :3], axis=0))
    origin = ", ".join(f"{place:.1f}" for place in affine[:3, 3])
    return f"{size} voxels of {spacing} mm from ({origin})"
