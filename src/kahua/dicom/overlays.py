"""Segmentations and structure sets as pictures: drawn in colour on the slices to which they belong."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom import Dataset, dcmread

from kahua.dicom.functional_groups import frame_attribute
from kahua.dicom.pictures import frame_picture
from kahua.dicom.pixels import read_frame, read_frames

Picture = NDArray[np.uint8]

#: Share of the colour where it lies over the image.
_OPACITY: Final = 0.45

#: Longest side of a picture, in pixels.
_SIZE: Final = 512

#: Colours of segments without one of their own, told apart also by people who see few colours.
_COLOURS: Final = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
)  # fmt: skip


def draw_segmentation(segmentation: Dataset, sources: Sequence[Path], *, most: int) -> list[Picture]:
    """Draw a DICOM SEG on its image, or alone where the image is not at hand.

    Parameters
    ----------
    segmentation
        BINARY, FRACTIONAL or LABELMAP.
    sources
        Files of the image to which it refers, in order; may be empty.
    most
        Most pictures; they are taken at even distances.

    Returns
    -------
    list[Picture]
        Each of shape (rows, columns, 3), in the order of the slices.
    """
    labels = _labels_by_slice(segmentation)
    colours = _colours(segmentation)
    images = _files_by_uid(sources, set(labels))
    drawn = [uid for uid in images if uid in labels] or list(labels)
    return [_draw_labels(labels[uid], colours, images.get(uid)) for uid in _evenly(drawn, most)]


def draw_structure_set(structure_set: Dataset, sources: Sequence[Path], *, most: int) -> list[Picture]:
    """Draw the closed contours of an RTSTRUCT on its image; nothing where the image is not at hand.

    Contours are drawn on the slice to which they refer (PS3.3 C.8.8.6). See `draw_segmentation`.
    """
    contours: dict[str, list[tuple[tuple[int, int, int], NDArray[Any]]]] = {}
    for number, roi in enumerate(structure_set.get("ROIContourSequence") or []):
        colour = _roi_colour(roi, number)
        for contour in roi.get("ContourSequence") or []:
            images = contour.get("ContourImageSequence") or []
            is_area = contour.get("ContourGeometricType") == "CLOSED_PLANAR" and len(contour.ContourData) >= 9
            if images and is_area:
                points = np.asarray(contour.ContourData, dtype=float).reshape(-1, 3)
                contours.setdefault(str(images[0].ReferencedSOPInstanceUID), []).append((colour, points))
    files = _files_by_uid(sources, set(contours))
    return [_draw_contours(files[uid], contours[uid]) for uid in _evenly(list(files), most)]


def _labels_by_slice(segmentation: Dataset) -> dict[str, NDArray[Any]]:
    """Give the label of every pixel by the SOP Instance UID of its slice; by the frame's number if it names none."""
    labelmap = segmentation.get("SegmentationType") == "LABELMAP"
    found: dict[str, NDArray[Any]] = {}
    for number, frame in enumerate(read_frames(segmentation)):
        if not frame.any():
            continue
        uid = _source_uid(segmentation, number) or f"frame {number:06}"
        labels = found.setdefault(uid, np.zeros(frame.shape, np.uint16))
        if labelmap:
            labels[frame > 0] = frame[frame > 0]
        else:
            segment = frame_attribute(segmentation, number, "SegmentIdentificationSequence", "ReferencedSegmentNumber")
            labels[frame > 0] = int(segment or 1)
    return found


def _source_uid(segmentation: Dataset, number: int) -> str | None:
    derivation = frame_attribute(segmentation, number, "DerivationImageSequence", "SourceImageSequence")
    return str(derivation[0].ReferencedSOPInstanceUID) if derivation else None


def _files_by_uid(sources: Sequence[Path], wanted: set[str]) -> dict[str, Path]:
    """Give the files of the wanted slices, in the order of the sources."""
    found = {}
    for path in sources:
        uid = str(dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"], force=True).SOPInstanceUID)
        if uid in wanted:
            found[uid] = path
    return found


def _draw_labels(labels: NDArray[Any], colours: Mapping[int, tuple[int, int, int]], image: Path | None) -> Picture:
    table = np.zeros((int(labels.max()) + 1, 3), np.uint8)
    for label in np.unique(labels[labels > 0]):
        table[label] = colours.get(int(label), _COLOURS[int(label) % len(_COLOURS)])
    base = _base(image)
    over = (
        Image.fromarray(table[labels]).resize((base.shape[1], base.shape[0]), Image.Resampling.NEAREST)
        if (base is not None)
        else Image.fromarray(table[labels])
    )
    colour = np.asarray(over, dtype=np.float32)
    if base is None:
        return colour.astype(np.uint8)
    covered = colour.any(axis=2, keepdims=True)
    return np.where(covered, base * (1 - _OPACITY) + colour * _OPACITY, base).astype(np.uint8)


def _base(image: Path | None) -> Picture | None:
    if image is None:
        return None
    dataset = dcmread(image, force=True)
    picture = frame_picture(read_frame(dataset, 0), dataset, size=_SIZE)
    return picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)


def _draw_contours(path: Path, contours: Sequence[tuple[tuple[int, int, int], NDArray[Any]]]) -> Picture:
    dataset = dcmread(path, force=True)
    base = frame_picture(read_frame(dataset, 0), dataset, size=_SIZE)
    picture = Image.fromarray(base).convert("RGB")
    pen = ImageDraw.Draw(picture)
    for colour, points in contours:
        places = _pixels(points, dataset) * [picture.width / dataset.Columns, picture.height / dataset.Rows]
        pen.polygon([(float(column), float(row)) for column, row in places], outline=colour, width=2)
    return np.asarray(picture)


def _pixels(points: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    """Turn patient coordinates (mm) into (column, row) of a slice, whose first pixel's centre is (0.5, 0.5)."""
    along_row, along_column = np.asarray(dataset.ImageOrientationPatient, dtype=float).reshape(2, 3)
    row_spacing, column_spacing = (float(value) for value in dataset.PixelSpacing)
    offset = points - np.asarray(dataset.ImagePositionPatient, dtype=float)
    return np.stack([offset @ along_row / column_spacing, offset @ along_column / row_spacing], axis=1) + 0.5


def _colours(segmentation: Dataset) -> dict[int, tuple[int, int, int]]:
    return {
        int(segment.SegmentNumber): _rgb_of_lab(segment.RecommendedDisplayCIELabValue)
        for segment in segmentation.get("SegmentSequence") or []
        if segment.get("RecommendedDisplayCIELabValue")
    }


def _roi_colour(roi: Dataset, number: int) -> tuple[int, int, int]:
    colour = roi.get("ROIDisplayColor")
    if colour is None or len(colour) != 3:
        return _COLOURS[number % len(_COLOURS)]
    red, green, blue = (min(max(int(part), 0), 255) for part in colour)
    return red, green, blue


def _rgb_of_lab(value: Sequence[int]) -> tuple[int, int, int]:
    """Turn a CIELab colour as DICOM writes it (PS3.3 C.10.7.1.1) into sRGB."""
    lightness, a, b = value[0] * 100 / 65535, value[1] * 255 / 65535 - 128, value[2] * 255 / 65535 - 128
    y = (lightness + 16) / 116
    xyz = np.array([y + a / 500, y, y - b / 200])
    linear = np.where(xyz > 6 / 29, xyz**3, 3 * (6 / 29) ** 2 * (xyz - 4 / 29)) * [0.9505, 1.0, 1.089]
    matrix = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
    rgb = np.clip(matrix @ linear, 0, 1)
    encoded = np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)
    red, green, blue = (int(part) for part in np.round(encoded * 255))
    return red, green, blue


def _evenly(items: Sequence[Any], most: int) -> list[Any]:
    if len(items) <= most:
        return list(items)
    step = len(items) / most
    return [items[int(step * (number + 0.5))] for number in range(most)]
