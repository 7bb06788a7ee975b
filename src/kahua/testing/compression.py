"""Pixels of the DICOM factory in every transfer syntax that we can write."""

from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import encapsulate

from kahua.dicom import transfer_syntaxes
from kahua.dicom.encoders import ENCODERS as LOSSLESS

Frame = NDArray[Any]


ENCODERS: dict[str, Callable[[Frame], bytes | bytearray]] = {
    **LOSSLESS,
    transfer_syntaxes.JPEG_BASELINE: lambda frame: imagecodecs.jpeg8_encode(frame, level=95),
    transfer_syntaxes.JPEG_LOSSLESS_SV1: lambda frame: imagecodecs.ljpeg_encode(frame),
    transfer_syntaxes.JPEG_XL_LOSSLESS: lambda frame: imagecodecs.jpegxl_encode(frame, lossless=True),
}


def encode_pixels(instance: Dataset, transfer_syntax_uid: str) -> None:
    """Replace the native little-endian pixels of an instance by those of a transfer syntax."""
    encoding = transfer_syntaxes.encoding_of(transfer_syntax_uid)
    if encoding.encapsulated:
        encode = ENCODERS[transfer_syntax_uid]
        fragments = [bytes(encode(np.ascontiguousarray(frame))) for frame in native_frames(instance)]
        instance.add_new("PixelData", "OB", encapsulate(fragments, has_bot=True))
        instance["PixelData"].is_undefined_length = True
    elif encoding.big_endian and instance.BitsAllocated == 16:
        instance.add_new("PixelData", "OW", np.frombuffer(instance.PixelData, "<u2").byteswap().tobytes())


def native_frames(instance: Dataset) -> Frame:
    """Return the frames of an instance of the factory, shape (frames, rows, columns[, 3])."""
    kind = f"<{'i' if instance.PixelRepresentation else 'u'}{instance.BitsAllocated // 8}"
    frames, samples = int(instance.get("NumberOfFrames", 1)), instance.SamplesPerPixel
    shape = (frames, instance.Rows, instance.Columns, samples)[: 4 if samples > 1 else 3]
    count = int(np.prod(shape))
    return np.frombuffer(instance.PixelData, kind, count).reshape(shape)
