"""Whole slides as pictures: their thumbnail, or their coarsest level (PS3.3 C.8.12.4)."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread

from kahua.dicom.drawn import Drawn
from kahua.dicom.functional_groups import frame_attribute
from kahua.dicom.pixels import frame_count, read_frames

#: Most pixels along a side of a level that is put together of its tiles.
_MOST_PIXELS: Final = 8192

#: Most tiles that are put together.
_MOST_TILES: Final = 1024

#: Longest side of the picture.
_SIZE: Final = 1024


def draw_slide(files: Sequence[Path]) -> Drawn:
    """Draw a slide from the smallest of its levels; never its label, on which a name may stand.

    Parameters
    ----------
    files
        Instances of a series of VL Whole Slide Microscopy Images.
    """
    levels = [(header, path) for path in files if _kind(header := _header(path)) != "LABEL" and frame_count_of(header)]
    volumes = [level for level in levels if _kind(level[0]) != "OVERVIEW"] or levels
    if not volumes:
        return Drawn(pictures=[], note="The slide has nothing but its label here.")
    header, path = min(volumes, key=lambda level: _matrix(level[0])[0] * _matrix(level[0])[1])
    rows, columns = _matrix(header)
    if max(rows, columns) > _MOST_PIXELS or frame_count_of(header) > _MOST_TILES:
        return Drawn(pictures=[], note="The slide has no small level here from which a picture could be made.")
    return Drawn(pictures=[_put_together(dcmread(path, force=True), rows, columns)])


def frame_count_of(header: Dataset) -> int:
    """Return how many frames a header claims, whether or not its pixels were read."""
    return max(int(header.get("NumberOfFrames") or 1), 1) if header.get("Rows") and header.get("Columns") else 0


def _header(path: Path) -> Dataset:
    return dcmread(path, stop_before_pixels=True, force=True)


def _kind(header: Dataset) -> str:
    """Return the third value of Image Type: VOLUME, LABEL, OVERVIEW, THUMBNAIL."""
    values = list(header.get("ImageType") or [])
    return str(values[2]) if len(values) > 2 else ""


def _matrix(header: Dataset) -> tuple[int, int]:
    return (
        int(header.get("TotalPixelMatrixRows") or header.get("Rows") or 1),
        int(header.get("TotalPixelMatrixColumns") or header.get("Columns") or 1),
    )


def _put_together(dataset: Dataset, rows: int, columns: int) -> NDArray[np.uint8]:
    """Lay the tiles where they belong (PS3.3 C.8.12.14 and C.7.6.17.3), and reduce the whole."""
    height, width = int(dataset.Rows), int(dataset.Columns)
    whole = np.zeros((rows + height, columns + width, 3), np.uint8)
    across = -(-columns // width)
    for number, tile in enumerate(islice(read_frames(dataset), frame_count(dataset))):
        top, left = _corner(dataset, number, across, height, width)
        if 0 <= top < rows and 0 <= left < columns:
            whole[top : top + height, left : left + width] = _colours(tile)
    picture = Image.fromarray(whole[:rows, :columns])
    picture.thumbnail((_SIZE, _SIZE))
    return np.asarray(picture)


def _corner(dataset: Dataset, number: int, across: int, height: int, width: int) -> tuple[int, int]:
    """Return the first row and column of a tile, from 0; tiles without a place lie row by row."""
    row = frame_attribute(dataset, number, "PlanePositionSlideSequence", "RowPositionInTotalImagePixelMatrix")
    column = frame_attribute(dataset, number, "PlanePositionSlideSequence", "ColumnPositionInTotalImagePixelMatrix")
    if row is None or column is None:
        return number // across * height, number % across * width
    return int(row) - 1, int(column) - 1


def _colours(tile: NDArray[Any]) -> NDArray[np.uint8]:
    eight = (tile >> 8).astype(np.uint8) if tile.dtype.itemsize == 2 else tile.astype(np.uint8)
    return eight if eight.ndim == 3 else np.repeat(eight[:, :, None], 3, axis=2)
