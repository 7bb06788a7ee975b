"""Child process: decode, draw and transcode frames of files, one job for each line of standard input.

It ends with its input; see `kahua.store.pictures.decoders`. What it knows of a file, which never changes, it keeps
for the next frames.
"""

import json
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image
from pydicom import Dataset, dcmread

from kahua.dicom.annotation import LINES
from kahua.dicom.decoders import Frame
from kahua.dicom.overlay_planes import OVERLAY_TAGS, Mask, embedded_masks, embedded_planes, overlay_masks
from kahua.dicom.pictures import PICTURE_ATTRIBUTES, Picture, fitted
from kahua.dicom.pixels import PIXEL_ATTRIBUTES, cut_frame, decode_stored, native_bytes, read_frame, stored_frame
from kahua.dicom.presentation import Target, present, telling_targets
from kahua.dicom.profiles import profiled
from kahua.dicom.readings import read_page
from kahua.dicom.transcoding import transcode
from kahua.dicom.transcripts import page_transcript, plain_transcript
from kahua.dicom.xml_model import native_xml
from kahua.store.pictures.painting import encode, paint
from kahua.store.pictures.serving import serve
from kahua.store.pictures.video import is_video, video_frame, write_mp4
from kahua.store.pictures.wanted import Wanted

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
    *("ICCProfile", "OpticalPathSequence"),
    *OVERLAY_TAGS,
)

Job = dict[str, Any]


def do(job: Job) -> bytes:
    """Do one job."""
    return TASKS[job["task"]](job)


def draw(job: Job) -> bytes:
    """Draw one frame, or several as an animation, as a picture of the wanted kind; a page of what has no frames."""
    dataset, wanted = _attributes_of(job), Wanted.of(job)
    pictures = [_painted(job, dataset, wanted, index) for index in range(len(wanted.frames))]
    if len(pictures) == 1:
        return _encoded(pictures[0], dataset, wanted)
    out = BytesIO()
    first, *others = (Image.fromarray(picture).convert("L" if picture.ndim == 2 else "RGB") for picture in pictures)
    first.save(out, "GIF", save_all=True, append_images=others, duration=_frame_time(dataset), loop=0)
    return out.getvalue()


def _encoded(picture: Picture, dataset: Dataset, wanted: Wanted) -> bytes:
    """Write a picture with the wanted colour profile; grey ones have none."""
    if picture.ndim == 2 or wanted.profile is None:
        return encode(picture, wanted)
    converted, profile = profiled(picture, dataset, in_srgb=wanted.profile == "srgb")
    return encode(converted, wanted, profile)


def _painted(job: Job, dataset: Dataset, wanted: Wanted, index: int) -> Picture:
    frame, number = _frame(job, dataset, index), wanted.frames[index] - 1
    overlay = _overlay(job, dataset, frame, number) if "overlay" in wanted.annotation else None
    return paint(frame, dataset, wanted, index, overlay)


def _overlay(job: Job, dataset: Dataset, frame: Frame, number: int) -> Mask | None:
    """Give where any overlay plane of a frame is set, also within the pixels."""
    mask = overlay_masks(dataset, frame.shape[:2], frame=number)
    bits = embedded_planes(dataset) if frame.ndim == 2 else []
    if not bits:
        return mask
    within = embedded_masks(stored_frame(dcmread(job["file"], force=True), number), bits)
    return within if mask is None else mask | within


def present_state(job: Job) -> bytes:
    """Draw a frame as a presentation state says."""
    dataset, wanted = _attributes_of(job), Wanted.of(job)
    state = dcmread(job["state"], force=True)
    target = Target(uid=str(dataset.get("SOPInstanceUID", "")), frame=wanted.frames[0] - 1)
    size = max(wanted.viewport) if wanted.viewport else max(int(dataset.Rows), int(dataset.Columns))
    picture = present(_frame(job, dataset, 0), dataset, state, target, size=size)
    return encode(fitted(picture, wanted.viewport) if wanted.viewport else picture, wanted)


def list_targets(job: Job) -> bytes:
    """Give what a presentation state shows, the most telling first, as JSON."""
    found = telling_targets(dcmread(job["file"], force=True))[:MAX_TARGETS]
    return json.dumps([(target.uid, target.frame + 1) for target in found]).encode()


def transcribe(job: Job) -> bytes:
    """Write a structured report in words, or its data set as XML."""
    report = dcmread(job["file"], force=True)
    match job["media_type"]:
        case "text/html":
            return page_transcript(report).encode()
        case "text/xml":
            return native_xml(report.to_json_dict())
        case _:
            return plain_transcript(report).encode()


def decode(job: Job) -> bytes:
    """Give a frame as native pixels, little endian, as the attributes describe them; of a video, in RGB."""
    dataset = _attributes_of(job)
    if is_video(dataset):
        return _frame(job, dataset, 0).tobytes()
    if job["spans"] is not None:
        return native_bytes(dataset, cut_frame(dataset, _cut(job, 0)))
    whole = dcmread(job["file"], force=True)
    return native_bytes(whole, stored_frame(whole, job["frames"][0] - 1))


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
    "transcribe": transcribe,
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
    """Decode a frame, cut out of the file where it is known where it lies; of what has none, a page to read."""
    if is_video(dataset):
        return video_frame(Path(job["file"]), job["frames"][index] - 1)
    if job["spans"] is None:
        read = read_frame if "Rows" in dataset else read_page
        return read(dcmread(job["file"], force=True), job["frames"][index] - 1)
    return decode_stored(dataset, _cut(job, index))


def _cut(job: Job, index: int) -> bytes:
    with open(job["file"], "rb") as file:  # noqa: PTH123 - asked for thousands of times
        return b"".join(_read(file, *span) for span in job["spans"][index])


def _read(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)


def _frame_time(dataset: Dataset) -> int:
    """Give for how long a frame is shown, in milliseconds."""
    try:
        time = float(dataset.get("FrameTime") or 1000 / float(dataset.get("RecommendedDisplayFrameRate") or 10))
    except (TypeError, ValueError, ZeroDivisionError):
        return 100
    return round(min(max(time, FRAME_TIMES[0]), FRAME_TIMES[1]))


if __name__ == "__main__":
    serve(do)
