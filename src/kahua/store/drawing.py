"""Child process: draw a series, from files that its parent prepared.

``FOLDER`` is its one argument: it draws preview.webp and filmstrip.webp from the files in FOLDER/instances (and
FOLDER/sources) and prints what it found.
"""

import json
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread

from kahua.dicom.overlays import draw_segmentation, draw_structure_set
from kahua.dicom.pictures import frame_picture
from kahua.dicom.pixels import frame_count, read_frames
from kahua.errors import KahuaError
from kahua.store.child import REFUSED

#: Longest side of a preview, and side of the square tiles of a filmstrip, in pixels.
PREVIEW_SIZE = 512
TILE_SIZE = 192

#: Most tiles of a filmstrip.
MAX_TILES = 16

#: WebP quality.
QUALITY = 82

Picture = NDArray[np.uint8]


def main(arguments: Sequence[str]) -> None:
    """Draw the series in the folder; a refusal is the last line on standard error, and a status of its own."""
    try:
        (folder,) = arguments
        sys.stdout.write(json.dumps(draw_series(Path(folder))))
    except KahuaError as error:
        sys.stderr.write(str(error).replace("\n", " ") + "\n")
        sys.exit(REFUSED)


def draw_series(folder: Path) -> dict[str, str]:
    """Draw preview and filmstrip of a series; say whether there was something to draw."""
    files = sorted((folder / "instances").iterdir())
    sources = sorted((folder / "sources").iterdir())
    first = dcmread(files[0], stop_before_pixels=True, force=True)
    match str(first.get("Modality", "")):
        case "SEG":
            pictures = draw_segmentation(dcmread(files[0], force=True), sources, most=MAX_TILES)
        case "RTSTRUCT":
            pictures = draw_structure_set(dcmread(files[0], force=True), sources, most=MAX_TILES)
        case modality:
            pictures = _images(files)
            if not pictures:
                return {"state": "none", "note": f"{modality or 'This'} has no picture."}
    if not pictures:
        return {"state": "none", "note": "The image to which this belongs is not here."}
    _save(pictures[len(pictures) // 2], folder / "preview.webp", PREVIEW_SIZE)
    if len(pictures) > 1:
        _filmstrip(pictures).save(folder / "filmstrip.webp", "WEBP", quality=QUALITY)
    return {"state": "ready", "note": ""}


def _images(files: Sequence[Path]) -> list[Picture]:
    """Draw frames at even distances through a series, in the order of its files."""
    if len(files) == 1:
        return _frames(dcmread(files[0], force=True))
    pictures = []
    for file in _evenly(files):
        dataset = dcmread(file, force=True)
        if frame_count(dataset):
            pictures.append(_draw(next(iter(read_frames(dataset))), dataset, 0))
    return pictures


def _frames(dataset: Dataset) -> list[Picture]:
    count = frame_count(dataset)
    wanted = set(_evenly(range(count)))
    last = max(wanted, default=-1)
    return [
        _draw(frame, dataset, number)
        for number, frame in enumerate(islice(read_frames(dataset), last + 1))
        if number in wanted
    ]


def _draw(frame: NDArray[Any], dataset: Dataset, number: int) -> Picture:
    return frame_picture(frame, dataset, size=PREVIEW_SIZE, number=number)


def _evenly(items: Sequence[Any]) -> list[Any]:
    """Give at most MAX_TILES of the items, at even distances; the middle of a long list is among them."""
    if len(items) <= MAX_TILES:
        return list(items)
    step = len(items) / MAX_TILES
    return [items[int(step * (number + 0.5))] for number in range(MAX_TILES)]


def _filmstrip(pictures: Sequence[Picture]) -> Image.Image:
    strip = Image.new("RGB", (TILE_SIZE * len(pictures), TILE_SIZE))
    for number, picture in enumerate(pictures):
        tile = Image.fromarray(picture).convert("RGB")
        tile.thumbnail((TILE_SIZE, TILE_SIZE))
        left, top = (TILE_SIZE - tile.width) // 2, (TILE_SIZE - tile.height) // 2
        strip.paste(tile, (number * TILE_SIZE + left, top))
    return strip


def _save(picture: Picture, path: Path, size: int) -> None:
    image = Image.fromarray(picture)
    image.thumbnail((size, size))
    image.save(path, "WEBP", quality=QUALITY)


if __name__ == "__main__":
    main(sys.argv[1:])
