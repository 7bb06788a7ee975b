import io
import warnings
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom import Dataset

from kahua.dicom.codes import Code
from kahua.dicom.segmentation import SegmentLabel, build_segmentation, read_segmentation
from kahua.errors import GeometryError, InvalidInput
from kahua.testing import factory, phantom

from .reading import scan_file, shared, shared_files

BRAIN = SegmentLabel(label=3, name="Brain", type=Code(value="12738006", scheme="SCT", meaning="Brain"), color="#ff0000")
LESION = SegmentLabel(
    label=6,
    name="Lesion",
    category=Code(value="49755003", scheme="SCT", meaning="Morphologically Abnormal Structure"),
    type=Code(value="52988006", scheme="SCT", meaning="Lesion"),
    region=Code(value="12738006", scheme="SCT", meaning="Brain"),
)


def labelmap(slices: int = 6) -> NDArray[np.uint8]:
    labels = phantom.labels((slices, 32, 32))
    return np.where(np.isin(labels, (3, 6)), labels, 0)


def build(sources: list[Dataset], labels: NDArray[Any], **options: Any) -> Dataset:
    built = build_segmentation(
        sources,
        labels,
        (BRAIN, LESION),
        series_uid="1.2.3.9",
        description="Brain",
        algorithm_name="threshold",
        algorithm_version="1.0",
        **options,
    )
    buffer = io.BytesIO()
    built.save_as(buffer, enforce_file_format=True)
    return pydicom.dcmread(io.BytesIO(buffer.getvalue()))


@pytest.mark.parametrize("as_labelmap", [False, True])
def test_labels_survive_the_way_through_dicom(as_labelmap: bool) -> None:
    sources = factory.mr_series(slices=6)
    found = read_segmentation(build(sources[::-1], labelmap(), as_labelmap=as_labelmap), sources)
    assert len(found.labelmaps) == 1
    assert np.array_equal(found.mask(1), labelmap() == 3)
    assert np.array_equal(found.mask(2), labelmap() == 6)
    assert [(segment.label, segment.name, segment.type, segment.region) for segment in found.segments] == [
        (1, "Brain", BRAIN.type, None),
        (2, "Lesion", LESION.type, LESION.region),
    ]


def test_highdicom_reads_the_same_from_it() -> None:
    sources = factory.mr_series(slices=6)
    segmentation = highdicom.seg.Segmentation.from_dataset(build(sources, labelmap()))
    pixels = segmentation.get_pixels_by_source_instance(
        [source.SOPInstanceUID for source in sources],
        combine_segments=True,
        ignore_spatial_locations=True,
        assert_missing_frames_are_empty=True,
    )
    assert np.array_equal(pixels == 1, labelmap() == 3)


def test_empty_slices_take_no_frame() -> None:
    labels = labelmap()
    labels[:3] = 0
    assert build(factory.mr_series(slices=6), labels).NumberOfFrames < 6


def test_an_empty_result_is_a_segmentation() -> None:
    sources = factory.mr_series(slices=6)
    found = read_segmentation(build(sources, np.zeros((6, 32, 32), np.uint8)), sources)
    assert not found.labelmaps[0].any()
    assert len(found.segments) == 2


def test_the_segmentation_refers_to_its_image_and_its_algorithm() -> None:
    sources = factory.mr_series(slices=6)
    built = build(sources, labelmap())
    buffer = io.BytesIO()
    built.save_as(buffer, enforce_file_format=True)
    header = scan_file(buffer.getvalue())
    assert header.references == (sources[0].SeriesInstanceUID,)
    assert (header.text("00080060"), header.text("0008103E"), header.text("00100020")) == ("SEG", "Brain", "PHANTOM-1")
    assert header.findings == ()
    algorithm = built.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0]
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("threshold", "1.0")


def test_a_source_with_hardly_any_attributes_will_do() -> None:
    sources = factory.mr_series(slices=6)
    for source in sources:
        for keyword in ("PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber", "ReferringPhysicianName"):
            delattr(source, keyword)
    assert build(sources, labelmap()).PatientID == "PHANTOM-1"


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (np.zeros((5, 32, 32), np.uint8), GeometryError, "shape"),
        (np.full((6, 32, 32), 9, np.uint8), InvalidInput, r"\[9\] have no meaning"),
        (np.zeros((6, 32, 32)), InvalidInput, "no whole numbers"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: NDArray[Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build(factory.mr_series(slices=6), labels)


def test_a_segmentation_of_another_image_is_refused() -> None:
    built = build(factory.mr_series(slices=6), labelmap())
    with pytest.raises(GeometryError, match="beside the slices"):
        read_segmentation(built, factory.mr_series(slices=5))
    with pytest.raises(GeometryError, match="32 x 32"):
        read_segmentation(built, factory.mr_series(slices=6, rows=16))


def read_files(*folders: str) -> list[Dataset]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom remarks on values in real files
        return [pydicom.dcmread(path) for path in shared_files(*folders)]


@shared
def test_a_segmentation_of_43_segments_is_read_exactly() -> None:
    sources, (dataset,) = read_files("mr_mprage_freesurfer/t1"), read_files("mr_mprage_freesurfer/seg_897frames")
    found = read_segmentation(dataset, sources)
    assert (len(found.segments), found.labelmaps[0].shape) == (43, (128, 256, 256))
    frames = highdicom.seg.Segmentation.from_dataset(dataset, copy=False).pixel_array
    assert sum(int(np.count_nonzero(each)) for each in found.labelmaps) == int(frames.sum())
    assert found.segments[0].type.meaning != ""


@shared
def test_overlapping_segments_come_in_several_labelmaps() -> None:
    files = read_files("dcmqi_ct3slice")
    sources = [each for each in files if each.Modality == "CT"]
    (dataset,) = (each for each in files if each.Modality == "SEG" and len(each.SegmentSequence) > 1)
    found = read_segmentation(dataset, sources)
    assert len(found.labelmaps) > 1
    expected = highdicom.seg.Segmentation.from_dataset(dataset).pixel_array.sum()
    assert sum(int(found.mask(segment.label).sum()) for segment in found.segments) == expected


def test_the_factory_makes_segmentations() -> None:
    sources = factory.ct_series(slices=6)
    found = read_segmentation(factory.segmentation(sources), sources)
    assert [segment.name for segment in found.segments] == ["Brain", "Lesion"]
    assert np.array_equal(found.mask(2), phantom.labels((6, 32, 32)) == 6)
