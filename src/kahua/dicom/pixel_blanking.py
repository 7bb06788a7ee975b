"""Rectangles of a picture made blank, whatever the transfer syntax; everything around them stays as it was.

Native pixels stay native. Compressed ones are decoded and compressed again without loss, as JPEG-LS,
since no codec can be trusted to leave the rest of a picture alone when a part of it changes.
"""

import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import encapsulate, generate_frames

from kahua.dicom import transfer_syntaxes as syntaxes
from kahua.dicom.decoders import Layout, decode_frame
from kahua.dicom.elements import peek, tags_of
from kahua.dicom.pixel_copy import PIXEL_DATA, PIXEL_GROUP, ElementHead, Sink, copy_value, element_head, write_zeros
from kahua.dicom.pixel_template import CONDITIONS, Area, PixelTemplate
from kahua.dicom.transfer_syntaxes import encoding_of
from kahua.errors import UndecodablePixels, UnreadableDicom

#: Transfer syntax of what was compressed, once it is blanked.
COMPRESSED_AGAIN: Final = syntaxes.JPEG_LS_LOSSLESS

_TAGS: Final = {keyword: tag for keyword in CONDITIONS.values() for tag in tags_of(keyword)}

#: Codecs that give RGB where the attributes say YBR; the others give what they were given.
_CONVERTING: Final = frozenset(
    {
        syntaxes.JPEG_BASELINE,
        syntaxes.JPEG_EXTENDED,
        syntaxes.JPEG_2000_LOSSLESS,
        syntaxes.JPEG_2000,
        syntaxes.HTJ2K_LOSSLESS,
        syntaxes.HTJ2K_LOSSLESS_RPCL,
        syntaxes.HTJ2K,
        syntaxes.JPEG_XL_LOSSLESS,
        syntaxes.JPEG_XL_RECOMPRESSION,
        syntaxes.JPEG_XL,
    }
)


def areas_of(dataset: Dataset, templates: Iterable[PixelTemplate]) -> tuple[Area, ...]:
    """Give the areas of all templates that fit a picture."""
    templates = tuple(templates)
    if not templates:
        return ()
    facts = {keyword: "\\".join(peek(dataset, _TAGS[keyword])) for keyword in CONDITIONS.values()}
    rows, columns = (_whole(dataset, keyword, 0) for keyword in ("Rows", "Columns"))
    fitting = (template for template in templates if template.fits(facts, rows=rows, columns=columns))
    return tuple(area for template in fitting for area in template.areas)


def native_size(dataset: Dataset) -> int | None:
    """Give the bytes of all frames of a picture that is not compressed; None if its attributes do not tell."""
    keywords = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")
    bits = math.prod(_whole(dataset, keyword, 0) for keyword in keywords)
    return (bits * max(_whole(dataset, "NumberOfFrames", 1), 1) + 7) // 8 or None


class Blanking:
    """Makes areas of one picture blank.

    Raises
    ------
    UndecodablePixels
        The pixels are of a kind that cannot be blanked here.
    """

    def __init__(self, dataset: Dataset, areas: Sequence[Area], transfer_syntax_uid: str) -> None:
        self._areas, self._syntax = areas, transfer_syntax_uid
        self._count = max(_whole(dataset, "NumberOfFrames", 1), 1)
        self._layout = _layout(dataset, transfer_syntax_uid)
        self._encoding = encoding_of(transfer_syntax_uid)

    @property
    def transfer_syntax_uid(self) -> str:
        """Transfer syntax of the result."""
        return COMPRESSED_AGAIN if self._encoding.encapsulated else self._syntax

    def mark(self, dataset: Dataset) -> None:
        """Say in the attributes how the pixels are from now on (PS3.3 C.7.6.3)."""
        dataset.BurnedInAnnotation = "NO"
        if self._encoding.encapsulated and self._layout.samples == 3:
            dataset.PhotometricInterpretation = self._photometric
            dataset.PlanarConfiguration = 0

    def copy(self, source: BinaryIO, target: Sink, *, implicit: bool) -> None:
        """Copy the attributes of the pixel group from where the source stands, blanked.

        Raises
        ------
        UnreadableDicom
            The source ends too early, or its fragments are damaged.
        UndecodablePixels
            A frame cannot be decoded, or not be compressed again.
        """
        order = ">" if self._encoding.big_endian else "<"
        while (head := element_head(source, implicit=implicit, order=order)) and head.group == PIXEL_GROUP:
            if self._encoding.encapsulated:
                self._compress_again(head, source, target)
                continue
            target.write(head.encoded)
            if head.element == PIXEL_DATA:
                self._blank_native(source, target, head.length)
            else:
                copy_value(source, target, head.length, order)

    def _compress_again(self, head: ElementHead, source: BinaryIO, target: Sink) -> None:
        """Blank compressed frames; tables of offsets into them are no longer true, and left out."""
        fragments = _Collected()
        copy_value(source, fragments, head.length, "<")
        if head.element != PIXEL_DATA:
            return
        frames = [self._again(frame) for frame in self._decoded(b"".join(fragments.pieces))]
        target.write(struct.pack("<HH2sHL", PIXEL_GROUP, PIXEL_DATA, b"OB", 0, 0xFFFFFFFF))
        target.write(encapsulate(frames))
        target.write(struct.pack("<HHL", 0xFFFE, 0xE0DD, 0))

    def _blank_native(self, source: BinaryIO, target: Sink, length: int) -> None:
        size = self._layout.size
        if length < size * self._count:
            raise UnreadableDicom("The pixels are truncated.")
        for _ in range(self._count):
            frame = np.frombuffer(source.read(size), np.uint8).copy()
            if len(frame) < size:
                raise UnreadableDicom("The pixels are truncated.")
            self._blank(self._pixel_by_pixel(frame))
            target.write(frame.tobytes())
        write_zeros(target, length - size * self._count)

    def _pixel_by_pixel(self, frame: NDArray[Any]) -> NDArray[Any]:
        """Give a view of the bytes of a frame, shape (rows, columns, samples, bytes of a sample)."""
        layout = self._layout
        width = layout.bits_allocated // 8
        if layout.planar and layout.samples > 1:
            return np.moveaxis(frame.reshape(layout.samples, layout.rows, layout.columns, width), 0, 2)
        return frame.reshape(layout.rows, layout.columns, layout.samples, width)

    def _decoded(self, fragments: bytes) -> Iterator[NDArray[Any]]:
        try:
            for coded in generate_frames(fragments, number_of_frames=self._count):
                yield decode_frame(coded, self._layout, self._syntax)
        except (ValueError, EOFError) as error:
            raise UndecodablePixels("The frames cannot be told apart: the fragments are damaged.") from error

    def _again(self, frame: NDArray[Any]) -> bytes:
        """Blank a frame and compress it without loss."""
        samples = np.ascontiguousarray(frame).copy()
        if samples.dtype.kind == "i":
            samples = samples.view(f"u{samples.dtype.itemsize}")
        self._blank(samples.reshape(*samples.shape[:2], self._layout.samples, 1))
        try:
            return bytes(imagecodecs.jpegls_encode(samples))
        except (RuntimeError, ValueError) as error:
            raise UndecodablePixels("The blanked pixels cannot be compressed again.") from error

    def _blank(self, pixels: NDArray[Any]) -> None:
        """Make the areas blank in an array of shape (rows, columns, samples, …)."""
        for area in self._areas:
            part = pixels[area.top : area.top + area.height, area.left : area.left + area.width]
            part[:] = 0
            if self._photometric.startswith("YBR_FULL"):
                part[:, :, 1:] = 128  # no colour

    @property
    def _photometric(self) -> str:
        """Photometric Interpretation of the decoded samples."""
        is_converted = self._layout.samples == 3 and self._syntax in _CONVERTING
        return "RGB" if is_converted else self._layout.photometric


class _Collected:
    """What is written to it, in memory."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Keep some bytes."""
        self.pieces.append(data)


def _layout(dataset: Dataset, transfer_syntax_uid: str) -> Layout:
    layout = Layout(
        rows=_whole(dataset, "Rows", 0),
        columns=_whole(dataset, "Columns", 0),
        samples=_whole(dataset, "SamplesPerPixel", 1),
        bits_allocated=_whole(dataset, "BitsAllocated", 0),
        photometric=str(dataset.get("PhotometricInterpretation") or "MONOCHROME2"),
        planar=dataset.get("PlanarConfiguration") == 1,
        big_endian=encoding_of(transfer_syntax_uid).big_endian,
    )
    shared_colours = layout.photometric in ("YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420")
    is_native = not encoding_of(transfer_syntax_uid).encapsulated
    if layout.samples not in (1, 3) or layout.bits_allocated not in (8, 16, 32) or (shared_colours and is_native):
        raise UndecodablePixels("Pixels of this kind cannot be blanked here.")
    return layout


def _whole(dataset: Dataset, keyword: str, default: int) -> int:
    try:
        return int(dataset.get(keyword) or default)
    except (TypeError, ValueError):
        return default
