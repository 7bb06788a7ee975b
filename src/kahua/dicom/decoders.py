"""One compressed frame to an array, by its transfer syntax.

What a codestream says of its own size is compared with Rows and Columns before it is decoded:
a decoder allocates what the codestream claims.
"""

import re
import struct
import sys
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from kahua.dicom import transfer_syntaxes as syntaxes
from kahua.errors import UndecodablePixels

Frame = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the attributes of an image say about one frame."""

    rows: int
    columns: int
    samples: int
    bits_allocated: int
    photometric: str
    #: Native colour lies in planes, not pixel by pixel.
    planar: bool = False
    big_endian: bool = False

    @property
    def size(self) -> int:
        """Bytes of the decoded frame."""
        return (self.rows * self.columns * self.samples * self.bits_allocated + 7) // 8


def decode_frame(data: bytes, layout: Layout, transfer_syntax_uid: str) -> Frame:
    """Decode one frame.

    Returns
    -------
    Frame
        Shape (rows, columns) or (rows, columns, samples), as stored: colours and signs are left alone,
        but JPEG and JPEG 2000 give RGB where they converted from it themselves.

    Raises
    ------
    UndecodablePixels
        The syntax has no decoder, the codestream is damaged, or it is not of the size that
        Rows and Columns claim.
    """
    decode = _DECODERS.get(transfer_syntax_uid)
    if decode is None:
        raise UndecodablePixels(
            f"Pixels of the transfer syntax {transfer_syntax_uid} cannot be decoded here.",
            transfer_syntax_uid=transfer_syntax_uid,
        )
    claimed = _claimed_shape(data)
    if claimed is not None and claimed != (layout.rows, layout.columns):
        raise UndecodablePixels(
            f"The compressed image is {claimed[0]} x {claimed[1]} pixels, "
            f"but Rows and Columns say {layout.rows} x {layout.columns}."
        )
    try:
        frame: Frame = np.asarray(decode(data, layout))
    # The decoders' own errors are RuntimeErrors; struct.error and zlib.error come from our own unpacking.
    except (RuntimeError, ValueError, IndexError, MemoryError, struct.error, zlib.error) as error:
        raise UndecodablePixels("The compressed pixels are damaged, or of a kind that is not read.") from error
    expected = (layout.rows, layout.columns, layout.samples)[: 3 if layout.samples > 1 else 2]
    if frame.shape != expected:
        raise UndecodablePixels(f"The decoded frame has the shape {frame.shape}, but {expected} is claimed.")
    return frame


def _claimed_shape(data: bytes) -> tuple[int, int] | None:
    """Return rows and columns by the header of a JPEG, JPEG-LS or JPEG 2000 codestream, if it is one."""
    if data[:2] == b"\xff\xd8":
        return _jpeg_shape(data)
    start = 0 if data[:4] == b"\xff\x4f\xff\x51" else data[:4096].find(b"\xff\x4f\xff\x51")
    if start < 0 or len(data) < start + 24:
        return None
    x, y, left, top = struct.unpack_from(">4L", data, start + 8)
    return (y - top, x - left)


def _jpeg_shape(data: bytes) -> tuple[int, int] | None:
    """Walk along the marker segments up to the frame header (ISO 10918-1 B.2.2, ISO 14495-1 C.2.2)."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, (length,) = data[at + 1], struct.unpack_from(">H", data, at + 2)
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}):
            rows, columns = struct.unpack_from(">HH", data, at + 5)
            return rows, columns
        at += 2 + length
    return None


def _jpeg(data: bytes, layout: Layout) -> Frame:
    """Decode lossy JPEG; without a marker in the file, three samples are YCbCr unless the attributes say RGB."""
    if layout.samples == 3 and layout.photometric == "RGB" and not _ADOBE.search(data[:4096]):
        return imagecodecs.jpeg8_decode(data, colorspace="RGB", outcolorspace="RGB")
    return imagecodecs.jpeg_decode(data)


def _htj2k(data: bytes, _layout: Layout) -> Frame:
    """Decode HTJ2K, and do not overlook a damaged codestream.

    imagecodecs copies the lines in a function that cannot raise: what goes wrong there would be
    reported as unraisable, and the rest of the picture would be whatever was in memory.
    """
    damages: list[object] = []
    hook = sys.unraisablehook
    sys.unraisablehook = damages.append
    try:
        frame = imagecodecs.htj2k_decode(data)
    finally:
        sys.unraisablehook = hook
    if damages:
        raise UndecodablePixels("The compressed pixels are damaged.")
    return frame


def _rle(data: bytes, layout: Layout) -> Frame:
    """Decode the segments of PS3.5 annex G: the bytes of each sample apart, the most significant first."""
    count, *offsets = struct.unpack_from("<16L", data)
    width = layout.bits_allocated // 8
    if count != layout.samples * width or not 1 <= count <= 15:
        raise UndecodablePixels(f"The frame has {count} RLE segments, but {layout.samples * width} are needed.")
    pixels = layout.rows * layout.columns
    planes = np.empty((layout.samples, width, pixels), np.uint8)
    for number, (start, end) in enumerate(zip(offsets[:count], [*offsets[1:count], len(data)], strict=True)):
        plane = imagecodecs.packbits_decode(data[start:end])
        if len(plane) < pixels:
            raise UndecodablePixels("The RLE compressed pixels are truncated.")
        planes[number // width, number % width] = np.frombuffer(plane, np.uint8, pixels)
    kind = np.dtype(f">u{width}")
    samples = np.ascontiguousarray(planes.transpose(2, 0, 1)).view(kind).astype(kind.newbyteorder("="))
    shape = (layout.rows, layout.columns, layout.samples)[: 3 if layout.samples > 1 else 2]
    return samples.reshape(shape)


def _deflated(data: bytes, layout: Layout) -> Frame:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    return native_frame(inflater.decompress(data, layout.size), layout)


def native_frame(data: bytes | memoryview, layout: Layout) -> Frame:
    """Return an uncompressed frame of 8 bits and more as an array; raise `UndecodablePixels` if bytes are missing."""
    if len(data) < layout.size:
        raise UndecodablePixels(f"The frame has {len(data)} bytes where {layout.size} are claimed.")
    kind = np.dtype(f"{'>' if layout.big_endian else '<'}u{layout.bits_allocated // 8}")
    flat = np.frombuffer(data, kind, layout.rows * layout.columns * layout.samples)
    flat = flat.astype(kind.newbyteorder("="), copy=False)
    if layout.samples == 1:
        return flat.reshape(layout.rows, layout.columns)
    if layout.planar:
        return np.moveaxis(flat.reshape(layout.samples, layout.rows, layout.columns), 0, -1)
    return flat.reshape(layout.rows, layout.columns, layout.samples)


#: Says whether colours are converted; the decoder overlooks a shorter one.
_ADOBE: Final = re.compile(rb"\xff\xee\0[\x0e-\xff]Adobe", re.DOTALL)
_Decoder = Callable[[bytes, Layout], Frame]
_DECODERS: Final[Mapping[str, _Decoder]] = MappingProxyType(
    {
        syntaxes.JPEG_BASELINE: _jpeg,
        syntaxes.JPEG_EXTENDED: _jpeg,
        syntaxes.JPEG_LOSSLESS: lambda data, _layout: imagecodecs.ljpeg_decode(data),
        syntaxes.JPEG_LOSSLESS_SV1: lambda data, _layout: imagecodecs.ljpeg_decode(data),
        syntaxes.JPEG_LS_LOSSLESS: lambda data, _layout: imagecodecs.jpegls_decode(data),
        syntaxes.JPEG_LS_NEAR_LOSSLESS: lambda data, _layout: imagecodecs.jpegls_decode(data),
        syntaxes.JPEG_2000_LOSSLESS: lambda data, _layout: imagecodecs.jpeg2k_decode(data),
        syntaxes.JPEG_2000: lambda data, _layout: imagecodecs.jpeg2k_decode(data),
        syntaxes.HTJ2K_LOSSLESS: _htj2k,
        syntaxes.HTJ2K_LOSSLESS_RPCL: _htj2k,
        syntaxes.HTJ2K: _htj2k,
        syntaxes.JPEG_XL_LOSSLESS: lambda data, _layout: imagecodecs.jpegxl_decode(data),
        syntaxes.JPEG_XL_RECOMPRESSION: lambda data, _layout: imagecodecs.jpegxl_decode(data),
        syntaxes.JPEG_XL: lambda data, _layout: imagecodecs.jpegxl_decode(data),
        syntaxes.RLE_LOSSLESS: _rle,
        syntaxes.DEFLATED_FRAME: _deflated,
    }
)
