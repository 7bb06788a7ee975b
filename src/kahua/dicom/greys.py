"""From stored values to brightness: the grayscale pipeline (PS3.4 N.2) of modality, window and presentation."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from kahua.dicom.functional_groups import Attributes, frame_attribute
from kahua.dicom.luts import LookupTable, read_table

#: Centre and width of a window, in values of the modality: CT numbers, for example.
Window = tuple[float, float]
#: How a window maps values to brightness (PS3.3 C.11.2.1.2 and C.11.2.1.3).
Function = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]
FUNCTIONS: Final = get_args(Function)
#: How the keywords of pixels that are fractions begin: those of padding, too.
FRACTIONS: Final = ("Float", "DoubleFloat")
Grey = NDArray[np.uint8]

#: Share of the brightest pixels within the body that may be saturated, in per cent.
_SATURATED: Final = 0.5
#: Share of the darkest pixels that may be black, in per cent: what lossy compression makes of an even background.
_BLACK: Final = 0.5
#: CT number of nothing at all; below are only corners that no ray went through.
_NOTHING: Final = -1024.0
#: Pixels of which a window is made, at least, where there are more.
_SAMPLES: Final = 50_000
#: Share of the pixels that must be neither black nor white, that something is to be seen.
_SEEN: Final = 0.01
#: Least width of a window of fractions: parametric maps have values of a millionth, and of less.
_LEAST_WIDTH: Final = 1e-30
#: Bytes of a value up to which a table of all values is cheaper than arithmetic on each pixel.
_TABLE_BYTES: Final = 2


@dataclass(frozen=True, kw_only=True)
class Rescale:
    """Modality values as a linear function of stored ones (PS3.3 C.11.1.1.2)."""

    slope: float
    intercept: float

    def values(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Return modality values."""
        scaled: NDArray[Any] = stored * self.slope + self.intercept
        return scaled


@dataclass(frozen=True, kw_only=True)
class Windowing:
    """A window, and how it is applied."""

    centre: float
    width: float
    function: Function

    def shares(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return brightness from 0 to 1 (PS3.3 C.11.2.1.2.1 and C.11.2.1.3)."""
        match self.function:
            case "SIGMOID":
                with np.errstate(over="ignore"):
                    shares = 1 / (1 + np.exp(-4 * (values - self.centre) / self.width))
            case "LINEAR" if self.width > 1:
                shares = (values - (self.centre - 0.5)) / (self.width - 1) + 0.5
            case "LINEAR" if self.width == 1:
                shares = (values > self.centre - 0.5).astype(float)
            case _:
                shares = (values - self.centre) / self.width + 0.5
        return np.clip(np.nan_to_num(shares), 0, 1)


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """All steps from stored values to brightness; hashable."""

    modality: Rescale | LookupTable
    voi: Windowing | LookupTable
    #: What becomes of brightness in the end; None to leave it.
    presentation: LookupTable | None
    #: Whether the lowest value is the brightest.
    inverse: bool
    #: Lowest and highest stored value that is no part of the image, and is drawn black (PS3.3 C.7.5.1.1.2).
    padding: tuple[float, float] | None

    def brightness(self, stored: NDArray[Any]) -> Grey:
        """Map stored values to 0 (black) to 255."""
        shares = self.voi.shares(self.modality.values(stored))
        if self.presentation is not None:
            last = len(self.presentation.entries) - 1
            shares = self.presentation.shares(np.rint(shares * last) + self.presentation.first)
        grey = (shares * 255).astype(np.uint8)
        if self.inverse:
            grey = 255 - grey
        if self.padding is not None:
            grey[(stored >= self.padding[0]) & (stored <= self.padding[1])] = 0
        return grey


def pipeline_of(
    frame: NDArray[Any],
    dataset: Attributes,
    *,
    window: Window | None = None,
    function: Function | None = None,
    number: int = 0,
) -> Pipeline:
    """Return the steps for a frame, by what its attributes say; the arguments are those of `frame_picture`."""
    return Pipeline(
        modality=_modality(dataset, number),
        voi=_voi(frame, dataset, window, function, number),
        presentation=_presentation(dataset),
        inverse="MONOCHROME1" in str(dataset.get("PhotometricInterpretation"))
        or dataset.get("PresentationLUTShape") == "INVERSE",
        padding=padding_of(dataset),
    )


def grey_of(frame: NDArray[Any], pipeline: Pipeline) -> Grey:
    """Map a frame to brightness, over a table of all values where there are few."""
    if frame.dtype.kind not in "iu" or frame.dtype.itemsize > _TABLE_BYTES:
        return pipeline.brightness(frame)
    unsigned = np.dtype(f"u{frame.dtype.itemsize}")
    # The table has an entry for every value, so that nothing wraps: but without this, each is looked at.
    return _table(frame.dtype.str, pipeline).take(np.ascontiguousarray(frame).view(unsigned), mode="wrap")


def frame_window(frame: NDArray[Any], dataset: Attributes, *, number: int = 0) -> Window:
    """Return the window of a frame: the one its attributes name, or else one that shows the body.

    The latter reaches from the darkest, nearly, to the 99.5th percentile of what is brighter than the mean;
    padding does not count.
    """
    return _named_window(frame, dataset, number) or _fitting_window(frame, dataset, number)


def telling_window(frame: NDArray[Any], dataset: Attributes, *, number: int = 0) -> Window | None:
    """Return the first of the windows that an image names in which something is to be seen, or else one that fits.

    None if it names none, or is the same everywhere. A slice of air, for example, is all black in a window for soft
    tissue, and not in one for lungs.
    """
    windows = _named_windows(frame, dataset, number)
    values = _modality(dataset, number).values(_within(frame, dataset))
    if not windows or not values.size or values.min() == values.max():
        return None
    for centre, width in windows:
        if np.count_nonzero(np.abs(values - centre) < width / 2) > _SEEN * values.size:
            return centre, width
    return _fitting_window(frame, dataset, number)


def padding_of(dataset: Attributes) -> tuple[float, float] | None:
    """Return the lowest and the highest stored value that is no part of the image; None if there is none."""
    for kind in FRACTIONS:
        if isinstance(value := dataset.get(f"{kind}PixelPaddingValue"), float):
            limit = dataset.get(f"{kind}PixelPaddingRangeLimit")
            first, last = sorted((value, limit if isinstance(limit, float) else value))
            return first, last
    value, limit = dataset.get("PixelPaddingValue"), dataset.get("PixelPaddingRangeLimit")
    if not isinstance(value, int):
        return None
    ends = sorted(_signed(end, dataset) for end in (value, limit if isinstance(limit, int) else value))
    return float(ends[0]), float(ends[1])


def _modality(dataset: Attributes, number: int) -> Rescale | LookupTable:
    if items := dataset.get("ModalityLUTSequence"):
        return read_table(items[0], signed=_is_signed(dataset))
    slope = _first(frame_attribute(dataset, number, "PixelValueTransformationSequence", "RescaleSlope"))
    intercept = _first(frame_attribute(dataset, number, "PixelValueTransformationSequence", "RescaleIntercept"))
    return Rescale(slope=slope or 1.0, intercept=intercept or 0.0)


def _voi(
    frame: NDArray[Any], dataset: Attributes, window: Window | None, function: Function | None, number: int
) -> Windowing | LookupTable:
    """Return the wanted window, that of the image, its table, or one that fits: the first that there is."""
    if window is None:
        window = _named_window(frame, dataset, number)
        if window is None and (table := _voi_table(dataset, number)) is not None:
            return table
    if window is None:
        centre, width = _fitting_window(frame, dataset, number)
        return Windowing(centre=centre, width=width, function="LINEAR_EXACT")
    centre, width = window
    return Windowing(centre=centre, width=width, function=function or _function(frame, dataset, number))


def _voi_table(dataset: Attributes, number: int) -> LookupTable | None:
    items = frame_attribute(dataset, number, "FrameVOILUTSequence", "VOILUTSequence")
    if not items:
        return None
    modality = _modality(dataset, number)
    signed = isinstance(modality, Rescale) and (_is_signed(dataset) or modality.intercept < 0)
    return read_table(items[0], signed=signed)


def _presentation(dataset: Attributes) -> LookupTable | None:
    items = dataset.get("PresentationLUTSequence")
    return read_table(items[0]) if items else None


def _named_window(frame: NDArray[Any], dataset: Attributes, number: int) -> Window | None:
    return next(iter(_named_windows(frame, dataset, number)), None)


def _named_windows(frame: NDArray[Any], dataset: Attributes, number: int) -> list[Window]:
    centres, widths = (
        _numbers(frame_attribute(dataset, number, "FrameVOILUTSequence", keyword))
        for keyword in ("WindowCenter", "WindowWidth")
    )
    least = 1 if _function(frame, dataset, number) == "LINEAR" else _LEAST_WIDTH
    return [(centre, width) for centre, width in zip(centres, widths, strict=False) if width >= least]


def _fitting_window(frame: NDArray[Any], dataset: Attributes, number: int) -> Window:
    modality = _modality(dataset, number)
    values = _within(frame, dataset)
    if values.size == 0:
        return 0.5, 1.0
    body = values[values > values.mean()]
    brightest = np.percentile(body, 100 - _SATURATED) if body.size else values.max()
    ends = np.array([np.percentile(values, _BLACK), brightest], float)
    low, high = np.sort(modality.values(ends).astype(float))
    if dataset.get("Modality") == "CT":
        low = max(low, _NOTHING)
    step = abs(modality.slope) if isinstance(modality, Rescale) else 1.0
    return float(low + high) / 2, float(max(high - low, _LEAST_WIDTH if frame.dtype.kind == "f" else step))


def _within(frame: NDArray[Any], dataset: Attributes) -> NDArray[Any]:
    """Return stored values that are part of the image; of many only some, spread over it."""
    some = frame.reshape(-1)[:: frame.size // _SAMPLES | 1]
    values = some[np.isfinite(some)] if frame.dtype.kind == "f" else some
    padding = padding_of(dataset)
    return values[(values < padding[0]) | (values > padding[1])] if padding else values


def _function(frame: NDArray[Any], dataset: Attributes, number: int) -> Function:
    """Return how a window is applied; LINEAR counts whole numbers, which fractions are not: a map from 0 to 1."""
    said = frame_attribute(dataset, number, "FrameVOILUTSequence", "VOILUTFunction")
    linear: Function = "LINEAR_EXACT" if frame.dtype.kind == "f" else "LINEAR"
    return said if said in FUNCTIONS and said != "LINEAR" else linear


def _signed(value: int, dataset: Attributes) -> int:
    """Mend a negative value that was written as if it had no sign, as some write it in images with a sign."""
    return value - 0x10000 if _is_signed(dataset) and value > 0x7FFF else value


def _is_signed(dataset: Attributes) -> bool:
    return bool(dataset.get("PixelRepresentation") == 1)


def _first(value: Any) -> float | None:
    """Return the first of one or several numbers, or None if there is none."""
    return next(iter(_numbers(value)), None)


def _numbers(value: Any) -> list[float]:
    """Return one or several numbers, up to the first that is none."""
    found: list[float] = []
    try:
        for part in [value] if isinstance(value, int | float | str) else value:
            if not np.isfinite(number := float(part)):
                break
            found.append(number)
    except (TypeError, ValueError):
        pass
    return found


@lru_cache(maxsize=64)
def _table(kind: str, pipeline: Pipeline) -> Grey:
    """Give the brightness of all values of a type, in the order of their bits: the negative ones come last."""
    unsigned = np.dtype(kind.replace("i", "u"))
    every = np.arange(1 << 8 * unsigned.itemsize, dtype=np.uint32).astype(unsigned)
    return pipeline.brightness(every.view(kind))
