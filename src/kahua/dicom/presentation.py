"""Presentation states: an image as someone wanted it to be seen (PS3.3 A.33.1, C.10 and C.11).

Of a grayscale softcopy presentation state are applied: modality, VOI and presentation lookup tables, display shutter,
rotation and flip, displayed area, overlay planes, and graphic annotations.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom import Dataset

from kahua.dicom.drawn import Drawn, evenly
from kahua.dicom.geometry import FloatArray
from kahua.dicom.graphics import Annotation, annotations, colour_of_layer
from kahua.dicom.greys import grey_of, pipeline_of
from kahua.dicom.overlay_planes import GROUPS, active_overlays, overlay_mask
from kahua.dicom.pages import font
from kahua.dicom.pixels import open_image, read_frame
from kahua.dicom.places import Place

Picture = NDArray[np.uint8]

#: Longest side of a picture, in pixels.
_SIZE: Final = 768

#: Most that the displayed area is larger than the image, and most images of a state that are looked for.
_MOST_AREA: Final = 4
_MOST_IMAGES: Final = 10_000

#: What a state says of the grey values, in place of what its image says.
_MODALITY: Final = ("ModalityLUTSequence", "RescaleSlope", "RescaleIntercept")
_PRESENTATION: Final = ("PresentationLUTSequence", "PresentationLUTShape")
_VOI: Final = ("WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence")
_KEPT: Final = ("PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit")


@dataclass(frozen=True, kw_only=True)
class Target:
    """A frame of an image to which a state refers."""

    uid: str
    #: From 0.
    frame: int


def draw_states(states: Sequence[Dataset], sources: Sequence[Place], *, most: int) -> Drawn:
    """Draw the images of presentation states as these say, as far as they are at hand."""
    here = {place.uid: place for place in sources}
    pairs = [(state, target, here[target.uid]) for state in states for target in targets(state) if target.uid in here]
    if not pairs:
        return Drawn(pictures=[], note="The image that this presentation state shows is not here.")
    pictures = [
        present(read_frame(image := open_image(place.path), target.frame), image, state, target)
        for state, target, place in evenly(pairs, most)
    ]
    # The first image of a series that is named whole shows but air, often.
    return Drawn(pictures=pictures, best=int(np.argmax([picture.std() for picture in pictures])))


def targets(state: Dataset) -> Iterator[Target]:
    """Give the frames to which a state refers; of an image without any, the first."""
    items = (item for series in state.get("ReferencedSeriesSequence") or [] for item in _images(series))
    for item in islice(items, _MOST_IMAGES):
        yield Target(uid=str(item.get("ReferencedSOPInstanceUID", "")), frame=(_numbers(item) or [1])[0] - 1)


def telling_targets(state: Dataset) -> list[Target]:
    """Give the frames to which a state refers, the most telling first.

    Those on which it writes something, and of a series that it names whole the middle: its ends show but air, often.
    """
    found = list(targets(state))
    written = _written(state)
    middle = len(found) // 2
    by_place = sorted(enumerate(found), key=lambda each: abs(each[0] - middle))
    return sorted(
        (target for _, target in by_place), key=lambda each: written.isdisjoint({each, Target(uid=each.uid, frame=-1)})
    )


def _written(state: Dataset) -> set[Target]:
    """Give the frames that annotations name; -1 is any frame of an image."""
    items = (item for annotation in state.get("GraphicAnnotationSequence") or [] for item in _images(annotation))
    return {
        Target(uid=str(item.get("ReferencedSOPInstanceUID", "")), frame=number - 1)
        for item in islice(items, _MOST_IMAGES)
        for number in _numbers(item) or [0]
    }


def present(frame: NDArray[Any], image: Dataset, state: Dataset, target: Target, *, size: int = _SIZE) -> Picture:
    """Draw a frame as a state says, shape (rows, columns, 3).

    Raises
    ------
    UndecodablePixels
        A lookup table of the state cannot be read.
    """
    picture = _eight_bits(frame, image, state, target)
    view = _View.of(state, target, rows=picture.shape[0], columns=picture.shape[1], size=size)
    seen = _with_overlays(_shuttered(picture, state), image, state, target)
    shown = view.applied(Image.fromarray(seen).convert("RGB"))
    pen = ImageDraw.Draw(shown)
    for annotation in annotations(state, lambda item: _applies(item, target)):
        _write(pen, view, annotation)
    return np.asarray(shown)


def _eight_bits(frame: NDArray[Any], image: Dataset, state: Dataset, target: Target) -> Picture:
    if frame.ndim == 3:
        return frame.astype(np.uint8)
    wanted = Dataset()
    voi = next((item for item in state.get("SoftcopyVOILUTSequence") or [] if _applies(item, target)), Dataset())
    for source, keywords in ((image, _KEPT), (state, (*_MODALITY, *_PRESENTATION)), (voi, _VOI)):
        for keyword in keywords:
            if keyword in source:
                wanted[keyword] = source[keyword]
    return grey_of(frame, pipeline_of(frame, wanted))


def _applies(item: Dataset, target: Target) -> bool:
    """Whether an item of a state is about a frame: it names it, or none."""
    named = _images(item)
    return not named or any(
        str(each.get("ReferencedSOPInstanceUID", "")) == target.uid
        and (target.frame + 1 in (_numbers(each) or [target.frame + 1]))
        for each in named
    )


def _images(item: Dataset) -> Sequence[Dataset]:
    return item.get("ReferencedImageSequence") or []


def _numbers(item: Dataset) -> list[int]:
    value = item.get("ReferencedFrameNumber")
    return [int(value)] if isinstance(value, int | str) and value else [int(each) for each in value or []]


def _shuttered(picture: Picture, state: Dataset) -> Picture:
    """Cover what lies outside of all shutters (PS3.3 C.7.6.11); rows and columns are counted from 1."""
    shapes = state.get("ShutterShape") or []
    shapes = [shapes] if isinstance(shapes, str) else list(shapes)
    rows, columns = picture.shape[:2]
    row, column = np.mgrid[1 : rows + 1, 1 : columns + 1]
    seen = np.ones((rows, columns), bool)
    if "RECTANGULAR" in shapes:
        seen &= (column >= state.ShutterLeftVerticalEdge) & (column <= state.ShutterRightVerticalEdge)
        seen &= (row >= state.ShutterUpperHorizontalEdge) & (row <= state.ShutterLowerHorizontalEdge)
    if "CIRCULAR" in shapes:
        middle = [float(part) for part in state.CenterOfCircularShutter]
        seen &= (row - middle[0]) ** 2 + (column - middle[1]) ** 2 <= float(state.RadiusOfCircularShutter) ** 2
    if "POLYGONAL" in shapes:
        corners = np.asarray(state.VerticesOfThePolygonalShutter, float).reshape(-1, 2)[:, ::-1] - 1
        mask = Image.new("1", (columns, rows))
        ImageDraw.Draw(mask).polygon([tuple(corner) for corner in corners], fill=1, outline=1)
        seen &= np.asarray(mask)
    if "BITMAP" in shapes and (bitmap := overlay_mask(state, _group(state), (rows, columns))) is not None:
        seen &= ~bitmap
    covered = picture.copy()
    covered[~seen] = int(state.get("ShutterPresentationValue") or 0) >> 8
    return covered


def _group(state: Dataset) -> int:
    """Return the group of the bitmap shutter (PS3.3 C.7.6.15)."""
    group = state.get("ShutterOverlayGroup")
    return group if isinstance(group, int) and group in GROUPS else GROUPS[0]


def _with_overlays(picture: Picture, image: Dataset, state: Dataset, target: Target) -> Picture:
    """Draw the planes that a state shows: its own, or of the same group in the image (PS3.3 C.11.7)."""
    drawn = picture
    for group, layer in active_overlays(state):
        shape = picture.shape[0], picture.shape[1]
        mask = overlay_mask(state, group, shape, frame=target.frame)
        mask = overlay_mask(image, group, shape, frame=target.frame) if mask is None else mask
        if mask is not None:
            drawn = drawn.copy() if drawn.ndim == 3 else np.repeat(drawn[:, :, None], 3, axis=2)
            drawn[mask] = colour_of_layer(state, layer)
    return drawn


@dataclass(frozen=True, kw_only=True)
class _View:
    """From pixels of the image to those of the picture."""

    #: Left, top, right and lower edge of the displayed area, in pixels of the image.
    area: tuple[float, float, float, float]
    #: Quarter turns clockwise, and whether it is mirrored horizontally after that (PS3.3 C.10.6).
    turns: int
    flip: bool
    #: Columns and rows of the picture.
    size: tuple[int, int]

    @classmethod
    def of(cls, state: Dataset, target: Target, *, rows: int, columns: int, size: int) -> "_View":
        item = next(
            (each for each in state.get("DisplayedAreaSelectionSequence") or [] if _applies(each, target)), None
        )
        area = _area(item, rows, columns)
        turns = int(state.get("ImageRotation") or 0) // 90 % 4
        width, height = area[2] - area[0], (area[3] - area[1]) * _stretch(item)
        if turns % 2:
            width, height = height, width
        scale = size / max(width, height)
        target_size = max(round(width * scale), 1), max(round(height * scale), 1)
        return cls(area=area, turns=turns, flip=state.get("ImageHorizontalFlip") == "Y", size=target_size)

    def applied(self, image: Image.Image) -> Image.Image:
        left, top, right, lower = (round(edge) for edge in self.area)
        shown = image.crop((left, top, right, lower))
        if self.turns:
            turn = (Image.Transpose.ROTATE_270, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_90)[self.turns - 1]
            shown = shown.transpose(turn)
        if self.flip:
            shown = shown.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        smaller = self.size[0] < shown.width
        return shown.resize(self.size, Image.Resampling.BOX if smaller else Image.Resampling.BILINEAR)

    def places(self, points: FloatArray, *, of_display: bool) -> list[tuple[float, float]]:
        """Turn (column, row) points of the image, or shares of the displayed area, into those of the picture."""
        if not of_display:
            left, top, right, lower = self.area
            points = (points - [left, top]) / [right - left, lower - top]
            for _ in range(self.turns):
                points = np.stack([1 - points[:, 1], points[:, 0]], axis=1)
            if self.flip:
                points = np.stack([1 - points[:, 0], points[:, 1]], axis=1)
        limits = 10 * max(self.size)
        placed = np.clip(np.nan_to_num(points * self.size), -limits, limits)
        return [(float(column), float(row)) for column, row in placed]


def _area(item: Dataset | None, rows: int, columns: int) -> tuple[float, float, float, float]:
    """Return the displayed area; the whole image where it says nothing of sense."""
    whole = (0.0, 0.0, float(columns), float(rows))
    if item is None or not ("DisplayedAreaTopLeftHandCorner" in item and "DisplayedAreaBottomRightHandCorner" in item):
        return whole
    first = [float(part) for part in item.DisplayedAreaTopLeftHandCorner]
    last = [float(part) for part in item.DisplayedAreaBottomRightHandCorner]
    if len(first) != 2 or len(last) != 2:
        return whole
    (left, right), (top, lower) = (sorted(pair) for pair in zip(first, last, strict=True))
    if right - left >= _MOST_AREA * columns or lower - top >= _MOST_AREA * rows:
        return whole
    return left - 1, top - 1, right, lower


def _stretch(item: Dataset | None) -> float:
    """Return how much higher than wide a pixel is."""
    for keyword in ("PresentationPixelSpacing", "PresentationPixelAspectRatio"):
        value = item.get(keyword) if item is not None else None
        if value is not None and len(value) == 2 and min(value) > 0:
            return float(np.clip(float(value[0]) / float(value[1]), 0.1, 10))
    return 1.0


def _write(pen: ImageDraw.ImageDraw, view: _View, annotation: Annotation) -> None:
    """Draw one annotation."""
    places = view.places(annotation.points, of_display=annotation.of_display)
    if annotation.text:
        size = min(max(view.size[1] // 32, 9), 32)
        pen.multiline_text(
            places[0], annotation.text, annotation.colour, font=font(size), stroke_width=1, stroke_fill=(0, 0, 0)
        )
    elif len(places) == 1:
        ((column, row),) = places
        pen.line([(column - 5, row), (column + 5, row)], annotation.colour, 2)
        pen.line([(column, row - 5), (column, row + 5)], annotation.colour, 2)
    elif annotation.filled:
        pen.polygon(places, fill=annotation.colour)
    else:
        pen.line(places, annotation.colour, 2, joint="curve")
