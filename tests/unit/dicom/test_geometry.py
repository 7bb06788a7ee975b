import numpy as np
import pytest
from pydicom import Dataset

from kahua.dicom.geometry import check_volume, slice_positions, sort_slices, split_stacks
from kahua.errors import GeometryError
from kahua.testing import factory


def placed(*positions: float, orientation: tuple[float, ...] = factory.AXIAL) -> list[Dataset]:
    """Return slices at places along the axis that an orientation leaves over."""
    normal = np.cross(orientation[:3], orientation[3:])
    series = factory.ct_series(slices=len(positions), rows=4, columns=4)
    for instance, position in zip(series, positions, strict=True):
        instance.ImageOrientationPatient = list(orientation)
        instance.ImagePositionPatient = [round(value, 6) for value in (normal * position).tolist()]
    return series


@pytest.mark.parametrize("orientation", [factory.AXIAL, factory.SAGITTAL, factory.CORONAL])
def test_positions_grow_along_the_normal(orientation: tuple[float, ...]) -> None:
    assert slice_positions(placed(5, -2.5, 0, orientation=orientation)).tolist() == [5, -2.5, 0]


def test_slices_are_sorted_by_position_not_by_number() -> None:
    series = placed(6, 0, 3)
    assert [instance.InstanceNumber for instance in sort_slices(series)] == [2, 3, 1]


def test_a_regular_series_has_a_geometry() -> None:
    geometry = check_volume(factory.ct_series(slices=5))
    assert (geometry.shape, geometry.spacing) == ((5, 32, 32), (3, 7.5, 7.5))
    assert (geometry.affine @ [0, 0, 4, 1]).tolist() == [-120, -120, 6, 1]
    assert (geometry.affine @ [31, 0, 0, 1]).tolist() == [-120 + 31 * 7.5, -120, -6, 1]


def test_an_oblique_series_has_a_geometry() -> None:
    tilted = (1.0, 0.0, 0.0, 0.0, 0.8, 0.6)
    geometry = check_volume(placed(0, 2, 4, orientation=tilted))
    assert geometry.affine[:3, 2] == pytest.approx([0, -1.2, 1.6])


@pytest.mark.parametrize(
    ("positions", "message"),
    [
        ((0, 3, 9, 12), "One slice is missing: at 6 mm. The others are 3 mm apart."),
        ((0, 1, 2, 3, 7, 8), "3 slices are missing: at 4, 5, 6 mm"),
        ((0, 3, 3, 6, 9), "1 slices lie where another one does: at 3 mm."),
        ((0, 3, 6, 9, 10.7), "not evenly spaced: usually 3 mm apart, but 1.7 mm after 9 mm"),
    ],
)
def test_the_message_says_where_slices_are_wrong(positions: tuple[float, ...], message: str) -> None:
    with pytest.raises(GeometryError, match=message):
        check_volume(sort_slices(placed(*positions)))


def test_a_tilted_gantry_is_no_volume() -> None:
    series = factory.ct_series(slices=4)
    for number, instance in enumerate(series):
        instance.ImagePositionPatient = [-120, -120 + number * 0.8, number * 3]
    with pytest.raises(GeometryError, match=r"shifted sideways by 0.8 mm each: the gantry was tilted by 14.9 degrees"):
        check_volume(series)


def test_several_orientations_are_no_volume() -> None:
    localiser = [*placed(0, 3), *placed(0, 3, orientation=factory.SAGITTAL)]
    with pytest.raises(GeometryError, match="2 different orientations"):
        sort_slices(localiser)
    assert [len(stack) for stack in split_stacks(localiser)] == [2, 2]


def test_different_sizes_are_no_volume() -> None:
    with pytest.raises(GeometryError, match="Rows, Columns or Pixel Spacing"):
        sort_slices([*placed(0), *factory.ct_series(slices=2, rows=8)])


def test_images_without_a_position_are_no_volume() -> None:
    with pytest.raises(GeometryError, match="1 of 1 images have no position"):
        sort_slices([factory.picture(np.zeros((4, 4), np.uint8))])
    with pytest.raises(GeometryError, match="no slices"):
        sort_slices([])


def test_one_slice_is_as_thick_as_it_says() -> None:
    assert check_volume(placed(7)).spacing[0] == 3
