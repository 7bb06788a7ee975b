"""Child process: decode, draw and transcode frames of files, one job for each line of standard input.

It ends with its input; see `kahua.store.pictures.decoders`. What it knows of a file, which never changes, it keeps
for the next frames.
"""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread

from kahua.dicom.annotation import LINES, annotated
from kahua.dicom.pictures import PICTURE_ATTRIBUTES, frame_picture
from kahua.dicom.pixels import PIXEL_ATTRIBUTES, decode_stored, read_frame
from kahua.dicom.presentation import Target, present, targets
from kahua.dicom.transcoding import transcode
from kahua.errors import InvalidInput
from kahua.store.pictures.serving import serve
from kahua.store.pictures.video import is_video, video_frame, write_mp4

#: Picture quality where none is asked for.
QUALITY = 90

#: Formats of pictures by their media type.
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF"}

#: Most images of a presentation state that are looked for.
MAX_TARGETS = 100

#: Least and most milliseconds for which an animation shows a frame.
FRAME_TIMES = (20, 1000)

#: All attributes that are looked at, for not to read the others saves a third of the time.
WANTED = (
    *PIXEL_ATTRIBUTES,
    *PICTURE_ATTRIBUTES,
    *(keyword for lines in LINES.values() for line in lines for keyword in line),
    *("SOPInstanceUID", "SpecificCharacterSet", "FrameTime", "RecommendedDisplayFrameRate"),
)

Frame = NDArray[Any]
Job = dict[str, Any]


def do(job: Job) -> bytes:
    """Do one job."""
    return TASKS[job["task"]](job)


def draw(job: Job) -> bytes:
    """Draw one frame, or several as an animation, as a picture of the wanted kind."""
    dataset = _attributes_of(job)
    pictures = [_picture(job, dataset, number) for number in range(len(job["frames"]))]
    if len(pictures) == 1:
        return _encoded(pictures[0], job)
    out = BytesIO()
    first, *others = (Image.fromarray(picture).convert("L" if picture.ndim == 2 else "RGB") for picture in pictures)
    first.save(out, "GIF", save_all=True, append_images=others, duration=_frame_time(dataset), loop=0)
    return out.getvalue()


def _encoded(picture: NDArray[np.uint8], job: Job) -> bytes:
    """Write a picture in the wanted format and quality."""
    form, quality = FORMATS[job["media_type"]], job["quality"] or QUALITY
    if form == "JPEG":
        return _jpeg(picture, quality)
    out = BytesIO()
    options = {"compress_level": 1} if form == "PNG" else {"quality": quality}
    Image.fromarray(picture).save(out, form, **options)
    return out.getvalue()


def _jpeg(picture: NDArray[np.uint8], quality: int) -> bytes:
    """Write a JPEG: a third faster than by Pillow, with the same bytes."""
    subsampling = None if picture.ndim == 2 else "444" if quality >= QUALITY else "420"
    return bytes(imagecodecs.jpeg8_encode(picture, level=quality, subsampling=subsampling))


def present_state(job: Job) -> bytes:
    """Draw a frame as a presentation state says."""
    dataset = _attributes_of(job)
    state = dcmread(job["state"], force=True)
    target = Target(uid=str(dataset.get("SOPInstanceUID", "")), frame=job["frames"][0] - 1)
    size = max(job["viewport"]) if job["viewport"] else max(int(dataset.Rows), int(dataset.Columns))
    picture = present(_frame(job, dataset, 0), dataset, state, target, size=size)
    return _encoded(_fitted(picture, *job["viewport"]) if job["viewport"] else picture, job)


def list_targets(job: Job) -> bytes:
    """Give what a presentation state shows, as JSON."""
    found = islice(targets(dcmread(job["file"], force=True)), MAX_TARGETS)
    return json.dumps([(target.uid, target.frame + 1) for target in found]).encode()


def decode(job: Job) -> bytes:
    """Give a frame as native pixels, little endian."""
    frame = _frame(job, _attributes_of(job), 0)
    return frame.astype(frame.dtype.newbyteorder("<"), copy=False).tobytes()


def rewrite(job: Job) -> bytes:
    """Write a file anew, in another transfer syntax."""
    transcode(Path(job["file"]), Path(job["out"]), job["transfer_syntax"])
    return b""


def film(job: Job) -> bytes:
    """Write the stream of a video as an MP4 file."""
    write_mp4(Path(job["file"]), Path(job["out"]))
    return b""


TASKS: dict[str, Callable[[Job], bytes]] = {
    "draw": draw,
    "present": present_state,
    "targets": list_targets,
    "decode": decode,
    "rewrite": rewrite,
    "film": film,
}


@lru_cache(maxsize=32)
def _attributes(file: str, size: int | None) -> Dataset:
    """Read the attributes of an image that drawing needs, from so many bytes before its pixels if that is known."""
    source = file if size is None else BytesIO(_head(file, size))
    return dcmread(source, stop_before_pixels=True, force=True, specific_tags=list(WANTED))


def _attributes_of(job: Job) -> Dataset:
    return _attributes(job["file"], job["spans"][0][0][0] if job["spans"] else None)


def _head(file: str, size: int) -> bytes:
    with open(file, "rb") as opened:  # noqa: PTH123 - asked for thousands of times
        return opened.read(size)


def _frame(job: Job, dataset: Dataset, index: int) -> Frame:
    """Decode a frame: cut out of the file where it is known where it lies."""
    if is_video(dataset):
        return video_frame(Path(job["file"]), job["frames"][index] - 1)
    if job["spans"] is None:
        return read_frame(dcmread(job["file"], force=True), job["frames"][index] - 1)
    with open(job["file"], "rb") as file:  # noqa: PTH123 - asked for thousands of times
        return decode_stored(dataset, b"".join(_read(file, *span) for span in job["spans"][index]))


def _read(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)


def _picture(job: Job, dataset: Dataset, index: int) -> NDArray[np.uint8]:
    """Draw a frame: the wanted region of it, windowed, in the wanted size (PS3.18 section 8.3.5.1.3)."""
    frame = _region(_frame(job, dataset, index), job["region"])
    window = tuple(job["window"]) if job["window"] else None
    picture = frame_picture(
        frame,
        dataset,
        size=job["size"],
        window=window,
        function=job["function"],
        number=job["frames"][index] - 1,
    )
    if job["viewport"]:
        picture = _fitted(picture, *job["viewport"])
    if job["region"]:
        picture = picture[:: -1 if job["region"][3] < 0 else 1, :: -1 if job["region"][2] < 0 else 1]
    if job["annotation"]:
        picture = annotated(picture, dataset, job["annotation"])
    return np.ascontiguousarray(picture)


def _region(frame: Frame, region: Sequence[float] | None) -> Frame:
    """Cut out a region: left, top, width and height in pixels; a negative size mirrors it."""
    if not region:
        return frame
    left, top, width, height = (round(value) for value in region)
    cut = frame[max(top, 0) : max(top + abs(height), 0), max(left, 0) : max(left + abs(width), 0)]
    if not cut.size:
        raise InvalidInput("The region lies outside of the image.", field="viewport")
    return cut


def _fitted(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Make a picture as large as fits into a viewport, with the proportions that it has."""
    rows, columns = picture.shape[:2]
    scale = min(width / columns, height / rows)
    target = (max(round(columns * scale), 1), max(round(rows * scale), 1))
    if target == (columns, rows):
        return picture
    kind = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(picture).resize(target, kind))


def _frame_time(dataset: Dataset) -> int:
    """Give for how long a frame is shown, in milliseconds."""
    try:
        time = float(dataset.get("FrameTime") or 1000 / float(dataset.get("RecommendedDisplayFrameRate") or 10))
    except (TypeError, ValueError, ZeroDivisionError):
        return 100
    return round(min(max(time, FRAME_TIMES[0]), FRAME_TIMES[1]))


if __name__ == "__main__":
    serve(do)
