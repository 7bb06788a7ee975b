"""The pixel group of a data set, copied byte for byte."""

import struct
from typing import BinaryIO, Final, Protocol

from kahua.errors import UnreadableDicom

PIXEL_GROUP: Final = 0x7FE0

_UNDEFINED: Final = 0xFFFFFFFF
_LONG: Final = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"UN"})
_CHUNK: Final = 1 << 20

#: Tags of an item and of the end of a sequence, group first.
_ITEM: Final = (0xFFFE, 0xE000)
_END: Final = (0xFFFE, 0xE0DD)


class Sink(Protocol):
    """What can be written to."""

    def write(self, data: bytes, /) -> object:
        """Write some bytes."""


def copy_pixels(source: BinaryIO, target: Sink, *, implicit: bool, big_endian: bool) -> None:
    """Copy the attributes of the pixel group from where the source stands; what follows them is left out.

    Raises
    ------
    UnreadableDicom
        The source ends too early, or its fragments are damaged.
    """
    order = ">" if big_endian else "<"
    while len(head := source.read(8)) == 8:
        group, _ = struct.unpack(f"{order}HH", head[:4])
        if group != PIXEL_GROUP:
            return
        if implicit:
            (length,) = struct.unpack(f"{order}L", head[4:])
        elif head[4:6] in _LONG:
            head += _exactly(source, 4)
            (length,) = struct.unpack(f"{order}L", head[8:])
        else:
            (length,) = struct.unpack(f"{order}H", head[6:])
        target.write(head)
        if length == _UNDEFINED:
            _copy_fragments(source, target, order)
        else:
            _copy(source, target, length)


def _copy_fragments(source: BinaryIO, target: Sink, order: str) -> None:
    while True:
        head = _exactly(source, 8)
        group, element, length = struct.unpack(f"{order}HHL", head)
        if (group, element) not in (_ITEM, _END) or length == _UNDEFINED:
            raise UnreadableDicom("The fragments of the pixels are damaged.")
        target.write(head)
        if (group, element) == _END:
            return
        _copy(source, target, length)


def _copy(source: BinaryIO, target: Sink, length: int) -> None:
    while length:
        chunk = _exactly(source, min(length, _CHUNK))
        target.write(chunk)
        length -= len(chunk)


def _exactly(source: BinaryIO, length: int) -> bytes:
    data = source.read(length)
    if len(data) != length:
        raise UnreadableDicom("The pixels are truncated.")
    return data
