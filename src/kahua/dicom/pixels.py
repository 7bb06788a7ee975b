"""Pixels of an image as arrays, whatever the transfer syntax.

Runs in child processes with limits on memory and time: the bytes come from strangers.
"""

import mmap
import struct
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from pydicom import DataElement, Dataset, dcmread
from pydicom.encaps import generate_frames

from kahua.dicom.decoders import Frame, Layout, decode_frame, native_frame
from kahua.dicom.functional_groups import Attributes
from kahua.dicom.greys import frame_window
from kahua.dicom.luts import PALETTE_ATTRIBUTES, read_palette
from kahua.dicom.pictures import frame_picture
from kahua.dicom.transfer_syntaxes import (
    EXPLICIT_BIG_ENDIAN,
    EXPLICIT_LITTLE_ENDIAN,
    PRIVATE_GE,
    decodes_to_rgb,
    encoding_of,
)
from kahua.errors import UndecodablePixels

__all__ = ["frame_count", "frame_picture", "frame_window", "frames_at", "open_image", "read_frame", "read_frames"]

#: All attributes that are looked at to decode a frame.
PIXEL_ATTRIBUTES: Final = (
    *("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "NumberOfFrames"),
    *("PhotometricInterpretation", "PlanarConfiguration", *PALETTE_ATTRIBUTES),
)
#: Largest decoded frame; a whole slide or a mammogram stays far below.
MAX_FRAME_BYTES: Final = 512 * 1024 * 1024
#: Native pixels of this many bytes or more stay in their file.
MAPPED_BYTES: Final = 32_000_000
PIXEL_DATA: Final = 0x7FE00010
#: Bytes before the value of Pixel Data with an explicit value representation.
_LONG_HEAD: Final = 12
#: Of luminance and colour differences: the darkest luminance, and the reach of both (PS3.3 C.7.6.3.1.2).
_LUMINANCE: Final = {
    "YBR_FULL": (0, 255, 255),
    "YBR_FULL_422": (0, 255, 255),
    "YBR_PARTIAL_422": (16, 219, 224),
}
#: Colours that only compression knows, or that are retired.
_UNREAD: Final = ("YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT", "HSV")
#: Two neighbours share colour differences.
_SHARED_COLOURS: Final = ("YBR_FULL_422", "YBR_PARTIAL_422")
_FLOATS: Final = {"FloatPixelData": "f4", "DoubleFloatPixelData": "f8"}


def open_image(path: Path) -> Dataset:
    """Read an image of a file; many native pixels stay there, and of them only what is looked at comes into memory."""
    with path.open("rb") as file:
        dataset = dcmread(file, stop_before_pixels=True, force=True)
        place = _native_place(file, _transfer_syntax(dataset))
        if place is None or place[1] < MAPPED_BYTES:
            return dcmread(path, force=True)
        start, length = place
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    pixels = DataElement(PIXEL_DATA, "OW", mapped[start : start + length], already_converted=True)
    dataset.add(pixels)
    return dataset


def _native_place(file: BinaryIO, syntax: str) -> tuple[int, int] | None:
    """Give start and length of Pixel Data, in a file that stands before it; None where it is not as plain as that."""
    encoding = encoding_of(syntax)
    if encoding.encapsulated or encoding.deflated or encoding.big_endian:
        return None
    begin, head = file.tell(), file.read(_LONG_HEAD)
    if len(head) < _LONG_HEAD or struct.unpack_from("<HH", head) != (PIXEL_DATA >> 16, PIXEL_DATA & 0xFFFF):
        return None
    if not encoding.implicit and head[4:6] not in (b"OW", b"OB"):
        return None
    (length,) = struct.unpack_from("<L", head, 4 if encoding.implicit else 8)
    start = begin + (8 if encoding.implicit else _LONG_HEAD)
    return (start, length) if start + length <= file.seek(0, 2) else None


def frame_count(dataset: Dataset) -> int:
    """Return the number of frames that an image claims; 0 if it has no pixels."""
    if not any(keyword in dataset for keyword in ("PixelData", *_FLOATS)):
        return 0
    return max(_whole(dataset, "NumberOfFrames", 1), 1)


def read_frame(dataset: Dataset, number: int) -> Frame:
    """Return one frame, counted from 0; see `read_frames`."""
    found = next(frames_at(dataset, [number]), None) if 0 <= number < max(frame_count(dataset), 1) else None
    if found is None:
        raise UndecodablePixels(f"The image has no frame {number + 1}.")
    return found[1]


def decode_stored(dataset: Attributes, stored: bytes) -> Frame:
    """Decode one frame that was cut out of its file; of the image, only the attributes are needed.

    Returns
    -------
    Frame
        As `read_frames` yields it.

    Raises
    ------
    UndecodablePixels
        It is damaged, or not what the attributes claim.
    """
    return _meaning(dataset, _layout(dataset), cut_frame(dataset, stored))


def cut_frame(dataset: Attributes, stored: bytes) -> Frame:
    """Decode one frame that was cut out of its file to what is stored; see `stored_frames`."""
    layout, syntax = _layout(dataset), _transfer_syntax(dataset)
    if encoding_of(syntax).encapsulated:
        return decode_frame(stored, layout, syntax)
    return _native(stored, layout, 0, 1)


def native_bytes(dataset: Attributes, frame: Frame) -> bytes:
    """Give a frame of what is stored as the attributes say that native ones lie, little endian (PS3.5 section 8.1).

    Indices into a palette stay indices, and colours what they are, but those that a decoder has converted to RGB.
    """
    layout = _layout(dataset)
    if layout.bits_allocated == 1:
        return np.packbits(frame, axis=None, bitorder="little").tobytes()
    if layout.samples == 3 and layout.planar:
        frame = np.moveaxis(frame, -1, 0)
    elif layout.samples == 1 and encoding_of(_transfer_syntax(dataset)).encapsulated:
        frame = _with_sign(dataset, layout, frame)
    return frame.astype(frame.dtype.newbyteorder("<"), copy=False).tobytes()


def read_frames(dataset: Dataset) -> Iterator[Frame]:
    """Decode the frames of an image one after the other.

    Yields
    ------
    Frame
        Shape (rows, columns): stored values, before any rescaling, with their sign. Or shape
        (rows, columns, 3): RGB, also of palettes and of YBR images.

    Raises
    ------
    UndecodablePixels
        There are no pixels, they are damaged, or they are not what the attributes claim.
    """
    if frame_count(dataset) == 0:
        raise UndecodablePixels("The object has no pixels.")
    for keyword, kind in _FLOATS.items():
        if keyword in dataset:
            yield from _float_frames(dataset, keyword, kind)
            return
    layout = _layout(dataset)
    for frame in _stored_frames(dataset, layout):
        yield _meaning(dataset, layout, frame)


def frames_at(dataset: Dataset, numbers: Collection[int]) -> Iterator[tuple[int, Frame]]:
    """Decode some of the frames, counted from 0, in the order in which they are stored; see `read_frames`."""
    if any(keyword in dataset for keyword in _FLOATS) or frame_count(dataset) == 0:
        yield from ((number, frame) for number, frame in enumerate(read_frames(dataset)) if number in numbers)
        return
    layout = _layout(dataset)
    for number, frame in _stored_frames_at(dataset, layout, sorted(numbers)):
        yield number, _meaning(dataset, layout, frame)


def stored_frame(dataset: Dataset, number: int) -> Frame:
    """Decode one frame, counted from 0, to what is stored; see `stored_frames`."""
    if any(keyword in dataset for keyword in _FLOATS) or frame_count(dataset) == 0:
        return read_frame(dataset, number)
    found = next(_stored_frames_at(dataset, _layout(dataset), [number]), None)
    if found is None:
        raise UndecodablePixels(f"The image has no frame {number + 1}.")
    return found[1]


def stored_frames(dataset: Dataset) -> Iterator[Frame]:
    """Decode frames to what is stored: values without regard to sign and unused bits, colours as they are kept.

    Raises
    ------
    UndecodablePixels
        They are damaged, or not what the attributes claim.
    """
    yield from _stored_frames(dataset, _layout(dataset))


def _whole(dataset: Attributes, keyword: str, default: int) -> int:
    """Return an attribute as a whole number; pydicom converts, and fails, only when asked."""
    try:
        value = dataset.get(keyword)
        return default if value in (None, "") else int(value)
    except (TypeError, ValueError) as error:
        raise UndecodablePixels(f"{keyword} is no number.") from error


def _transfer_syntax(dataset: Attributes) -> str:
    meta = getattr(dataset, "file_meta", None)
    return str(meta.get("TransferSyntaxUID", EXPLICIT_LITTLE_ENDIAN)) if meta is not None else EXPLICIT_LITTLE_ENDIAN


def _layout(dataset: Attributes) -> Layout:
    layout = Layout(
        rows=_whole(dataset, "Rows", 0),
        columns=_whole(dataset, "Columns", 0),
        samples=_whole(dataset, "SamplesPerPixel", 1),
        bits_allocated=_whole(dataset, "BitsAllocated", 0),
        photometric=str(dataset.get("PhotometricInterpretation") or "MONOCHROME2"),
        planar=dataset.get("PlanarConfiguration") == 1,
        big_endian=_transfer_syntax(dataset) in {EXPLICIT_BIG_ENDIAN, PRIVATE_GE},
    )
    if not layout.rows or not layout.columns:
        raise UndecodablePixels("The image has no Rows or no Columns.")
    if layout.samples not in {1, 3} or layout.bits_allocated not in {1, 8, 16, 32, 64}:
        raise UndecodablePixels(
            f"Pixels of {layout.samples} samples with {layout.bits_allocated} bits cannot be decoded here."
        )
    if layout.size > MAX_FRAME_BYTES:
        raise UndecodablePixels(f"A frame of {layout.rows} x {layout.columns} pixels is larger than is decoded here.")
    return layout


def _float_frames(dataset: Dataset, keyword: str, kind: str) -> Iterator[Frame]:
    rows, columns = _whole(dataset, "Rows", 0), _whole(dataset, "Columns", 0)
    order = ">" if encoding_of(_transfer_syntax(dataset)).big_endian else "<"
    data, step = dataset[keyword].value, rows * columns * int(kind[1])
    if not step or len(data) < step * frame_count(dataset):
        raise UndecodablePixels("The pixels are truncated.")
    for number in range(frame_count(dataset)):
        frame = np.frombuffer(data, f"{order}{kind}", rows * columns, number * step)
        yield frame.astype(kind).reshape(rows, columns)


def _stored_frames(dataset: Dataset, layout: Layout) -> Iterator[Frame]:
    """Yield the frames as they are stored."""
    for _, frame in _stored_frames_at(dataset, layout, range(frame_count(dataset))):
        yield frame


def _stored_frames_at(dataset: Dataset, layout: Layout, numbers: Sequence[int]) -> Iterator[tuple[int, Frame]]:
    """Yield some of the frames, in order of their numbers, as they are stored; the others are not decoded."""
    syntax, count = _transfer_syntax(dataset), frame_count(dataset)
    data = dataset.PixelData
    if not encoding_of(syntax).encapsulated:
        for number in numbers:
            yield number, _native(data, layout, number, count)
            _let_go(data)
        return
    wanted = set(numbers)
    try:
        for number, coded in enumerate(generate_frames(data, number_of_frames=count)):
            if number in wanted:
                yield number, decode_frame(coded, layout, syntax)
    except (ValueError, EOFError) as error:
        raise UndecodablePixels("The frames cannot be told apart: the fragments are damaged.") from error


def _let_go(data: bytes | memoryview) -> None:
    """Give back what a mapped file has in memory: where it is looked at again, it is read again."""
    if isinstance(data, memoryview) and isinstance(data.obj, mmap.mmap):
        data.obj.madvise(mmap.MADV_DONTNEED)


def _native(data: bytes | memoryview, layout: Layout, number: int, count: int) -> Frame:
    pixels = layout.rows * layout.columns
    if layout.bits_allocated == 1:
        first = number * pixels
        part = np.frombuffer(data, np.uint8)[first // 8 : (first + pixels + 7) // 8]
        bits = np.unpackbits(part, bitorder="little")[first % 8 :][:pixels]
        if len(bits) < pixels:
            raise UndecodablePixels("The pixels are truncated.")
        return bits.reshape(layout.rows, layout.columns)
    if layout.photometric in _SHARED_COLOURS and layout.samples == 3 and len(data) < layout.size * count:
        step = pixels * 2 * layout.bits_allocated // 8
        return _full_colour(data[number * step : (number + 1) * step], layout)
    view = memoryview(data)[number * layout.size : (number + 1) * layout.size]
    return native_frame(view, layout)


def _full_colour(data: bytes | memoryview, layout: Layout) -> Frame:
    """Give each of two neighbours the colour that they share: Y1 Y2 Cb Cr to Y1 Cb Cr Y2 Cb Cr."""
    shared = np.frombuffer(data, np.uint8)
    if len(shared) < layout.rows * layout.columns * 2 or layout.columns % 2:
        raise UndecodablePixels("The pixels are truncated.")
    shared = shared.reshape(-1, 4)
    full = np.stack([shared[:, [0, 2, 3]], shared[:, [1, 2, 3]]], axis=1)
    return full.reshape(layout.rows, layout.columns, 3)


def _meaning(dataset: Attributes, layout: Layout, frame: Frame) -> Frame:
    """Return what stored values mean: signed numbers, or red, green and blue."""
    if layout.samples == 3:
        return _rgb(dataset, layout, frame)
    frame = _with_sign(dataset, layout, frame)
    return _palette_colours(dataset, frame) if layout.photometric == "PALETTE COLOR" else frame


def _with_sign(dataset: Attributes, layout: Layout, frame: Frame) -> Frame:
    """Cut off bits that are no part of the value, and extend the sign."""
    if layout.bits_allocated < 8:
        return frame
    signed = dataset.get("PixelRepresentation") == 1
    kind = np.dtype(f"{'i' if signed else 'u'}{layout.bits_allocated // 8}")
    is_value = frame.dtype.kind == "i" and signed  # some decoders know the sign
    frame = frame.astype(kind, copy=False)
    above, unused = _unused_bits(dataset, layout)
    return frame if is_value or not unused else (frame << above) >> unused


def _unused_bits(dataset: Attributes, layout: Layout) -> tuple[int, int]:
    """Return how many bits lie above a value, and how many are none of it; none where the attributes make no sense.

    Values lie in the lowest bits (PS3.5 section 8.1.1); in old files, which are not compressed, High Bit says where.
    """
    stored = _whole(dataset, "BitsStored", layout.bits_allocated)
    lowest = _whole(dataset, "HighBit", stored - 1) + 1 - stored
    unused = layout.bits_allocated - stored
    if not 0 < unused < layout.bits_allocated:
        return 0, 0
    is_shifted = 0 < lowest <= unused and not encoding_of(_transfer_syntax(dataset)).encapsulated
    return unused - lowest if is_shifted else unused, unused


def _rgb(dataset: Attributes, layout: Layout, frame: Frame) -> Frame:
    """Convert to RGB what the decoder left in luminance and colour differences (PS3.3 C.7.6.3.1.2)."""
    if decodes_to_rgb(_transfer_syntax(dataset)):
        return frame
    if layout.photometric in _UNREAD:
        raise UndecodablePixels(f"Colours that are kept as {layout.photometric}, without JPEG, are not decoded here.")
    if layout.photometric not in _LUMINANCE or frame.dtype != np.uint8:
        return frame
    lowest, reach, colour_reach = _LUMINANCE[layout.photometric]
    luminance = (frame[..., 0].astype(np.float32) - lowest) * (255 / reach)
    blue, red = ((frame[..., part].astype(np.float32) - 128) * (255 / colour_reach) for part in (1, 2))
    rgb = np.stack(
        [luminance + 1.402 * red, luminance - 0.344136 * blue - 0.714136 * red, luminance + 1.772 * blue], axis=-1
    )
    clipped: Frame = np.clip(np.rint(rgb), 0, 255)
    return clipped.astype(np.uint8)


def _palette_colours(dataset: Attributes, frame: Frame) -> Frame:
    """Look the colours of indices up in the palette; indices outside take its ends (PS3.3 C.7.6.3.1.5)."""
    big_endian = encoding_of(_transfer_syntax(dataset)).big_endian
    return np.stack([table.eight_bits(frame) for table in read_palette(dataset, big_endian=big_endian)], -1)
