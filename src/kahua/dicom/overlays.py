"""Segmentations and structure sets as pictures: drawn in colour on the slices to which they belong."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom import Dataset

from kahua.dicom.drawn import Drawn, evenly
from kahua.dicom.functional_groups import frame_attribute, frame_group
from kahua.dicom.geometry import FloatArray
from kahua.dicom.pixels import frame_count, read_frames
from kahua.dicom.places import NEAR, Place, places, plane_of
from kahua.errors import UndecodablePixels

Colour = tuple[int, int, int]
Picture = NDArray[np.uint8]

#: Share of the colour where it lies over the image.
_OPACITY: Final = 0.45

#: Longest side of a picture, in pixels.
_SIZE: Final = 512

#: Slices of a segmentation are chosen from this many times as many as are drawn: some turn out to be empty.
_SPARE: Final = 4

#: Colours of segments without one of their own, told apart also by people who see few colours.
_COLOURS: Final[tuple[Colour, ...]] = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
)  # fmt: skip


@dataclass(kw_only=True)
class _Slice:
    """What lies on one slice."""

    #: The image below; None if it is not at hand.
    place: Place | None
    #: Numbers of the segmentation's frames.
    frames: list[int] = field(default_factory=list)
    #: Where each segment is, shape (rows, columns); they may overlap.
    masks: list[tuple[int, NDArray[np.bool_]]] = field(default_factory=list)

    @property
    def area(self) -> int:
        """Pixels that are covered."""
        return sum(int(mask.sum()) for _, mask in self.masks)


def draw_segmentation(segmentation: Dataset, sources: Sequence[Path], *, most: int) -> Drawn:
    """Draw a DICOM SEG on its image, or alone where the image is not at hand.

    Parameters
    ----------
    segmentation
        BINARY, FRACTIONAL or LABELMAP. Where segments overlap, each tints what is below it.
    sources
        Files of the image to which it refers, in order; may be empty. Frames are laid on the image that they name as
        their source (PS3.3 C.7.6.16.2.6), or else on the one that lies where they do.
    most
        Most pictures; they are taken at even distances, and the one that shows most is the best.
    """
    slices = _slices(segmentation, places(sources))
    on_image = [each for each in slices if each.place is not None]
    chosen = evenly(on_image or slices, most * _SPARE)
    _fill(segmentation, chosen)
    filled = evenly([each for each in chosen if each.masks], most)
    colours = _colours(segmentation)
    return Drawn(
        pictures=[_draw_masks(each, colours) for each in filled],
        best=int(np.argmax([each.area for each in filled])) if filled else 0,
        note="" if on_image else "Its image is not here: it is shown alone.",
    )


def draw_structure_set(structure_set: Dataset, sources: Sequence[Path], *, most: int) -> Drawn:
    """Draw the closed contours of an RTSTRUCT on its image; nothing where the image is not at hand.

    Contours are drawn on the slice to which they refer (PS3.3 C.8.8.6), or else on the one in whose plane they lie.
    See `draw_segmentation`.
    """
    finder = _Finder(places(sources))
    contours: dict[int, list[tuple[Colour, FloatArray]]] = defaultdict(list)
    for number, roi in enumerate(structure_set.get("ROIContourSequence") or []):
        for points, uid in _closed(roi):
            index = finder.named(uid, 0) if uid else None
            index = finder.around(points) if index is None else index
            if index is not None:
                contours[index].append((_roi_colour(roi, number), points))
    chosen = evenly(sorted(contours), most)
    return Drawn(
        pictures=[_draw_contours(finder.places[index], contours[index]) for index in chosen],
        best=int(np.argmax([len(contours[index]) for index in chosen])) if chosen else 0,
        note="" if chosen else "The image to which this belongs is not here.",
    )


class _Finder:
    """Finds the frame of an image on which something lies."""

    def __init__(self, of_image: Sequence[Place]) -> None:
        self.places = of_image
        self._by_name = {(place.uid, place.frame): index for index, place in enumerate(of_image)}

    def named(self, uid: str, frame: int) -> int | None:
        """Find a frame by SOP Instance UID and number from 0."""
        return self._by_name.get((uid, frame))

    def around(self, points: FloatArray) -> int | None:
        """Find the frame in whose plane points of shape (points, 3) lie, the closest one."""
        distances = [np.inf if place.plane is None else place.plane.distance(points) for place in self.places]
        closest = int(np.argmin(distances)) if distances else 0
        return closest if distances and distances[closest] <= NEAR else None


def _slices(segmentation: Dataset, of_image: Sequence[Place]) -> list[_Slice]:
    """Sort the frames of a segmentation by the slice on which they lie, in the order of the image."""
    finder = _Finder(of_image)
    found: dict[tuple[int, str], _Slice] = {}
    for number in range(frame_count(segmentation)):
        uid, source_frame = _source(segmentation, number)
        index = finder.named(uid, source_frame) if uid else None
        if index is None and (plane := plane_of(segmentation, number)) is not None:
            index = finder.around(plane.corners(int(segmentation.Rows), int(segmentation.Columns)))
        key = (index, "") if index is not None else (len(of_image), uid or f"frame {number:06}")
        place = of_image[index] if index is not None else None
        found.setdefault(key, _Slice(place=place)).frames.append(number)
    return [found[key] for key in sorted(found)]


def _source(segmentation: Dataset, number: int) -> tuple[str, int]:
    """Return the SOP Instance UID and the frame, from 0, of which a frame was made; no UID if it names none."""
    derivation = frame_group(segmentation, number, "DerivationImageSequence", "SourceImageSequence")
    if derivation is None or not derivation.SourceImageSequence:
        return "", 0
    source = derivation.SourceImageSequence[0]
    frame = source.get("ReferencedFrameNumber") or 1
    first = frame if isinstance(frame, int) else frame[0]
    return str(source.get("ReferencedSOPInstanceUID", "")), int(first) - 1


def _fill(segmentation: Dataset, slices: Iterable[_Slice]) -> None:
    """Decode the frames of slices, and note where each segment is."""
    by_frame = {number: each for each in slices for number in each.frames}
    is_labelmap = segmentation.get("SegmentationType") == "LABELMAP"
    segmentation.PhotometricInterpretation = "MONOCHROME2"  # labels, not the colours of a palette
    for number, frame in enumerate(read_frames(segmentation)):
        if number not in by_frame or not frame.any():
            continue
        if is_labelmap:
            by_frame[number].masks += [(int(label), frame == label) for label in np.unique(frame) if label]
        else:
            segment = frame_attribute(segmentation, number, "SegmentIdentificationSequence", "ReferencedSegmentNumber")
            by_frame[number].masks.append((int(segment or 1), frame > 0))


def _draw_masks(slice_: _Slice, colours: Mapping[int, Colour]) -> Picture:
    base = _base(slice_.place)
    opacity = _OPACITY if base is not None else 1.0
    picture = base if base is not None else np.zeros((*slice_.masks[0][1].shape, 3), np.uint8)
    drawn = picture.astype(np.float32)
    for label, mask in slice_.masks:
        covered = np.asarray(Image.fromarray(mask).resize(picture.shape[1::-1], Image.Resampling.NEAREST))
        colour = np.array(colours.get(label, _COLOURS[label % len(_COLOURS)]), np.float32)
        drawn[covered] = drawn[covered] * (1 - opacity) + colour * opacity
    return drawn.astype(np.uint8)


def _base(place: Place | None) -> Picture | None:
    """Draw the image below; None if it is not at hand, or cannot be decoded: that is said of the image itself."""
    try:
        return place.picture(_SIZE) if place is not None else None
    except UndecodablePixels:
        return None


def _draw_contours(place: Place, contours: Sequence[tuple[Colour, FloatArray]]) -> Picture:
    picture = place.picture(_SIZE)
    image = Image.fromarray(picture)
    if place.plane is None:
        return picture
    rows, columns = place.size
    pen = ImageDraw.Draw(image)
    for colour, points in contours:
        corners = (place.plane.pixels(points) + 0.5) * [image.width / columns, image.height / rows]
        pen.polygon([(float(column), float(row)) for column, row in corners], outline=colour, width=2)
    return np.asarray(image)


def _closed(roi: Dataset) -> Iterable[tuple[FloatArray, str]]:
    """Yield closed contours, shape (points, 3) in mm, and the SOP Instance UID of the image that each names."""
    for contour in roi.get("ContourSequence") or []:
        data = contour.get("ContourData") or []
        if contour.get("ContourGeometricType") == "CLOSED_PLANAR" and len(data) >= 9 and len(data) % 3 == 0:
            images = contour.get("ContourImageSequence") or []
            uid = str(images[0].get("ReferencedSOPInstanceUID", "")) if images else ""
            yield np.asarray(data, dtype=float).reshape(-1, 3), uid


def _colours(segmentation: Dataset) -> dict[int, Colour]:
    return {
        int(segment.SegmentNumber): rgb_of_lab(segment.RecommendedDisplayCIELabValue)
        for segment in segmentation.get("SegmentSequence") or []
        if segment.get("RecommendedDisplayCIELabValue")
    }


def _roi_colour(roi: Dataset, number: int) -> Colour:
    colour = roi.get("ROIDisplayColor")
    if colour is None or len(colour) != 3:
        return _COLOURS[number % len(_COLOURS)]
    red, green, blue = (min(max(int(part), 0), 255) for part in colour)
    return red, green, blue


def rgb_of_lab(value: Sequence[int]) -> Colour:
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
