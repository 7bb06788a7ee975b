"""Frames as pictures for people: windowed, upright in brightness, square in pixels."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset

from kahua.dicom.functional_groups import frame_attribute
from kahua.dicom.greys import Function, Grey, Window, grey_of, pipeline_of
from kahua.dicom.luts import PALETTE_ATTRIBUTES, read_palette

Picture = NDArray[np.uint8]

#: All attributes that are looked at to draw a frame.
PICTURE_ATTRIBUTES: Final = (
    *("PhotometricInterpretation", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "VOILUTSequence"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction", "PresentationLUTShape", "PresentationLUTSequence"),
    *("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio", "PixelPresentation"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
    *PALETTE_ATTRIBUTES,
)
#: Most that pixels are stretched to become square; a file that claims more is wrong.
_MOST_STRETCH: Final = 10.0


def frame_picture(
    frame: NDArray[Any],
    dataset: Dataset,
    *,
    size: int | None = None,
    window: Window | None = None,
    function: Function | None = None,
    number: int = 0,
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
    window
        Centre and width; None for what the image says, or else for one that shows the body.
    function
        How the window is applied; None for what the image says (VOI LUT Function).
    number
        Number of the frame in the image, from 0.

    Returns
    -------
    Picture
        Shape (rows, columns) or, in colour, (rows, columns, 3). Pixels are square: a frame with
        higher than wide pixels becomes higher. 0 is black.
    """
    if frame.ndim == 3:
        return _resized(_eight_bits(frame), dataset, size, number)
    grey = grey_of(frame, pipeline_of(frame, dataset, window=window, function=function, number=number))
    return _resized(_with_colours(grey, frame, dataset), dataset, size, number)


def _with_colours(grey: Grey, frame: NDArray[Any], dataset: Dataset) -> Picture:
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


def _resized(picture: Picture, dataset: Dataset, size: int | None, number: int) -> Picture:
    rows, columns = picture.shape[:2]
    stretch = _pixel_height_to_width(dataset, number)
    height, width = (rows * stretch, float(columns)) if stretch >= 1 else (float(rows), columns / stretch)
    scale = min(1.0, size / max(height, width)) if size else 1.0
    target = (max(round(width * scale), 1), max(round(height * scale), 1))
    if target == (columns, rows):
        return picture
    image = Image.fromarray(picture)
    if scale < 1:  # by a whole number first, which is far cheaper
        return np.asarray(image.resize(target, Image.Resampling.BOX, reducing_gap=1.0))
    return np.asarray(image.resize(target, Image.Resampling.BILINEAR))


def _pixel_height_to_width(dataset: Dataset, number: int) -> float:
    """Return how much higher than wide a pixel is."""
    for group, keyword in (
        ("PixelMeasuresSequence", "PixelSpacing"),
        ("", "ImagerPixelSpacing"),
        ("", "PixelAspectRatio"),
    ):
        value = frame_attribute(dataset, number, group, keyword) if group else dataset.get(keyword)
        if value is not None and len(value) == 2 and min(value) > 0:
            return float(np.clip(float(value[0]) / float(value[1]), 1 / _MOST_STRETCH, _MOST_STRETCH))
    return 1.0
