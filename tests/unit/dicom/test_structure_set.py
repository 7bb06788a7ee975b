import numpy as np
import pydicom
import pytest
from pydicom import Dataset, Sequence

from kahua.dicom.geometry import VolumeGeometry, check_volume, sort_slices
from kahua.dicom.segmentation import read_segmentation
from kahua.dicom.structure_set import Structure, contours, labelmap
from kahua.errors import GeometryError
from kahua.testing import factory

from .reading import shared, shared_files

GRID = VolumeGeometry(shape=(3, 10, 12), spacing=(1, 1, 1), affine=np.eye(4))


def square(low: float, high: float, z: float = 1) -> np.ndarray:
    return np.array([[low, low, z], [high, low, z], [high, high, z], [low, high, z]], dtype=float)


def structure(*shapes: np.ndarray, number: int = 1) -> Structure:
    return Structure(number=number, name="S", color=None, contours=shapes)


def test_pixels_whose_middle_is_inside_are_filled() -> None:
    found = labelmap([structure(square(1.5, 4.5))], GRID)
    assert np.argwhere(found).tolist() == [[1, row, column] for row in (2, 3, 4) for column in (2, 3, 4)]


def test_a_contour_inside_another_one_is_a_hole() -> None:
    found = labelmap([structure(square(0.5, 6.5), square(2.5, 4.5))], GRID)
    assert found.sum() == 36 - 4
    assert found[1, 3, 3] == 0


def test_the_later_structure_lies_above() -> None:
    found = labelmap([structure(square(0.5, 6.5)), structure(square(4.5, 8.5), number=2)], GRID)
    assert (found[1, 5, 5], found[1, 1, 1]) == (2, 1)


def test_contours_outside_of_the_image_are_left_out() -> None:
    assert not labelmap([structure(square(1, 4, z=9), square(-9, -5), square(50, 60))], GRID).any()


def test_a_contour_across_the_slices_is_refused() -> None:
    shape = square(1, 4)
    shape[0, 2] = 2
    with pytest.raises(GeometryError, match="plane of the slices"):
        labelmap([structure(shape)], GRID)


def test_structures_are_told_apart_by_number_not_by_name() -> None:
    dataset = Dataset()
    rois, drawings = [], []
    for number in (4, 7):
        roi, drawing, contour = Dataset(), Dataset(), Dataset()
        roi.ROINumber, roi.ROIName = number, "Twice"
        contour.ContourGeometricType = "CLOSED_PLANAR"
        contour.ContourData = (square(0, number)).reshape(-1).tolist()
        drawing.ReferencedROINumber, drawing.ROIDisplayColor = number, [255, 0, 16]
        drawing.ContourSequence = Sequence([contour])
        rois.append(roi)
        drawings.append(drawing)
    dataset.StructureSetROISequence, dataset.ROIContourSequence = Sequence(rois), Sequence(drawings)
    found = contours(dataset)
    assert [(each.number, each.name, each.color, each.contours[0].max()) for each in found] == [
        (4, "Twice", "#ff0010", 4),
        (7, "Twice", "#ff0010", 7),
    ]


@shared
def test_a_real_structure_set_fills_as_the_segmentation_it_was_made_from() -> None:
    sources = [pydicom.dcmread(path, stop_before_pixels=True) for path in shared_files("petct_acrin/ct")]
    (drawn,) = (pydicom.dcmread(path) for path in shared_files("petct_acrin/rtstruct_derived"))
    (segmented,) = (pydicom.dcmread(path) for path in shared_files("petct_acrin/seg_ct"))
    structures = [each for each in contours(drawn) if each.contours]
    geometry = check_volume(sort_slices(sources))
    expected = read_segmentation(segmented, sources)
    for number, each in enumerate(structures, start=1):
        ours, theirs = labelmap([each], geometry) > 0, expected.mask(number)
        dice = 2 * (ours & theirs).sum() / (ours.sum() + theirs.sum())
        assert dice > 0.95


@shared
def test_a_structure_set_of_absent_slices_is_read() -> None:
    files = [pydicom.dcmread(path) for path in shared_files("rt_cheese_phantom")]
    sources = [each for each in files if each.Modality == "CT"]
    (dataset,) = (each for each in files if each.Modality == "RTSTRUCT")
    found = labelmap(contours(dataset), check_volume(sort_slices(sources)))
    assert found.shape[0] == len(sources) == 6
    assert sources[0].SOPClassUID == factory.CT_IMAGE_STORAGE
