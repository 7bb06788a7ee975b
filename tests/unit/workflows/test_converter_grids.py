import itertools
import math

import numpy as np
import pytest

from kahua.errors import GeometryError
from kahua.workflows.converters.grids import in_grid, to_ras

SHAPE = (5, 4, 3)
LABELS = np.arange(math.prod(SHAPE)).reshape(SHAPE)

#: An oblique grid: voxels of 0.7 × 0.7 × 3 mm, turned by 20° about the first axis.
TURN = math.radians(20)
AFFINE = np.array(
    [
        [0.7, 0.0, 0.0, -12.0],
        [0.0, 0.7 * math.cos(TURN), -3.0 * math.sin(TURN), 30.0],
        [0.0, 0.7 * math.sin(TURN), 3.0 * math.cos(TURN), -5.0],
        [0.0, 0.0, 0.0, 1.0],
    ]
)


def reordered(axes: tuple[int, ...], flips: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The same labels in space, stored with axes in another order and direction."""
    stored = np.flip(LABELS.transpose(axes), flips)
    step = np.zeros((4, 4))
    step[3, 3] = 1
    for place, axis in enumerate(axes):
        step[axis, place] = -1 if place in flips else 1
        step[axis, 3] = SHAPE[axis] - 1 if place in flips else 0
    return stored, AFFINE @ step


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flips", [(), (0,), (1, 2), (0, 1, 2)])
def test_labels_come_back_from_any_order_of_axes(axes: tuple[int, ...], flips: tuple[int, ...]) -> None:
    stored, affine = reordered(axes, flips)
    np.testing.assert_array_equal(in_grid(stored, affine, SHAPE, AFFINE), LABELS)


def test_rounding_in_a_header_is_no_other_grid() -> None:
    np.testing.assert_array_equal(in_grid(LABELS, AFFINE.astype(np.float32), SHAPE, AFFINE), LABELS)


def shifted() -> np.ndarray:
    moved = AFFINE.copy()
    moved[0, 3] += 0.35
    return moved


@pytest.mark.parametrize(
    ("labels", "affine"),
    [
        (LABELS, shifted()),
        (LABELS, AFFINE @ np.diag([1.0, 1.0, 1.1, 1.0])),
        (LABELS, np.diag([0.7, 0.7, 3.0, 1.0])),
        (LABELS[:, :, :2], AFFINE),
    ],
    ids=["half a voxel away", "other spacing", "other direction", "a slice less"],
)
def test_another_grid_is_refused_and_described(labels: np.ndarray, affine: np.ndarray) -> None:
    with pytest.raises(GeometryError, match=r"do not lie in the grid of the image: they are 5×4×\d voxels") as refused:
        in_grid(labels, affine, SHAPE, AFFINE)
    assert "5×4×3 voxels of 0.7×0.7×3 mm from (-12.0, 30.0, -5.0)" in refused.value.message
    assert "not resampled" in str(refused.value.remedy)


def test_nifti_points_right_and_front_where_dicom_points_left_and_back() -> None:
    np.testing.assert_allclose(to_ras(np.eye(4)) @ [1, 2, 3, 1], [-1, -2, 3, 1])
