"""Videos in DICOM for tests: a bar that moves from left to right, compressed by the program ffmpeg."""

import subprocess

import numpy as np
from pydicom import Dataset
from pydicom.encaps import encapsulate

from kahua.dicom import uid_from, write_file_meta
from kahua.testing.factory import data_set_bytes, picture

VIDEO_ENDOSCOPIC_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.77.1.1.1"

#: Transfer syntax, and what ffmpeg is told, by what the stream is called here.
STREAMS = {
    "mpeg2": ("1.2.840.10008.1.2.4.100", ["-c:v", "mpeg2video", "-q:v", "3", "-f", "mpeg2video"]),
    "h264-bare": ("1.2.840.10008.1.2.4.102", ["-c:v", "libx264", "-f", "h264"]),
    "h264-ts": ("1.2.840.10008.1.2.4.102", ["-c:v", "libx264", "-f", "mpegts"]),
    "h264-mp4": ("1.2.840.10008.1.2.4.102", ["-c:v", "libx264", "-movflags", "frag_keyframe+empty_moov", "-f", "mp4"]),
    "hevc-ts": ("1.2.840.10008.1.2.4.107", ["-c:v", "libx265", "-x265-params", "log-level=none", "-f", "mpegts"]),
}

#: Frames a second.
RATE = 25


def film(
    stream: str = "h264-mp4", *, frames: int = 32, rows: int = 96, columns: int = 128, fragments: int = 1
) -> bytes:
    """Return a Part 10 file of a Video Endoscopic Image; the bar of frame n begins at column n × columns / frames."""
    syntax, options = STREAMS[stream]
    shape = ["-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{columns}x{rows}", "-r", str(RATE), "-i", "pipe:0"]
    made = subprocess.run(  # noqa: S603 - arguments of our own
        ["ffmpeg", "-v", "error", *shape, "-pix_fmt", "yuv420p", "-threads", "1", *options, "pipe:1"],  # noqa: S607
        input=_bar(frames, rows, columns).tobytes(),
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    instance = _endoscopy(frames, rows, columns, seed=f"{stream} {frames}")
    step = -(-len(made) // fragments)
    instance.add_new("PixelData", "OB", encapsulate([made[at : at + step] for at in range(0, len(made), step)]))
    instance["PixelData"].is_undefined_length = True
    meta = write_file_meta(
        sop_class_uid=instance.SOPClassUID,
        sop_instance_uid=instance.SOPInstanceUID,
        transfer_syntax_uid=syntax,
    )
    pixels = instance.pop("PixelData")
    return meta + data_set_bytes(instance) + _element(pixels.value)


def _element(value: bytes) -> bytes:
    """Encode Pixel Data of unknown length."""
    return b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + value + b"\xfe\xff\xdd\xe0\0\0\0\0"


def _bar(frames: int, rows: int, columns: int) -> np.ndarray:
    pictures = np.full((frames, rows, columns), 40, np.uint8)
    for number in range(frames):
        left = number * columns // frames
        pictures[number, :, left : left + columns // 8] = 220
    return pictures


def _endoscopy(frames: int, rows: int, columns: int, *, seed: str) -> Dataset:
    instance = picture(np.zeros((1, 1, 3), np.uint8), seed=seed, photometric="YBR_PARTIAL_420")
    del instance.PixelData, instance.ConversionType
    instance.SOPClassUID, instance.Modality = VIDEO_ENDOSCOPIC_IMAGE_STORAGE, "ES"
    instance.SeriesInstanceUID = uid_from("series", seed)
    instance.Rows, instance.Columns, instance.NumberOfFrames = rows, columns, frames
    instance.FrameTime, instance.CineRate = f"{1000 / RATE:g}", str(RATE)
    instance.FrameIncrementPointer = 0x00181063
    instance.LossyImageCompression = "01"
    instance.SeriesDescription = "Gastroscopy"
    return instance
