import io
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, Sequence

from kahua.dicom.volume import conventional, from_nifti, image_series, read_volume, to_nifti
from kahua.errors import GeometryError, InvalidInput
from kahua.testing import factory, phantom

from .reading import scan_file, shared, shared_files

NAMES: dict[str, Any] = {
    "patient_id": "P1",
    "patient_name": "Phantom^Head",
    "study_uid": "1.2.3",
    "series_uid": "1.2.3.4",
    "description": "T1",
}


def series_of(array: NDArray[Any], affine: NDArray[Any], modality: str = "MR") -> list[Dataset]:
    return image_series(array, affine, modality=modality, **NAMES)


def test_a_series_reads_as_ct_numbers_in_order() -> None:
    series = factory.ct_series(slices=6)
    volume = read_volume(series[::-1])
    assert np.array_equal(volume.array, phantom.ct((6, 32, 32)))
    assert [instance.InstanceNumber for instance in volume.instances] == [1, 2, 3, 4, 5, 6]
    assert (volume.affine @ [0, 0, 0, 1]).tolist() == [-120, -120, -7.5, 1]


def test_each_slice_is_rescaled_by_its_own_slope() -> None:
    series = factory.ct_series(slices=2)
    series[1].RescaleSlope = "0.5"
    volume = read_volume(series)
    assert volume.array.dtype == np.float32
    assert np.allclose((volume.array[1] + 1024) * 2, phantom.ct((2, 32, 32))[1] + 1024)


def test_an_enhanced_image_reads_as_a_volume() -> None:
    image = factory.picture(phantom.mr((3, 8, 8)).astype(np.uint16)[::-1])
    measures, orientation, shared_groups = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = ["2", "2"]
    orientation.ImageOrientationPatient = list(factory.AXIAL)
    shared_groups.PixelMeasuresSequence = Sequence([measures])
    shared_groups.PlaneOrientationSequence = Sequence([orientation])
    image.SharedFunctionalGroupsSequence = Sequence([shared_groups])
    frames = []
    for z in (8, 4, 0):
        position, frame = Dataset(), Dataset()
        position.ImagePositionPatient = ["0", "0", str(z)]
        frame.PlanePositionSequence = Sequence([position])
        frames.append(frame)
    image.PerFrameFunctionalGroupsSequence = Sequence(frames)
    volume = read_volume([image])
    assert np.array_equal(volume.array, phantom.mr((3, 8, 8)))
    assert volume.geometry.spacing == (4, 2, 2)


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
@pytest.mark.parametrize("kind", [np.int16, np.uint8, np.int32, np.float32, np.float64])
def test_a_volume_survives_the_way_through_dicom(modality: str, kind: type) -> None:
    array = phantom.mr((4, 6, 5)).astype(kind)
    affine = np.array([[2, 0, 0, -10], [0, 2.5, 0, -20], [0, 0, 3, 30], [0, 0, 0, 1]], float)
    volume = read_volume(series_of(array, affine, modality))
    assert np.allclose(volume.array, array, atol=0 if array.dtype.kind in "iu" else np.ptp(array) / 65535)
    assert np.allclose(volume.affine, affine)


def test_values_around_zero_survive() -> None:
    array = np.arange(-30, 30).reshape(3, 4, 5) * 1000
    assert np.array_equal(read_volume(series_of(array, np.eye(4))).array, array)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "ASR", "SPL", "LIA", "PIR"])
def test_every_voxel_stays_where_it_was_in_the_patient(codes: str) -> None:
    data = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    head = nibabel.Nifti1Image(data, np.diag([1.0, 2.0, 3.0, 1.0]))
    target = nibabel.orientations.axcodes2ornt(tuple(codes))
    turned = head.as_reoriented(nibabel.orientations.ornt_transform(nibabel.io_orientation(head.affine), target))
    volume = read_volume(series_of(*from_nifti(np.asarray(turned.dataobj), turned.affine)))
    back = nibabel.Nifti1Image(*to_nifti(volume.array, volume.affine))
    assert np.array_equal(np.asarray(nibabel.as_closest_canonical(back).dataobj), data)
    assert np.allclose(nibabel.as_closest_canonical(back).affine, head.affine)


def test_an_oblique_grid_survives() -> None:
    angle = np.radians(20)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([1.0, 1.5, 2.0])
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    volume = read_volume(series_of(array, affine))
    assert np.allclose(volume.affine, affine, atol=1e-6)
    assert np.array_equal(volume.array, array)


def test_slices_are_taken_along_the_coarse_axis() -> None:
    array, affine = conventional(np.zeros((4, 6, 5)), np.diag([4.0, 1.0, 1.0, 1.0]))
    assert array.shape == (5, 4, 6)
    assert affine[:3, 2].tolist() == [4, 0, 0]
    assert affine[:3, 0].tolist() == [0, 1, 0]
    assert affine[:3, 1].tolist() == [0, 0, -1]


def test_a_sheared_grid_is_refused() -> None:
    affine = np.eye(4)
    affine[0, 2] = 0.3
    with pytest.raises(GeometryError, match="sheared"):
        series_of(np.zeros((2, 2, 2)), affine)


def test_what_is_no_volume_is_not_written() -> None:
    with pytest.raises(InvalidInput, match="modality"):
        series_of(np.zeros((2, 2, 2)), np.eye(4), "OT")
    with pytest.raises(InvalidInput, match="no volume"):
        series_of(np.zeros((2, 2)), np.eye(4))


def test_the_same_volume_gives_the_same_files() -> None:
    written = []
    for _ in range(2):
        for instance in series_of(np.ones((2, 2, 2)), np.eye(4)):
            buffer = io.BytesIO()
            instance.save_as(buffer, enforce_file_format=True)
            written.append(buffer.getvalue())
    assert written[:2] == written[2:]
    header = scan_file(written[0])
    assert (header.study_uid, header.series_uid, header.text("00100020")) == ("1.2.3", "1.2.3.4", "P1")
    assert header.findings == ()


@shared
def test_a_real_ct_series_is_a_volume() -> None:
    volume = read_volume([pydicom.dcmread(path) for path in shared_files("petct_acrin/ct")])
    assert volume.array.shape == (135, 512, 512)
    assert volume.geometry.spacing == pytest.approx((3.27, 0.9766, 0.9766), abs=1e-3)
    assert volume.array.dtype == np.int16
