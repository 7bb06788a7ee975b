"""One frame to a compressed one, without loss, by its transfer syntax."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from kahua.dicom import transfer_syntaxes as syntaxes

Frame = NDArray[Any]


def encode_rle(frame: Frame) -> bytes:
    """Encode the bytes of each sample as planes, the most significant first (PS3.5 annex G)."""
    planes = frame.reshape(frame.shape[0], frame.shape[1], -1)
    segments = []
    for sample in range(planes.shape[2]):
        big_endian = planes[:, :, sample].astype(planes.dtype.newbyteorder(">"))
        each = np.frombuffer(big_endian.tobytes(), np.uint8).reshape(*frame.shape[:2], -1)
        for byte in range(each.shape[2]):
            rows = b"".join(imagecodecs.packbits_encode(row.tobytes()) for row in each[:, :, byte])
            segments.append(rows + b"\0" * (len(rows) % 2))
    offsets = [64]
    for segment in segments[:-1]:
        offsets.append(offsets[-1] + len(segment))
    header = np.zeros(16, "<u4")
    header[0], header[1 : len(offsets) + 1] = len(segments), offsets
    return header.tobytes() + b"".join(segments)


def _jpeg_ls(frame: Frame) -> bytes | bytearray:
    """Encode the bits of values: JPEG-LS knows no sign, the attributes tell it."""
    return imagecodecs.jpegls_encode(frame.view(f"u{frame.dtype.itemsize}"))


def _jpeg_2000(frame: Frame) -> bytes | bytearray:
    return imagecodecs.jpeg2k_encode(frame, level=0, reversible=True, codecformat="j2k", mct=False)


#: By transfer syntax; frames have the shape (rows, columns) or (rows, columns, 3), and 8 or 16 bits.
ENCODERS: Final[Mapping[str, Callable[[Frame], bytes | bytearray]]] = MappingProxyType(
    {
        syntaxes.JPEG_LS_LOSSLESS: _jpeg_ls,
        syntaxes.JPEG_2000_LOSSLESS: _jpeg_2000,
        syntaxes.HTJ2K_LOSSLESS: lambda frame: imagecodecs.htj2k_encode(frame, reversible=True),
        syntaxes.RLE_LOSSLESS: encode_rle,
    }
)
