"""Child process: decode pixels and draw them, from files that its parent prepared.

``series FOLDER`` draws preview.webp and filmstrip.webp from the files in FOLDER/instances (and FOLDER/sources) and
prints what it found; ``frames FILE OUT NUMBERS`` decodes frames; ``serve`` draws single frames, one for each line of
standard input, until that ends (see `kahua.store.decoders`).
"""

import json
import sys
from collections.abc import Sequence
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread

from kahua.dicom.overlays import draw_segmentation, draw_structure_set
from kahua.dicom.pictures import frame_picture
from kahua.dicom.pixels import frame_count, read_frames
from kahua.errors import KahuaError
from kahua.store.child import REFUSED
from kahua.store.decoders import HEAD

#: Longest side of a preview, and side of the square tiles of a filmstrip, in pixels.
PREVIEW_SIZE = 512
TILE_SIZE = 192

#: Most tiles of a filmstrip.
MAX_TILES = 16

#: WebP quality.
QUALITY = 82

#: Formats of pictures by their media type.
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}

Picture = NDArray[np.uint8]


def main(arguments: Sequence[str]) -> None:
    """Do what the arguments say; a refusal is the last line on standard error, and a status of its own."""
    try:
        match arguments:
            case ["series", folder]:
                sys.stdout.write(json.dumps(draw_series(Path(folder))))
            case ["serve"]:
                serve(sys.stdin.buffer, sys.stdout.buffer)
            case ["frames", file, out, numbers]:
                decode_frames(Path(file), Path(out), [int(number) for number in numbers.split(",")])
            case _:
                raise SystemExit("Usage: series FOLDER | frames FILE OUT NUMBERS | serve")
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


def serve(jobs: BinaryIO, answers: BinaryIO) -> None:
    """Draw what each line asks for; answer with a picture or with the reason why there is none."""
    for line in jobs:
        try:
            drawn, content = True, draw_picture(json.loads(line))
        except KahuaError as error:
            drawn, content = False, str(error).encode()
        except Exception as error:  # noqa: BLE001 - whatever a hostile file does to the libraries, it has no picture
            drawn, content = False, f"The decoder failed: {type(error).__name__}: {error}".encode()
        answers.write(HEAD.pack(drawn, len(content)) + content)
        answers.flush()


def draw_picture(job: dict[str, Any]) -> bytes:
    """Draw one frame of a file as a picture of the wanted kind."""
    dataset = dcmread(job["file"], force=True)
    number = job["frame"] - 1
    frame = next(islice(read_frames(dataset), number, None))
    window = tuple(job["window"]) if job["window"] else None
    picture = frame_picture(frame, dataset, size=job["size"], window=window, number=number)
    out = BytesIO()
    Image.fromarray(picture).save(out, FORMATS[job["media_type"]], quality=QUALITY)
    return out.getvalue()


def decode_frames(file: Path, out: Path, numbers: Sequence[int]) -> None:
    """Write decoded frames, little endian, one after another (the reader knows their equal length)."""
    dataset = dcmread(file, force=True)
    wanted = {number - 1 for number in numbers}
    decoded = {
        number: frame for number, frame in enumerate(islice(read_frames(dataset), max(numbers))) if number in wanted
    }
    with out.open("xb") as written:
        for number in numbers:
            frame = decoded[number - 1]
            written.write(frame.astype(frame.dtype.newbyteorder("<")).tobytes())


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
