"""DICOM segmentations: labelmaps with a meaning, in the space of an image.

A labelmap has shape (slices, rows, columns) and the order of `kahua.dicom.geometry.sort_slices`:
that of the position along the normal, not that of files or instance numbers.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import highdicom
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless

from kahua.dicom.codes import ANATOMICAL_STRUCTURE, Code, code_of
from kahua.dicom.derivation import complete_source
from kahua.dicom.functional_groups import frame_attribute
from kahua.dicom.geometry import FloatArray, check_volume, sort_slices
from kahua.dicom.pixels import frame_count, read_frames
from kahua.dicom.uids import uid_from
from kahua.errors import GeometryError, InvalidInput

Labelmap = NDArray[np.uint16]

#: Largest distance, in mm, between a frame of a segmentation and the slice that it lies on.
SAME_PLACE: Final = 0.1


@dataclass(frozen=True, kw_only=True)
class SegmentLabel:
    """What a label of a labelmap means."""

    #: Value in the labelmap; in a DICOM segmentation, the Segment Number.
    label: int
    name: str
    #: SNOMED codes of what kind of thing it is and of what it is.
    category: Code = ANATOMICAL_STRUCTURE
    type: Code = ANATOMICAL_STRUCTURE
    #: Where in the body it lies, if the type does not say so.
    region: Code | None = None
    #: Colour in which to draw it, ``#rrggbb``.
    color: str | None = None
    #: Identifies the same thing in other objects; None makes a new one of the instance's UID.
    tracking_uid: str | None = None


@dataclass(frozen=True, kw_only=True)
class Segmentation:
    """A segmentation in the grid of an image."""

    #: Shape (slices, rows, columns) each, 0 where there is nothing. More than one only where segments overlap.
    labelmaps: tuple[Labelmap, ...]
    #: By their labels; every segment is in exactly one of the labelmaps.
    segments: tuple[SegmentLabel, ...]

    def mask(self, label: int) -> NDArray[np.bool_]:
        """Return where a segment is."""
        found = np.zeros(self.labelmaps[0].shape, dtype=bool)
        for labelmap in self.labelmaps:
            found |= labelmap == label
        return found


def build_segmentation(
    sources: Sequence[Dataset],
    labelmap: NDArray[Any],
    segments: Sequence[SegmentLabel],
    *,
    series_uid: str,
    description: str,
    algorithm_name: str,
    algorithm_version: str,
    series_number: int = 900,
    software_version: str = "0",
    as_labelmap: bool = False,
) -> Dataset:
    """Write a labelmap as a DICOM segmentation.

    Parameters
    ----------
    sources
        The images of the series that was segmented, in any order; pixels are not needed.
    labelmap
        Shape (slices, rows, columns) in the order of `sort_slices`; whole numbers.
    segments
        What the labels mean. All non-zero labels of the labelmap must be among them. In the
        object they are numbered from 1 in this order, as DICOM wants it.
    series_uid
        Series Instance UID of the new series. Its instance's UID depends on it alone.
    description
        Series Description.
    algorithm_name, algorithm_version
        What made it.
    series_number, software_version
        Of the new series, and of the program that wrote it.
    as_labelmap
        LABELMAP with JPEG-LS, a hundredth of the size, instead of BINARY, which every receiver reads.

    Raises
    ------
    GeometryError
        The sources are no stack of slices, or the labelmap is not of their shape.
    InvalidInput
        A label has no meaning.
    """
    ordered = [complete_source(source) for source in sort_slices(sources)]
    numbered = _numbered(labelmap, segments, ordered)
    instance_uid = uid_from("instance", series_uid, "1")
    algorithm = highdicom.AlgorithmIdentificationSequence(
        name=algorithm_name, version=algorithm_version, family=_ARTIFICIAL_INTELLIGENCE.dicom()
    )
    descriptions = [
        _description(segment, number, algorithm, instance_uid) for number, segment in enumerate(segments, start=1)
    ]
    with warnings.catch_warnings():
        # The sources come from elsewhere and are copied as they are, with values that pydicom remarks on.
        warnings.filterwarnings("ignore", category=UserWarning, module=r"pydicom\.|highdicom\.")
        return highdicom.seg.Segmentation(
            source_images=ordered,
            pixel_array=numbered,
            segmentation_type="LABELMAP" if as_labelmap else "BINARY",
            segment_descriptions=descriptions,
            series_instance_uid=series_uid,
            series_number=series_number,
            sop_instance_uid=instance_uid,
            instance_number=1,
            manufacturer="Kahua",
            manufacturer_model_name="Kahua",
            software_versions=software_version,
            device_serial_number="0",
            omit_empty_frames=bool(numbered.any()),
            transfer_syntax_uid=JPEGLSLossless if as_labelmap else ExplicitVRLittleEndian,
            series_description=description[:64],
        )


_ARTIFICIAL_INTELLIGENCE: Final = Code(value="123109", scheme="DCM", meaning="Artificial Intelligence")


def _numbered(labelmap: NDArray[Any], segments: Sequence[SegmentLabel], ordered: Sequence[Dataset]) -> Labelmap:
    """Return the labelmap with the labels replaced by segment numbers from 1."""
    expected = (len(ordered), int(ordered[0].Rows), int(ordered[0].Columns))
    if labelmap.shape != expected:
        raise GeometryError(f"The labelmap has the shape {labelmap.shape}, but the image has {expected}.")
    if labelmap.dtype.kind not in "iub":
        raise InvalidInput("The labels are no whole numbers.", field="labelmap")
    labels = [segment.label for segment in segments]
    if len(set(labels)) != len(labels) or min(labels, default=0) < 1:
        raise InvalidInput("Labels must be different numbers from 1.", field="segments")
    unknown = sorted({int(label) for label in np.unique(labelmap)} - {0, *labels})
    if unknown:
        raise InvalidInput(f"The labels {unknown[:10]} have no meaning.", field="segments")
    numbers = np.zeros(max(labels) + 1, dtype=np.uint16)
    numbers[labels] = np.arange(1, len(labels) + 1)
    numbered: Labelmap = numbers[labelmap.astype(np.int64)]
    return numbered


def _description(
    segment: SegmentLabel, number: int, algorithm: highdicom.AlgorithmIdentificationSequence, instance_uid: str
) -> highdicom.seg.SegmentDescription:
    described = highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=segment.name[:64],
        segmented_property_category=segment.category.dicom(),
        segmented_property_type=segment.type.dicom(),
        algorithm_type="AUTOMATIC",
        algorithm_identification=algorithm,
        tracking_uid=segment.tracking_uid or uid_from("segment", instance_uid, str(number)),
        tracking_id=segment.name[:64],
        anatomic_regions=[segment.region.dicom()] if segment.region else None,
    )
    if segment.color:
        described.RecommendedDisplayCIELabValue = _cielab(segment.color)
    return described


def _cielab(color: str) -> list[int]:
    """Return an sRGB colour as the three words of PS3.3 C.10.7.1.1."""
    rgb = np.array([int(color[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(np.maximum(to_xyz @ linear / [0.9505, 1.0, 1.089], 0.008856))
    lab = (116 * y - 16, 500 * (x - y), 200 * (y - z))
    scaled = (lab[0] * 655.35, (lab[1] + 128) * 257, (lab[2] + 128) * 257)
    return [int(np.clip(round(value), 0, 65535)) for value in scaled]


def read_segmentation(dataset: Dataset, sources: Sequence[Dataset]) -> Segmentation:
    """Read a segmentation of any maker into the grid of an image.

    Parameters
    ----------
    dataset
        A segmentation: BINARY, LABELMAP or FRACTIONAL, of which half and more counts.
    sources
        The images of the series that it belongs to, in any order; pixels are not needed.

    Returns
    -------
    Segmentation
        Frames are placed by their position in the patient. Slices without a frame are empty.

    Raises
    ------
    GeometryError
        The sources are no volume, or a frame does not lie on one of their slices.
    UndecodablePixels
        The pixels of the segmentation cannot be decoded.
    """
    ordered = sort_slices(sources)
    grid = check_volume(ordered)
    segments = read_segment_labels(dataset)
    packed = _Packed(grid.shape)
    place_of = _placement(dataset, grid.affine, grid.shape)
    by_value = dataset.SegmentationType == "LABELMAP"
    half = (int(dataset.get("MaximumFractionalValue") or 1) + 1) // 2
    masks: list[tuple[int, int, NDArray[np.bool_]]] = []
    for number, frame in enumerate(read_frames(dataset)):
        place = place_of[number]
        if by_value:
            masks += [(int(label), place, frame == label) for label in np.unique(frame) if label]
        else:
            label = int(frame_attribute(dataset, number, "SegmentIdentificationSequence", "ReferencedSegmentNumber"))
            masks.append((label, place, frame >= half))
    packed.add(masks)
    return Segmentation(labelmaps=tuple(packed.labelmaps), segments=segments)


def read_segment_labels(dataset: Dataset) -> tuple[SegmentLabel, ...]:
    """Return what the segments of a segmentation mean, without the background of a LABELMAP."""
    return tuple(_segment(item) for item in dataset.SegmentSequence if int(item.SegmentNumber))


class _Packed:
    """Puts segments into as few labelmaps as their overlaps allow."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self._shape = shape
        self.labelmaps: list[Labelmap] = [np.zeros(shape, dtype=np.uint16)]

    def add(self, masks: Sequence[tuple[int, int, NDArray[np.bool_]]]) -> None:
        """Add segments by label, each with its slices and where it is on them."""
        for label in sorted({label for label, _, _ in masks}):
            parts = [(place, mask) for each, place, mask in masks if each == label]
            labelmap = self._free(parts)
            for place, mask in parts:
                labelmap[place][mask] = label

    def _free(self, parts: Sequence[tuple[int, NDArray[np.bool_]]]) -> Labelmap:
        for labelmap in self.labelmaps:
            if not any(labelmap[place][mask].any() for place, mask in parts):
                return labelmap
        self.labelmaps.append(np.zeros(self._shape, dtype=np.uint16))
        return self.labelmaps[-1]


def _placement(dataset: Dataset, affine: FloatArray, shape: tuple[int, int, int]) -> list[int]:
    """Return for each frame the slice of the image that it lies on."""
    if (int(dataset.Rows), int(dataset.Columns)) != shape[1:]:
        raise GeometryError(
            f"The segmentation has frames of {dataset.Rows} x {dataset.Columns} pixels, "
            f"the image has {shape[1]} x {shape[2]}."
        )
    to_grid = np.linalg.inv(affine)
    return [_slice_of(corners, to_grid, affine, shape) for corners in _corners(dataset)]


def _corners(dataset: Dataset) -> Iterator[NDArray[Any]]:
    """Yield where the first and the last pixel of each frame lie, in mm."""
    last = np.array([int(dataset.Columns) - 1, int(dataset.Rows) - 1])
    for number in range(frame_count(dataset)):
        position = frame_attribute(dataset, number, "PlanePositionSequence", "ImagePositionPatient")
        orientation = frame_attribute(dataset, number, "PlaneOrientationSequence", "ImageOrientationPatient")
        spacing = frame_attribute(dataset, number, "PixelMeasuresSequence", "PixelSpacing")
        if position is None or orientation is None or spacing is None:
            raise GeometryError(f"Frame {number + 1} of the segmentation has no place in the patient.")
        first = np.array(position, dtype=float)
        along_row, along_column = np.array(orientation, dtype=float).reshape(2, 3)
        steps = along_row * float(spacing[1]) * last[0] + along_column * float(spacing[0]) * last[1]
        yield np.array([first, first + steps])


def _slice_of(corners: NDArray[Any], to_grid: FloatArray, affine: FloatArray, shape: tuple[int, int, int]) -> int:
    index = (to_grid @ np.c_[corners, np.ones(2)].T)[:3].T
    place = round(float(index[0, 2]))
    expected = np.array([[0, 0, place], [shape[2] - 1, shape[1] - 1, place]], dtype=float)
    off = np.linalg.norm((index - expected) @ affine[:3, :3].T, axis=1).max()
    if off > SAME_PLACE or not 0 <= place < shape[0]:
        raise GeometryError(
            f"A frame of the segmentation lies {off:.3g} mm beside the slices of the image, or outside of them."
        )
    return place


def _segment(item: Dataset) -> SegmentLabel:
    regions = item.get("AnatomicRegionSequence")
    return SegmentLabel(
        label=int(item.SegmentNumber),
        name=str(item.get("SegmentLabel") or f"Segment {item.SegmentNumber}"),
        category=_code(item, "SegmentedPropertyCategoryCodeSequence"),
        type=_code(item, "SegmentedPropertyTypeCodeSequence"),
        region=code_of(regions[0]) if regions else None,
        tracking_uid=item.get("TrackingUID"),
    )


def _code(item: Dataset, keyword: str) -> Code:
    sequence = item.get(keyword)
    return code_of(sequence[0]) if sequence else ANATOMICAL_STRUCTURE
