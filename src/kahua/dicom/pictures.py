"""Frames as pictures for people: windowed, upright in brightness, square in pixels."""

from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset

from kahua.dicom.functional_groups import frame_attribute

Picture = NDArray[np.uint8]
#: Centre and width of a window, in values after rescaling: CT numbers, for example.
Window = tuple[float, float]
#: How a window maps values to brightness (PS3.3 C.11.2.1.2 and C.11.2.1.3).
Function = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]
FUNCTIONS: Final = get_args(Function)

#: Share of the brightest pixels within the body that may be saturated, in per cent.
_SATURATED: Final = 0.5
#: Bytes of a value up to which a table of all values is cheaper than arithmetic on each pixel.
_TABLE_BYTES: Final = 2
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
        Centre and width; None for that of `frame_window`.
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
    slope, intercept = _rescale(dataset, number)
    centre, width = window or frame_window(frame, dataset, number=number)
    grey = _windowed(frame, _Mapping(slope, intercept, centre, width, function or _function(dataset)))
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":
        grey = 255 - grey
    return _resized(grey, dataset, size, number)


def frame_window(frame: NDArray[Any], dataset: Dataset, *, number: int = 0) -> Window:
    """Return the window of a frame: the one its attributes name, or else one that shows the body.

    The latter reaches from the darkest to the 99.5th percentile of what is brighter than the mean;
    padding does not count.
    """
    centre = _first(frame_attribute(dataset, number, "FrameVOILUTSequence", "WindowCenter"))
    width = _first(frame_attribute(dataset, number, "FrameVOILUTSequence", "WindowWidth"))
    if centre is not None and width is not None and width >= 1:
        return centre, width
    slope, intercept = _rescale(dataset, number)
    values = _without_padding(frame, dataset)
    if values.size == 0:
        return 0.5, 1.0
    body = values[values > values.mean()]
    ends = np.array([values.min(), np.percentile(body, 100 - _SATURATED) if body.size else values.max()], float)
    low, high = np.sort(ends * slope + intercept)
    return float(low + high) / 2, float(max(high - low, np.finfo(np.float32).eps, abs(slope)))


def _without_padding(frame: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    values = frame[np.isfinite(frame)] if frame.dtype.kind == "f" else frame.reshape(-1)
    padding = dataset.get("PixelPaddingValue")
    return values[values != padding] if isinstance(padding, int) else values


def _rescale(dataset: Dataset, number: int) -> tuple[float, float]:
    slope = _first(frame_attribute(dataset, number, "PixelValueTransformationSequence", "RescaleSlope"))
    intercept = _first(frame_attribute(dataset, number, "PixelValueTransformationSequence", "RescaleIntercept"))
    return slope or 1.0, intercept or 0.0


def _first(value: Any) -> float | None:
    """Return the first of one or several numbers, or None if there is none."""
    try:
        number = float(value if isinstance(value, int | float | str) else value[0])
    except (TypeError, ValueError, IndexError):
        return None
    return number if np.isfinite(number) else None


class _Mapping(NamedTuple):
    """From stored values to brightness."""

    slope: float
    intercept: float
    centre: float
    width: float
    function: Function


def _function(dataset: Dataset) -> Function:
    said = dataset.get("VOILUTFunction")
    return said if said in FUNCTIONS else "LINEAR"


def _windowed(frame: NDArray[Any], mapping: _Mapping) -> Picture:
    """Apply rescaling and window, over a table of all values where there are few."""
    if frame.dtype.kind not in "iu" or frame.dtype.itemsize > _TABLE_BYTES:
        return _grey(frame, mapping)
    unsigned = np.dtype(f"u{frame.dtype.itemsize}")
    picture: Picture = _table(frame.dtype.str, mapping)[np.ascontiguousarray(frame).view(unsigned)]
    return picture


@lru_cache(maxsize=64)
def _table(kind: str, mapping: _Mapping) -> Picture:
    """Give the brightness of all values of a type, in the order of their bits: the negative ones come last."""
    unsigned = np.dtype(kind.replace("i", "u"))
    every = np.arange(1 << 8 * unsigned.itemsize, dtype=np.uint32).astype(unsigned)
    return _grey(every.view(kind), mapping)


def _grey(values: NDArray[Any], mapping: _Mapping) -> Picture:
    scaled = values * mapping.slope + mapping.intercept
    match mapping.function:
        case "SIGMOID":
            with np.errstate(over="ignore"):
                shares = 1 / (1 + np.exp(-4 * (scaled - mapping.centre) / mapping.width))
        case "LINEAR" if mapping.width > 1:
            shares = (scaled - (mapping.centre - 0.5)) / (mapping.width - 1) + 0.5
        case _:
            shares = (scaled - mapping.centre) / mapping.width + 0.5
    return (np.clip(np.nan_to_num(shares), 0, 1) * 255).astype(np.uint8)


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
    return np.asarray(
        Image.fromarray(picture).resize(target, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
    )


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
