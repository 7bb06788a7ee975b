"""A head made of ellipsoids: easy to recognise, with regions whose volumes are known."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Ellipsoid:
    """One region, in a cube that reaches from -1 to 1 along the patient's x (left), y (back) and z (head)."""

    name: str
    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    #: CT number of what is inside.
    hounsfield: int
    #: Signal of a T1-weighted MR image of what is inside.
    signal: int


#: From the outside in: a later region lies over the earlier ones.
HEAD = (
    Ellipsoid(name="skin", centre=(0, 0, 0), radii=(0.78, 0.92, 0.92), hounsfield=40, signal=300),
    Ellipsoid(name="skull", centre=(0, 0, 0), radii=(0.72, 0.86, 0.86), hounsfield=900, signal=40),
    Ellipsoid(name="brain", centre=(0, 0, 0), radii=(0.64, 0.78, 0.78), hounsfield=35, signal=700),
    Ellipsoid(name="ventricle left", centre=(0.16, 0.05, 0.1), radii=(0.09, 0.3, 0.22), hounsfield=5, signal=150),
    Ellipsoid(name="ventricle right", centre=(-0.16, 0.05, 0.1), radii=(0.09, 0.3, 0.22), hounsfield=5, signal=150),
    Ellipsoid(name="lesion", centre=(0.36, -0.35, 0.2), radii=(0.14, 0.14, 0.14), hounsfield=75, signal=950),
)
AIR_HOUNSFIELD = -1000


def labels(shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return the number of the region in each voxel, 0 outside and 1 for the first of HEAD.

    Parameters
    ----------
    shape
        Slices, rows, columns: z grows with the slice, y with the row, x with the column.
    """
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, count) if count > 1 else np.zeros(1) for count in shape), indexing="ij")
    found = np.zeros(shape, dtype=np.uint8)
    for number, region in enumerate(HEAD, start=1):
        (cx, cy, cz), (rx, ry, rz) = region.centre, region.radii
        found[((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 + ((z - cz) / rz) ** 2 <= 1] = number
    return found


def ct(shape: tuple[int, int, int]) -> NDArray[np.int16]:
    """Return CT numbers of the head, with a little noise that is the same each time."""
    return _painted(shape, [AIR_HOUNSFIELD, *(region.hounsfield for region in HEAD)], noise=4)


def mr(shape: tuple[int, int, int]) -> NDArray[np.int16]:
    """Return T1-weighted signal of the head, never below 0."""
    signal: NDArray[np.int16] = np.maximum(_painted(shape, [0, *(region.signal for region in HEAD)], noise=6), 0)
    return signal


def _painted(shape: tuple[int, int, int], values: list[int], *, noise: int) -> NDArray[Any]:
    clean = np.array(values, dtype=np.int16)[labels(shape)]
    painted: NDArray[Any] = clean + np.random.default_rng(7).integers(-noise, noise + 1, shape, dtype=np.int16)
    return painted
