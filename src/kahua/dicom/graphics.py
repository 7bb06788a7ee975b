"""Graphic annotations of presentation states as lines and text (PS3.3 C.10.5 and C.10.7)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np
from pydicom import Dataset

from kahua.dicom.geometry import FloatArray
from kahua.dicom.overlays import Colour, rgb_of_lab

#: Most annotations that are drawn, most points of one, and longest text.
_MOST: Final = 2000
_MOST_POINTS: Final = 20_000
_MOST_LETTERS: Final = 500

#: Points of a circle or an ellipse.
_ROUND: Final = 72

#: Colour of a layer without one.
_DEFAULT: Final = (255, 220, 80)


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """A line, a closed or filled shape, a point, or text."""

    #: Shape (points, 2): column and row, 0 at the corner of the first pixel; or shares of the displayed area.
    points: FloatArray
    of_display: bool
    colour: Colour
    filled: bool = False
    #: Written with its upper left corner at the first point.
    text: str = ""


def annotations(state: Dataset, applies: Callable[[Dataset], bool]) -> Iterator[Annotation]:
    """Give what is drawn on an image, layer by layer from the lowest; what makes no sense is left out."""
    layers = {str(layer.get("GraphicLayer", "")): layer for layer in state.get("GraphicLayerSequence") or []}
    items = [item for item in state.get("GraphicAnnotationSequence") or [] if applies(item)]
    items.sort(key=lambda item: _order(layers.get(str(item.get("GraphicLayer", "")))))
    drawn = (each for item in items for each in _of_item(item, _colour(layers.get(str(item.get("GraphicLayer", ""))))))
    return islice(drawn, _MOST)


def colour_of_layer(state: Dataset, name: str) -> Colour:
    """Return the colour of what is drawn on a graphic layer."""
    layers = (layer for layer in state.get("GraphicLayerSequence") or [] if layer.get("GraphicLayer") == name)
    return _colour(next(layers, None))


def _of_item(item: Dataset, colour: Colour) -> Iterator[Annotation]:
    for graphic in item.get("GraphicObjectSequence") or []:
        points = _points(graphic.get("GraphicData"))
        shape = _shape(str(graphic.get("GraphicType", "")), points)
        if shape is not None:
            of_display = graphic.get("GraphicAnnotationUnits") == "DISPLAY"
            filled = graphic.get("GraphicFilled") == "Y" and len(shape) > 2
            yield Annotation(points=shape, of_display=of_display, colour=colour, filled=filled)
    for text in item.get("TextObjectSequence") or []:
        for keyword, units in (
            ("BoundingBoxTopLeftHandCorner", "BoundingBoxAnnotationUnits"),
            ("AnchorPoint", "AnchorPointAnnotationUnits"),
        ):
            points = _points(text.get(keyword))
            if len(points):
                yield Annotation(
                    points=points[:1],
                    of_display=text.get(units) == "DISPLAY",
                    colour=colour,
                    text=_letters(text.get("UnformattedTextValue")),
                )
                break


def _shape(kind: str, points: FloatArray) -> FloatArray | None:
    """Return the line of a graphic (PS3.3 table C.10-5); None if it has too few points."""
    angles = np.linspace(0, 2 * np.pi, _ROUND)
    if kind == "CIRCLE" and len(points) >= 2:
        radius = float(np.hypot(*(points[1] - points[0])))
        around: FloatArray = points[0] + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        return around
    if kind == "ELLIPSE" and len(points) >= 4:
        long, short = (points[1] - points[0]) / 2, (points[3] - points[2]) / 2
        middle = (points[0] + points[1]) / 2
        oval: FloatArray = middle + np.cos(angles)[:, None] * long + np.sin(angles)[:, None] * short
        return oval
    if kind == "POINT" and len(points):
        return points[:1]
    return points if kind in ("POLYLINE", "INTERPOLATED") and len(points) >= 2 else None


def _points(value: Any) -> FloatArray:
    """Read pairs of column and row."""
    try:
        numbers = np.asarray(value if value is not None else [], float).ravel()[: 2 * _MOST_POINTS]
    except (TypeError, ValueError):
        numbers = np.zeros(0)
    points: FloatArray = np.nan_to_num(numbers[: len(numbers) // 2 * 2].reshape(-1, 2))
    return points


def _letters(value: Any) -> str:
    lines = str(value or "")[:_MOST_LETTERS].splitlines()
    return "\n".join("".join(letter for letter in line if letter.isprintable()) for line in lines)


def _order(layer: Dataset | None) -> int:
    value = layer.get("GraphicLayerOrder") if layer is not None else None
    return int(value) if isinstance(value, int) else 0


def _colour(layer: Dataset | None) -> Colour:
    lab = layer.get("GraphicLayerRecommendedDisplayCIELabValue") if layer is not None else None
    if lab is not None and len(lab) == 3:
        return rgb_of_lab(lab)
    grey = layer.get("GraphicLayerRecommendedDisplayGrayscaleValue") if layer is not None else None
    if isinstance(grey, int):
        return grey >> 8, grey >> 8, grey >> 8
    return _DEFAULT
