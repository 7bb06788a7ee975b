"""An image in another transfer syntax, with the same pixels: nothing is lost on the way (PS3.5 section 10).

Runs in child processes with limits on memory and time: the bytes come from strangers.
"""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_dataset

from kahua.dicom import transfer_syntaxes as syntaxes
from kahua.dicom.encoders import ENCODERS
from kahua.dicom.file_meta import write_file_meta
from kahua.dicom.pixels import frame_count, stored_frames
from kahua.errors import UndecodablePixels

Frame = NDArray[Any]

#: Attributes that say where encapsulated frames lie; they mean nothing elsewhere.
_OFFSET_TABLES = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")

#: Syntaxes whose pixels are native and little endian already.
_LITTLE_ENDIAN = syntaxes.NATIVE - {syntaxes.EXPLICIT_BIG_ENDIAN, syntaxes.PRIVATE_GE}

#: Value representations of bytes that are a stream of numbers, with the length of each number.
_WIDTHS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}


def transcode(source: Path, target: Path, transfer_syntax_uid: str) -> None:
    """Write an image anew as a Part 10 file: in Explicit or Implicit VR Little Endian, or compressed without loss.

    Identity, attributes, and what is said of lossy compression before stay as they are. Colours that a decoder
    has converted to RGB are called so.

    Raises
    ------
    UndecodablePixels
        The pixels cannot be decoded, or are of a kind that cannot be written in that syntax.
    """
    dataset = dcmread(source, force=True)
    before = str(dataset.file_meta.get("TransferSyntaxUID", syntaxes.EXPLICIT_LITTLE_ENDIAN))
    if before == syntaxes.EXPLICIT_BIG_ENDIAN:
        _turn_numbers(dataset)
    if "PixelData" in dataset:
        _replace_pixels(dataset, before, transfer_syntax_uid)
    elif frame_count(dataset) and transfer_syntax_uid in ENCODERS:
        raise UndecodablePixels("Pixels that are no whole numbers cannot be compressed.")
    with target.open("xb") as file:
        file.write(
            write_file_meta(
                sop_class_uid=str(dataset.get("SOPClassUID", "")),
                sop_instance_uid=str(dataset.get("SOPInstanceUID", "")),
                transfer_syntax_uid=transfer_syntax_uid,
            )
        )
        _write(dataset, file, implicit=transfer_syntax_uid == syntaxes.IMPLICIT_LITTLE_ENDIAN)


def _turn_numbers(dataset: Dataset) -> None:
    """Turn the numbers in bytes to little endian, those of Pixel Data apart: decoding does that."""
    for element in dataset.iterall():
        width = _WIDTHS.get(element.VR)
        if width and element.keyword != "PixelData" and element.value and len(element.value) % width == 0:
            element.value = np.frombuffer(element.value, f"V{width}").view(f">u{width}").byteswap().tobytes()


def _replace_pixels(dataset: Dataset, before: str, after: str) -> None:
    encode = ENCODERS.get(after)
    if encode is None and before in _LITTLE_ENDIAN:
        return  # only the data set around them is written otherwise
    bits = int(dataset.BitsAllocated)
    if bits not in {8, 16}:
        raise UndecodablePixels(f"Pixels of {bits} bits are not written in another transfer syntax.")
    frames = [_whole(frame, dataset) for frame in stored_frames(dataset)]
    _describe(dataset, before)
    if encode is None:
        native = b"".join(frame.tobytes() for frame in frames)
        dataset.add_new("PixelData", "OW" if bits == 16 else "OB", native + b"\0" * (len(native) % 2))
        dataset["PixelData"].is_undefined_length = False
    else:
        dataset.add_new("PixelData", "OB", encapsulate([bytes(encode(frame)) for frame in frames], has_bot=True))
        dataset["PixelData"].is_undefined_length = True


def _whole(frame: Frame, dataset: Dataset) -> Frame:
    """Give a frame in the bits that are allocated, little endian; with a sign where the image has one."""
    signed = dataset.get("PixelRepresentation") == 1
    return np.ascontiguousarray(frame, dtype=f"<{'i' if signed else 'u'}{int(dataset.BitsAllocated) // 8}")


def _describe(dataset: Dataset, before: str) -> None:
    """Let the attributes say how the samples of decoded frames lie (PS3.5 section 8.2)."""
    for keyword in _OFFSET_TABLES:
        if keyword in dataset:
            del dataset[keyword]
    if dataset.get("SamplesPerPixel") != 3:
        return
    dataset.PlanarConfiguration = 0
    if syntaxes.decodes_to_rgb(before):
        dataset.PhotometricInterpretation = "RGB"
    elif dataset.get("PhotometricInterpretation") == "YBR_FULL_422":
        dataset.PhotometricInterpretation = "YBR_FULL"
    elif dataset.get("PhotometricInterpretation") == "YBR_PARTIAL_422":
        raise UndecodablePixels("Colours that are kept as YBR_PARTIAL_422 are not written in another transfer syntax.")


def _write(dataset: Dataset, file: BinaryIO, *, implicit: bool) -> None:
    """Write a data set in Little Endian."""
    out = DicomFileLike(file)
    out.is_little_endian, out.is_implicit_VR = True, implicit
    write_dataset(out, dataset)
