"""Attributes of an image whose pixels are not compressed and whose brightness no table tells: arithmetic draws it.

They are read by the walker that reads every object at the door, so a process with other things to do may read them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType
from typing import Any, Final

from kahua.dicom.budget import DEFAULT_BUDGET
from kahua.dicom.charsets import decode_ascii
from kahua.dicom.source import Window
from kahua.dicom.transfer_syntaxes import EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN
from kahua.dicom.values import CONVERTERS
from kahua.dicom.walker import walk
from kahua.errors import UnreadableDicom

#: What is read, by tag: keyword and value representation.
_READ: Final[Mapping[int, tuple[str, str]]] = MappingProxyType(
    {
        0x00080060: ("Modality", "CS"),
        0x00181164: ("ImagerPixelSpacing", "DS"),
        0x00280002: ("SamplesPerPixel", "US"),
        0x00280004: ("PhotometricInterpretation", "CS"),
        0x00280006: ("PlanarConfiguration", "US"),
        0x00280008: ("NumberOfFrames", "IS"),
        0x00280010: ("Rows", "US"),
        0x00280011: ("Columns", "US"),
        0x00280030: ("PixelSpacing", "DS"),
        0x00280034: ("PixelAspectRatio", "IS"),
        0x00280100: ("BitsAllocated", "US"),
        0x00280101: ("BitsStored", "US"),
        0x00280102: ("HighBit", "US"),
        0x00280103: ("PixelRepresentation", "US"),
        0x00280120: ("PixelPaddingValue", "US"),
        0x00280121: ("PixelPaddingRangeLimit", "US"),
        0x00281050: ("WindowCenter", "DS"),
        0x00281051: ("WindowWidth", "DS"),
        0x00281052: ("RescaleIntercept", "DS"),
        0x00281053: ("RescaleSlope", "DS"),
        0x00281056: ("VOILUTFunction", "CS"),
        0x20500020: ("PresentationLUTShape", "CS"),
    }
)
#: What makes an image more than plain: tables, palettes, attributes of single frames, and pixels that are no integers.
_MORE: Final = frozenset(
    {
        *(0x00089205, 0x00283000, 0x00283010, 0x20500010, 0x52009229, 0x52009230, 0x7FE00008, 0x7FE00009),
        *range(0x00281101, 0x00281104),
        *range(0x00281201, 0x00281204),
        *range(0x00281221, 0x00281224),
    }
)
_VISITED: Final = _MORE | _READ.keys()
_PHOTOMETRIC: Final = ("MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL")
_SIZES: Final = ("Rows", "Columns", "SamplesPerPixel", "BitsStored", "HighBit", "PixelRepresentation")
_NUMBERS: Final = ("DS", "IS", "US", "SS")

#: Bytes of the head of Pixel Data, by the transfer syntaxes of plain images.
PIXEL_HEADS: Final[Mapping[str, int]] = MappingProxyType({IMPLICIT_LITTLE_ENDIAN: 8, EXPLICIT_LITTLE_ENDIAN: 12})


@dataclass(frozen=True, slots=True)
class PlainImage:
    """An image's attributes by keyword, as `kahua.dicom.functional_groups.Attributes`."""

    values: Mapping[str, Any]
    #: Names the transfer syntax.
    file_meta: Mapping[str, str]

    def get(self, keyword: str, default: Any = None, /) -> Any:
        """Return a value: a number or text, or a list of several."""
        return self.values.get(keyword, default)

    def __contains__(self, keyword: object, /) -> bool:
        return keyword in self.values

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame."""
        bits = self.values["BitsAllocated"] * self.values.get("SamplesPerPixel", 1)
        return int(self.values["Rows"] * self.values["Columns"] * bits) // 8


def read_plain_image(head: bytes, transfer_syntax_uid: str) -> PlainImage | None:
    """Read the attributes of an image from its data set up to Pixel Data; None if it takes more to draw it."""
    implicit = transfer_syntax_uid == IMPLICIT_LITTLE_ENDIAN
    if transfer_syntax_uid not in PIXEL_HEADS or head[4:6].isupper() is implicit:
        return None
    try:
        values = _values(head, implicit=implicit)
    except UnreadableDicom:  # who reads the whole object says what is wrong
        return None
    is_plain = (
        values is not None
        and values.get("PhotometricInterpretation") in _PHOTOMETRIC
        and values.get("BitsAllocated") in (8, 16)
        and all(isinstance(values.get(keyword, 1), int) for keyword in _SIZES)
        and values.keys() >= {"Rows", "Columns"}
    )
    return PlainImage(values or {}, {"TransferSyntaxUID": transfer_syntax_uid}) if is_plain else None


def _values(head: bytes, *, implicit: bool) -> dict[str, Any] | None:
    window = Window(BytesIO(head), offset=0, size=len(head), budget=DEFAULT_BUDGET)
    steps = walk(
        window,
        implicit=implicit,
        big_endian=False,
        budget=DEFAULT_BUDGET,
        dictionary=lambda tag: _READ.get(tag, ("", "UN"))[1],
        descend=lambda _tag: False,
        wanted=_VISITED,
    )
    values: dict[str, Any] = {}
    for tag, vr, start, length, level in steps:
        if level or length == 0 or tag not in _VISITED:
            continue
        if tag in _MORE or vr not in (_READ[tag][1], "SS"):
            return None
        value = _value(vr, window.value(start, length))
        if value is None:
            return None
        values[_READ[tag][0]] = value
    return values


def _value(vr: str, data: bytes) -> Any:
    """Return one value, or a list of several; None where it is not of its kind, or some are missing."""
    found = CONVERTERS[vr](data, decode_ascii, "<")
    kind = (int, float) if vr in _NUMBERS else str
    if not found or not all(isinstance(each, kind) for each in found):
        return None
    return found[0] if len(found) == 1 else found
