"""Overlay planes: one bit a pixel that lie over an image (PS3.3 C.9.2), groups 6000 to 601E."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

Mask = NDArray[np.bool_]

GROUPS: Final = range(0x6000, 0x6020, 2)
_ROWS, _COLUMNS, _FRAMES, _ORIGIN, _FIRST_FRAME, _DATA = 0x10, 0x11, 0x15, 0x50, 0x51, 0x3000
_ALLOCATED, _POSITION = 0x100, 0x102
_ACTIVATION: Final = 0x1001

#: Tags that are looked at.
OVERLAY_TAGS: Final = tuple(
    group << 16 | element
    for group in GROUPS
    for element in (_ROWS, _COLUMNS, _FRAMES, _ORIGIN, _FIRST_FRAME, _DATA, _ALLOCATED, _POSITION)
)
#: Largest plane, in pixels.
_MOST_PIXELS: Final = 1 << 28


def overlay_mask(dataset: Dataset, group: int, shape: tuple[int, int], *, frame: int = 0) -> Mask | None:
    """Return where a plane is set, on a frame of that many rows and columns; None if it has none, or a damaged one.

    Parameters
    ----------
    dataset
        Image or presentation state that holds the plane.
    group
        Of GROUPS.
    shape
        Rows and columns of the frame of the image.
    frame
        Its number, from 0. A plane of one frame lies over all of them, one of several over as many from Image Frame
        Origin on (PS3.3 C.9.2.1.4).
    """
    rows, columns, count = (_whole(dataset, group, element, 0) for element in (_ROWS, _COLUMNS, _FRAMES))
    element = dataset.get((group, _DATA))
    data = element.value if element is not None else None
    if not isinstance(data, bytes) or rows <= 0 or columns <= 0 or rows * columns > _MOST_PIXELS:
        return None
    number = frame - (_whole(dataset, group, _FIRST_FRAME, 1) - 1) if count > 1 else 0
    if count > 1 and not 0 <= number < count:
        return None
    bits = _bits(data, number * rows * columns, rows * columns)
    return None if bits is None else _laid(bits.reshape(rows, columns), _origin(dataset, group), shape)


def embedded_planes(dataset: Dataset) -> list[int]:
    """Return which bits of the pixels are planes, which have no data of their own then (PS3.5 8.1.2; retired)."""
    allocated, stored, high = (dataset.get(keyword) for keyword in ("BitsAllocated", "BitsStored", "HighBit"))
    if not (isinstance(allocated, int) and isinstance(stored, int) and isinstance(high, int)):
        return []
    unused = [bit for bit in range(allocated) if not high - stored < bit <= high]
    return [
        bit
        for group in GROUPS
        if (group, _ROWS) in dataset and (group, _DATA) not in dataset
        if _whole(dataset, group, _ALLOCATED, 1) == allocated
        if (bit := _whole(dataset, group, _POSITION, 0)) in unused
    ]


def embedded_masks(stored: NDArray[Any], bits: Sequence[int]) -> Mask:
    """Return where any of these bits is set in a frame as it is stored."""
    mask: Mask = stored & sum(1 << bit for bit in bits) != 0
    return mask


def overlay_masks(dataset: Dataset, shape: tuple[int, int], *, frame: int = 0) -> Mask | None:
    """Return where any of an image's planes is set; None if it has none. The arguments are those of `overlay_mask`."""
    found = [mask for group in GROUPS if (mask := overlay_mask(dataset, group, shape, frame=frame)) is not None]
    return np.logical_or.reduce(found) if found else None


def active_overlays(state: Dataset) -> Iterator[tuple[int, str]]:
    """Give the groups that a presentation state shows, and the graphic layer of each (PS3.3 C.11.7)."""
    for group in GROUPS:
        element = state.get((group, _ACTIVATION))
        if element is not None and element.value:
            yield group, str(element.value)


def _bits(data: bytes, start: int, count: int) -> NDArray[np.uint8] | None:
    part = np.frombuffer(data, np.uint8)[start // 8 : (start + count + 7) // 8]
    bits: NDArray[np.uint8] = np.unpackbits(part, bitorder="little")[start % 8 :][:count]
    return bits if len(bits) == count else None


def _laid(bits: NDArray[np.uint8], origin: tuple[int, int], shape: tuple[int, int]) -> Mask:
    """Lay a plane over a frame, with its first pixel on that row and column, counted from 0."""
    mask = np.zeros(shape, bool)
    (top, left), (rows, columns) = origin, bits.shape
    seen = bits[max(-top, 0) : max(shape[0] - top, 0), max(-left, 0) : max(shape[1] - left, 0)]
    if seen.size and top < shape[0] and left < shape[1] and top + rows > 0 and left + columns > 0:
        mask[max(top, 0) :, max(left, 0) :][: seen.shape[0], : seen.shape[1]] = seen
    return mask


def _origin(dataset: Dataset, group: int) -> tuple[int, int]:
    element = dataset.get((group, _ORIGIN))
    value: Any = element.value if element is not None else None
    try:
        top, left = (int(part) for part in value)
    except (TypeError, ValueError):
        return 0, 0
    return top - 1, left - 1


def _whole(dataset: Dataset, group: int, number: int, default: int) -> int:
    element = dataset.get((group, number))
    try:
        return int(element.value) if element is not None else default
    except (TypeError, ValueError):
        return default
