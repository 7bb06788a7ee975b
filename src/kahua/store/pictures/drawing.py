"""Child process: draw series, from files that its parent prepared.

For each line of standard input, ``{"folder": FOLDER}``, it draws preview.webp and filmstrip.webp from the files in
FOLDER/instances (and FOLDER/sources) and answers with what it found (see `kahua.store.pictures.serving`).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread

from kahua.dicom.dose import draw_dose
from kahua.dicom.drawn import Drawn, evenly
from kahua.dicom.overlays import draw_segmentation, draw_structure_set
from kahua.dicom.pictures import preview_picture
from kahua.dicom.pixels import frame_count, frames_at, open_image, read_frame
from kahua.dicom.places import places
from kahua.dicom.presentation import draw_states
from kahua.dicom.readings import draw_reading
from kahua.dicom.slides import draw_slide
from kahua.errors import UndecodablePixels
from kahua.store.pictures.serving import serve
from kahua.store.pictures.video import draw_video, is_video

#: Longest side of a preview, and side of the square tiles of a filmstrip, in pixels.
PREVIEW_SIZE = 512
TILE_SIZE = 192

#: Most tiles of a filmstrip.
MAX_TILES = 16

#: WebP quality.
QUALITY = 82

#: Why some objects have no picture, by modality.
WITHOUT_PICTURE: Mapping[str, str] = {
    "KO": "A key object selection has no picture of its own: it names images that someone chose.",
    "REG": "A registration has no picture: it says how two images lie to each other.",
    "FID": "Fiducials have no picture: they are points on other images.",
    "RWV": "A real world value mapping has no picture: it says what the values of another image mean.",
    "RTPLAN": "A treatment plan has no picture: see its doses and structures.",
    "RTRECORD": "A treatment record has no picture.",
}

#: What objects hold that are read, not looked at.
READ = ("WaveformSequence", "ContentSequence", "EncapsulatedDocument")

Picture = NDArray[np.uint8]


def draw(job: dict[str, Any]) -> bytes:
    """Draw the series in a folder."""
    return json.dumps(draw_series(Path(job["folder"]))).encode()


def draw_series(folder: Path) -> dict[str, str]:
    """Draw preview and filmstrip of a series; say whether there was something to draw."""
    files = sorted((folder / "instances").iterdir())
    sources = sorted((folder / "sources").iterdir())
    drawn = _draw_kind(dcmread(files[0], stop_before_pixels=True, force=True), files, sources)
    if not drawn.pictures:
        return {"state": "none", "note": drawn.note}
    _save(drawn.pictures[drawn.best], folder / "preview.webp")
    if len(drawn.pictures) > 1:
        _filmstrip(drawn.pictures).save(folder / "filmstrip.webp", "WEBP", quality=QUALITY)
    return {"state": "ready", "note": drawn.note}


def _draw_kind(header: Dataset, files: Sequence[Path], sources: Sequence[Path]) -> Drawn:
    """Draw a series by what its first object is."""
    modality = str(header.get("Modality", ""))
    if is_video(header):
        return draw_video(files[0], most=MAX_TILES)
    on_image: dict[str, Callable[..., Drawn]] = {
        "SEG": draw_segmentation,
        "RTSTRUCT": draw_structure_set,
        "RTDOSE": draw_dose,
    }
    if modality == "PR":
        return draw_states([dcmread(file, force=True) for file in files], places(sources), most=MAX_TILES)
    if modality in on_image:
        return on_image[modality](dcmread(files[0], force=True), sources, most=MAX_TILES)
    if modality == "SM":
        return draw_slide(files)
    if modality not in WITHOUT_PICTURE and any(keyword in header for keyword in READ):
        return draw_reading(dcmread(files[0], force=True), most=MAX_TILES)
    pictures, note = _images(files)
    if not pictures:
        note = WITHOUT_PICTURE.get(modality, "It holds no pixels.")
    return Drawn(pictures=pictures, best=len(pictures) // 2, note=note)


def _images(files: Sequence[Path]) -> tuple[list[Picture], str]:
    """Draw frames at even distances through a series, in the order of its files; say what cannot be drawn.

    Raises
    ------
    UndecodablePixels
        None of those that were looked at can be drawn.
    """
    if len(files) == 1:
        return _frames(open_image(files[0])), ""
    pictures, failures = [], []
    for file in (chosen := evenly(files, MAX_TILES)):
        try:
            dataset = open_image(file)
            if frame_count(dataset):
                pictures.append(_draw(read_frame(dataset, 0), dataset, 0))
        except UndecodablePixels as error:
            failures.append(error)
    if failures and not pictures:
        raise failures[0]
    note = f"{len(failures)} of {len(chosen)} images cannot be drawn: {failures[0].message}" if failures else ""
    return pictures, note


def _frames(dataset: Dataset) -> list[Picture]:
    wanted = evenly(range(frame_count(dataset)), MAX_TILES)
    return [_draw(frame, dataset, number) for number, frame in frames_at(dataset, wanted)] if wanted else []


def _draw(frame: NDArray[Any], dataset: Dataset, number: int) -> Picture:
    return preview_picture(frame, dataset, size=PREVIEW_SIZE, number=number)


def _filmstrip(pictures: Sequence[Picture]) -> Image.Image:
    strip = Image.new("RGB", (TILE_SIZE * len(pictures), TILE_SIZE))
    for number, picture in enumerate(pictures):
        tile = Image.fromarray(picture).convert("RGB")
        tile.thumbnail((TILE_SIZE, TILE_SIZE))
        left, top = (TILE_SIZE - tile.width) // 2, (TILE_SIZE - tile.height) // 2
        strip.paste(tile, (number * TILE_SIZE + left, top))
    return strip


def _save(picture: Picture, path: Path) -> None:
    image = Image.fromarray(picture)
    image.thumbnail((PREVIEW_SIZE, PREVIEW_SIZE))
    image.save(path, "WEBP", quality=QUALITY)


if __name__ == "__main__":
    serve(draw)
