"""Frames as pictures for people: windowed, upright in brightness, square in pixels."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset

from kahua.dicom.functional_groups import Attributes, frame_attribute
from kahua.dicom.greys import FRACTIONS, Function, Grey, Window, grey_of, pipeline_of, telling_window
from kahua.dicom.luts import PALETTE_ATTRIBUTES, read_palette
from kahua.dicom.uptake import uptake_window
from kahua.errors import InvalidInput

Picture = NDArray[np.uint8]
#: Left, top, width and height.
Region = tuple[float, float, float, float]

#: All attributes that are looked at to draw a frame.
PICTURE_ATTRIBUTES: Final = (
    *("PhotometricInterpretation", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    *(f"{kind}PixelPadding{end}" for kind in FRACTIONS for end in ("Value", "RangeLimit")),
    *("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "VOILUTSequence"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction", "PresentationLUTShape", "PresentationLUTSequence"),
    *("Modality", "PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio", "PixelPresentation"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
    *PALETTE_ATTRIBUTES,
)
#: Most that pixels are stretched to become square; a file that claims more is wrong.
_MOST_STRETCH: Final = 10.0
#: Pixels of each side that become one, at least, where pixels are left out before.
_LEAST_AVERAGED: Final = 2


def frame_picture(
    frame: NDArray[Any],
    dataset: Attributes,
    *,
    size: int | None = None,
    viewport: tuple[int, int] | None = None,
    region: Region | None = None,
    window: Window | None = None,
    function: Function | None = None,
    number: int = 0,
    overlay: NDArray[np.bool_] | None = None,
) -> Picture:
    """Draw a frame.

    Parameters
    ----------
    frame
        A frame as `kahua.dicom.pixels.read_frames` yields it.
    dataset
        The image it is from.
    size
        Longest side of the picture in pixels; None for the frame's own. Never enlarged.
    viewport
        Width and height into which the picture is made to fit, smaller or larger; None to leave it.
    region
        Left, top, width and height of the part that is drawn, in pixels of the frame; None for all. Signs of width and
        height do not matter.
    window
        Centre and width; None for what the image says, or else for one that shows the body.
    function
        How the window is applied; None for what the image says (VOI LUT Function).
    number
        Number of the frame in the image, from 0.
    overlay
        Which pixels of the frame are drawn white, shape (rows, columns); None for none.

    Returns
    -------
    Picture
        Shape (rows, columns) or, in colour, (rows, columns, 3). Pixels are square: a frame with
        higher than wide pixels becomes higher. 0 is black.

    Raises
    ------
    InvalidInput
        The region lies outside of the frame.
    """
    part = frame if region is None else _region(frame, region)
    target = _target(part.shape, _pixel_height_to_width(dataset, number), size, viewport)
    if overlay is not None and region is not None:
        overlay = _region(overlay, region)
    if frame.ndim == 3:
        return _resized(_lit(_eight_bits(part), overlay), target)
    part = _thinned(part, target) if overlay is None else part
    pipeline = pipeline_of(part if region is None else frame, dataset, window=window, function=function, number=number)
    return _resized(_lit(_with_colours(grey_of(part, pipeline), part, dataset), overlay), target)


def _lit(picture: Picture, overlay: NDArray[np.bool_] | None) -> Picture:
    """Draw an overlay white."""
    if overlay is None:
        return picture
    lit = picture.copy()
    lit[overlay] = 255
    return lit


def preview_picture(frame: NDArray[Any], dataset: Dataset, *, size: int, number: int = 0) -> Picture:
    """Draw a frame so that something is to be seen: PET by its uptake, others in the first window that shows it.

    The arguments are those of `frame_picture`.
    """
    window = None
    if frame.ndim == 2:
        window = uptake_window(dataset) or telling_window(frame, dataset, number=number)
    return frame_picture(frame, dataset, size=size, window=window, number=number)


def _region(frame: NDArray[Any], region: Region) -> NDArray[Any]:
    left, top, width, height = (round(value) for value in region)
    part = frame[max(top, 0) : max(top + abs(height), 0), max(left, 0) : max(left + abs(width), 0)]
    if not part.size:
        raise InvalidInput("The region lies outside of the image.", field="viewport")
    return part


def fitted(picture: Picture, viewport: tuple[int, int]) -> Picture:
    """Make a picture as large as fits into a width and height, with the proportions that it has."""
    return _resized(picture, _target(picture.shape, 1.0, None, viewport))


def _target(
    shape: Sequence[int], stretch: float, size: int | None, viewport: tuple[int, int] | None
) -> tuple[int, int]:
    """Return columns and rows of the picture of a frame whose pixels are so much higher than wide."""
    rows, columns = shape[:2]
    height, width = (rows * stretch, float(columns)) if stretch >= 1 else (float(rows), columns / stretch)
    scale = min(1.0, size / max(height, width)) if size else 1.0
    if viewport:
        scale = min(viewport[0] / width, viewport[1] / height)
    return max(round(width * scale), 1), max(round(height * scale), 1)


def _thinned(frame: NDArray[Any], target: tuple[int, int]) -> NDArray[Any]:
    """Leave out pixels of a frame that becomes far smaller: of each side that many remain that some are averaged."""
    step = min(frame.shape[1] // target[0], frame.shape[0] // target[1]) // _LEAST_AVERAGED
    return frame[step // 2 :: step, step // 2 :: step] if step > 1 else frame


def _with_colours(grey: Grey, frame: NDArray[Any], dataset: Attributes) -> Picture:
    """Draw values in colour that have one in the supplemental palette (PS3.3 C.7.6.19)."""
    if (
        dataset.get("PixelPresentation") not in ("COLOR", "MIXED")
        or "RedPaletteColorLookupTableDescriptor" not in dataset
    ):
        return grey
    tables = read_palette(dataset)
    picture = np.repeat(grey[:, :, None], 3, axis=2)
    coloured = frame >= tables[0].first
    picture[coloured] = np.stack([table.eight_bits(frame[coloured]) for table in tables], -1)
    return picture


def _eight_bits(frame: NDArray[Any]) -> Picture:
    return (frame >> 8).astype(np.uint8) if frame.dtype.itemsize == 2 else frame.astype(np.uint8)


def _resized(picture: Picture, target: tuple[int, int]) -> Picture:
    rows, columns = picture.shape[:2]
    if target == (columns, rows):
        return picture
    image = Image.fromarray(picture)
    if target[0] < columns or target[1] < rows:  # by a whole number first, which is far cheaper
        return np.asarray(image.resize(target, Image.Resampling.BOX, reducing_gap=1.0))
    return np.asarray(image.resize(target, Image.Resampling.BILINEAR))


def _pixel_height_to_width(dataset: Attributes, number: int) -> float:
    """Return how much higher than wide a pixel is."""
    for group, keyword in (
        ("PixelMeasuresSequence", "PixelSpacing"),
        ("", "ImagerPixelSpacing"),
        ("", "PixelAspectRatio"),
    ):
        value = frame_attribute(dataset, number, group, keyword) if group else dataset.get(keyword)
        if isinstance(value, Sequence) and len(value) == 2 and min(value) > 0:
            return float(np.clip(float(value[0]) / float(value[1]), 1 / _MOST_STRETCH, _MOST_STRETCH))
    return 1.0
