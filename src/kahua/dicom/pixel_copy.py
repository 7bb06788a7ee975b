"""The pixel group of a data set, copied byte for byte."""

import struct
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from kahua.errors import UnreadableDicom

PIXEL_GROUP: Final = 0x7FE0

#: Element of Pixel Data in that group.
PIXEL_DATA: Final = 0x0010

_UNDEFINED: Final = 0xFFFFFFFF
_LONG: Final = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"UN"})
_CHUNK: Final = 1 << 20

#: Offsets and lengths of frames, their total length, and float, double and integer pixels.
_KNOWN: Final = frozenset({0x0001, 0x0002, 0x0003, 0x0008, 0x0009, 0x0010})

#: Tags of an item and of the end of a sequence, group first.
_ITEM: Final = (0xFFFE, 0xE000)
_END: Final = (0xFFFE, 0xE0DD)


class Sink(Protocol):
    """What can be written to."""

    def write(self, data: bytes, /) -> object:
        """Write some bytes."""


def copy_pixels(source: BinaryIO, target: Sink, *, implicit: bool, big_endian: bool, size: int | None = None) -> None:
    """Copy the attributes of the pixel group from where the source stands.

    What follows them is left out, and so is what no dictionary knows among them. Pixel Data that are longer than
    `size` bytes, which all frames have together, hold zeros from there on.

    Raises
    ------
    UnreadableDicom
        The source ends too early, or its fragments are damaged.
    """
    order = ">" if big_endian else "<"
    while (head := element_head(source, implicit=implicit, order=order)) and head.group == PIXEL_GROUP:
        if head.element not in _KNOWN:
            copy_value(source, _Nowhere(), head.length, order)
            continue
        target.write(head.encoded)
        surplus = head.length - size if size and head.element == PIXEL_DATA and head.length != _UNDEFINED else 0
        copy_value(source, target, head.length - max(surplus, 0), order)
        if surplus > 0:
            _copy(source, _Nowhere(), surplus)
            write_zeros(target, surplus)


class _Nowhere:
    """What is written to it is forgotten."""

    def write(self, data: bytes) -> None:
        """Forget some bytes."""


@dataclass(frozen=True, slots=True)
class ElementHead:
    """What stands before a value: tag, value representation and length."""

    encoded: bytes
    group: int
    element: int
    length: int


def element_head(source: BinaryIO, *, implicit: bool, order: str) -> ElementHead | None:
    """Read what stands before a value; None at the end. `order` is that of the bytes, as for `struct`."""
    head = source.read(8)
    if len(head) < 8:
        return None
    group, element = struct.unpack(f"{order}HH", head[:4])
    if implicit:
        (length,) = struct.unpack(f"{order}L", head[4:])
    elif head[4:6] in _LONG:
        head += _exactly(source, 4)
        (length,) = struct.unpack(f"{order}L", head[8:])
    else:
        (length,) = struct.unpack(f"{order}H", head[6:])
    return ElementHead(head, group, element, length)


def copy_value(source: BinaryIO, target: Sink, length: int, order: str) -> None:
    """Copy a value; if its length is not defined, up to the end of its fragments.

    Raises
    ------
    UnreadableDicom
        The source ends too early, or the fragments are damaged.
    """
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


def write_zeros(target: Sink, length: int) -> None:
    """Write so many zeros."""
    while length:
        target.write(bytes(min(length, _CHUNK)))
        length -= min(length, _CHUNK)


def _exactly(source: BinaryIO, length: int) -> bytes:
    data = source.read(length)
    if len(data) != length:
        raise UnreadableDicom("The pixels are truncated.")
    return data
