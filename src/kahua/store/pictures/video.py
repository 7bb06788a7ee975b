"""Videos as pictures, by the program ffmpeg where it is installed: libraries that decode H.264 come under the GPL.

Runs in child processes with limits on memory and time: the bytes come from strangers. The program reads that one file
alone, as nothing but a video, and is shut in by bubblewrap where that works.
"""

import shutil
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread

from kahua.dicom.drawn import Drawn
from kahua.dicom.pages import Line, draw_pages
from kahua.dicom.transfer_syntaxes import encoding_of
from kahua.errors import UndecodablePixels
from kahua.walls import alone_with

Picture = NDArray[np.uint8]

#: Longest time for one video, in seconds; what was decoded until then is shown.
SECONDS: Final = 25

#: Longest side of the pictures of a series, in pixels.
_SIZE: Final = 512

#: A video with more frames is not decoded whole: pictures are taken of the frames that stand for themselves.
_MOST_DECODED: Final = 1500

#: Most fragments of a video.
_MOST_FRAGMENTS: Final = 64

_ITEM, _PIXEL_DATA, _UNKNOWN_LENGTH = 0xFFFEE000, 0x7FE00010, 0xFFFFFFFF

#: What the program may take the bytes for; playlists, for example, name other files.
_CONTAINERS: Final = "mov,mpegts,mpeg,mpegvideo,h264,hevc"
_CODECS: Final = "mpeg1video,mpeg2video,h264,hevc"

#: How the bytes are compressed, by the end of the transfer syntax (PS3.5 section 8.2.5 to 8.2.8).
_NAMES: Final = {"0": "MPEG2", "1": "MPEG2", "7": "HEVC/H.265", "8": "HEVC/H.265"}


@dataclass(frozen=True, kw_only=True)
class Film:
    """A video in a file."""

    path: Path
    #: Columns and rows; number of frames, and how many a second.
    size: tuple[int, int]
    frames: int
    rate: float
    codec: str
    #: Start and length of the pieces of the stream.
    spans: Sequence[tuple[int, int]]

    def fitted(self, size: int | None) -> tuple[int, int]:
        """Give columns and rows of a picture with no side longer than `size`."""
        scale = min(1.0, size / max(self.size)) if size else 1.0
        return max(round(self.size[0] * scale), 1), max(round(self.size[1] * scale), 1)


def is_video(header: Dataset) -> bool:
    """Whether an object's pixels are one stream."""
    meta = getattr(header, "file_meta", None)
    return meta is not None and encoding_of(str(meta.get("TransferSyntaxUID", ""))).video


def draw_video(path: Path, *, most: int) -> Drawn:
    """Draw frames of a video at even distances; without ffmpeg, a page that says what it is.

    Raises
    ------
    UndecodablePixels
        It is damaged.
    """
    film = open_film(path)
    if _program() is None:
        return Drawn(pictures=draw_pages(_words(film), most=1), note="Install ffmpeg on the site's machine to see it.")
    before: list[str] = []
    if film.frames <= _MOST_DECODED:
        chosen = f"not(mod(n,{max(film.frames // most, 1)}))"
    else:
        before = ["-skip_frame", "nokey"]
        chosen = f"isnan(prev_selected_t)+gte(t-prev_selected_t,{film.frames / film.rate / most:.3f})"
    pictures = _decode(film, chosen, most=most, size=film.fitted(_SIZE), before=before)
    return Drawn(pictures=pictures, best=len(pictures) // 2)


def video_frame(path: Path, number: int, *, size: int | None = None) -> Picture:
    """Decode one frame, counted from 0, as RGB; the longer side no longer than `size`.

    Raises
    ------
    UndecodablePixels
        There is no such frame, the video is damaged, or ffmpeg is not installed.
    """
    if _program() is None:
        raise UndecodablePixels("It is a video.", remedy="Install ffmpeg on the site's machine to see it.")
    film = open_film(path)
    return _decode(film, f"eq(n,{number})", most=1, size=film.fitted(size))[0]


def write_mp4(path: Path, out: Path) -> None:
    """Put the stream of a video into an MP4 file, as it is compressed.

    Raises
    ------
    UndecodablePixels
        It is damaged, or ffmpeg is not installed.
    """
    if _program() is None:
        raise UndecodablePixels("It is a video.", remedy="Install ffmpeg on the site's machine to play it.")
    film = open_film(path)
    # Without positions to be filled in later, for it is written into a pipe; a browser plays it all the same.
    wanted = ["-c:v", "copy", "-f", "mp4", "-movflags", "frag_keyframe+empty_moov+default_base_moof"]
    with out.open("wb") as file:
        done = subprocess.run(  # noqa: S603 - arguments of our own
            _command(film, ["-r", f"{film.rate:.3f}"] if _is_bare(film) else [], wanted),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.DEVNULL,
            env={},
            check=False,
        )
    if done.returncode or not out.stat().st_size:
        raise UndecodablePixels("The video is damaged.")


def open_film(path: Path) -> Film:
    """Read what must be known of a video, and find its stream (PS3.5 section A.4).

    Raises
    ------
    UndecodablePixels
        It is damaged, or is no video.
    """
    with path.open("rb") as file:
        header = dcmread(file, stop_before_pixels=True, force=True)
        start, end = file.tell(), file.seek(0, 2)
    size = int(header.get("Columns") or 0), int(header.get("Rows") or 0)
    if not is_video(header) or not all(0 < side <= 16384 for side in size):
        raise UndecodablePixels("The object is no video.")
    return Film(
        path=path,
        size=size,
        frames=max(int(header.get("NumberOfFrames") or 1), 1),
        rate=_rate(header),
        codec=_NAMES.get(str(header.file_meta.TransferSyntaxUID).removeprefix("1.2.840.10008.1.2.4.10")[:1], "H.264"),
        spans=_spans(path, start, end),
    )


def _rate(header: Dataset) -> float:
    try:
        rate = 1000 / float(header.get("FrameTime") or 0)
    except (TypeError, ValueError, ZeroDivisionError):
        rate = 25.0
    return min(max(rate, 0.1), 1000.0)


def _spans(path: Path, start: int, end: int) -> list[tuple[int, int]]:
    """Find the fragments; the first item is the Basic Offset Table."""
    spans: list[tuple[int, int]] = []
    with path.open("rb") as file:
        file.seek(start)
        group, element, _, length = struct.unpack("<HHLL", file.read(12).ljust(12, b"\0"))
        if group << 16 | element != _PIXEL_DATA or length != _UNKNOWN_LENGTH:
            raise UndecodablePixels("The object holds no stream.")
        place = start + 12
        while place + 8 <= end and len(spans) <= _MOST_FRAGMENTS:
            file.seek(place)
            group, element, length = struct.unpack("<HHL", file.read(8))
            if group << 16 | element != _ITEM:
                break
            spans.append((place + 8, min(length, end - place - 8)))
            place += 8 + length
    if not 2 <= len(spans) <= _MOST_FRAGMENTS:
        raise UndecodablePixels(f"The stream is damaged, or lies in more than {_MOST_FRAGMENTS} pieces.")
    return spans[1:]


def _decode(film: Film, chosen: str, *, most: int, size: tuple[int, int], before: Sequence[str] = ()) -> list[Picture]:
    """Decode the chosen frames, as many as there is time for."""
    columns, rows = size
    filters = f"select='{chosen}',scale={columns}:{rows}"
    wanted = ["-vf", filters, "-fps_mode", "vfr", "-frames:v", str(most), "-f", "rawvideo", "-pix_fmt", "rgb24"]
    process = subprocess.Popen(  # noqa: S603 - arguments of our own
        _command(film, before, wanted),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
    )
    try:
        pixels, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        pixels, _ = process.communicate()
    count = len(pixels) // (columns * rows * 3)
    if not count:
        raise UndecodablePixels("The video is damaged, or takes too long to decode.")
    frames = np.frombuffer(pixels, np.uint8, count * columns * rows * 3).reshape(count, rows, columns, 3)
    return list(frames)


def _command(film: Film, before: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Give the words that start ffmpeg on the stream of a video; it writes to its standard output."""
    shut_in, seen = alone_with(film.path)
    pieces = [f"subfile,,start,{start},end,{start + length},,:{seen}" for start, length in film.spans]
    stream = pieces[0] if len(pieces) == 1 else "concat:" + "|".join(pieces)
    allowed = ["-protocol_whitelist", "file,subfile,concat", "-format_whitelist", _CONTAINERS]
    return [
        *(*shut_in, str(_program()), "-v", "quiet", "-nostdin", "-threads", "1"),
        *(*allowed, "-codec_whitelist", _CODECS, *before, "-i", stream),
        *("-map", "0:v:0", "-an", "-sn", "-dn", "-threads", "1", *wanted, "pipe:1"),
    ]


def _is_bare(film: Film) -> bool:
    """Whether the stream has no container, and so no times."""
    with film.path.open("rb") as file:
        file.seek(film.spans[0][0])
        return file.read(4) in (b"\0\0\0\1", b"\0\0\1\x67", b"\0\0\1\x09")


def _words(film: Film) -> list[Line]:
    return [
        Line(text="Video", kind="title"),
        Line(text=f"{film.frames} frames of {film.size[0]} × {film.size[1]} pixels, {film.codec}"),
        Line(text="Install ffmpeg on the site's machine to see it here; it can be downloaded.", kind="quiet"),
    ]


@cache
def _program() -> str | None:
    return shutil.which("ffmpeg", path="/usr/bin:/usr/local/bin:/bin")
