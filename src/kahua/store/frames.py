"""Find the frames of an object in its file, without decoding them (PS3.5 sections 8.1 and A.4)."""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from kahua.errors import NotFound, UndecodablePixels
from kahua.store.objects import ObjectStore
from kahua.store.tables import InstanceRow

_ITEM, _DELIMITER = 0xFFFEE000, 0xFFFEE0DD
_UNKNOWN_LENGTH = 0xFFFFFFFF

#: Transfer syntaxes whose pixels are native: frames lie one after another.
NATIVE_SYNTAXES = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")

#: Most fragments of one object.
MAX_FRAGMENTS = 1_000_000


@dataclass(frozen=True)
class Span:
    """A stretch of bytes of a file."""

    start: int
    length: int


def is_native(instance: InstanceRow) -> bool:
    """Whether the pixels are not compressed."""
    return instance.transfer_syntax_uid in NATIVE_SYNTAXES


def frame_spans(objects: ObjectStore, instance: InstanceRow) -> list[list[Span]]:
    """Give the stretches of the file that make up each frame, in order.

    Raises
    ------
    NotFound
        The object has no pixels.
    UndecodablePixels
        The frames cannot be told apart.
    """
    if instance.pixel_offset is None or instance.rows is None:
        raise NotFound("The object has no frames.")
    count = instance.number_of_frames or 1
    if is_native(instance):
        return [[span] for span in _native_spans(instance, count)]
    return _encapsulated_spans(objects, instance, instance.pixel_offset, count)


def read_frame(objects: ObjectStore, instance: InstanceRow, spans: Sequence[Span]) -> bytes:
    """Read the bytes of one frame."""
    return b"".join(objects.read(instance.object_key, start=span.start, length=span.length) for span in spans)


def _native_spans(instance: InstanceRow, count: int) -> list[Span]:
    elements = json.loads(instance.dicom_json)
    bits = (
        _first(elements, "00280100") * _first(elements, "00280002", 1) * (instance.rows or 0) * (instance.columns or 0)
    )
    if bits == 0 or bits % 8:
        raise UndecodablePixels(
            "The frames do not begin on whole bytes.", remedy="Retrieve the whole instance instead."
        )
    length, start = bits // 8, instance.pixel_offset or 0
    if start + length * count > instance.size:
        raise UndecodablePixels(f"The object claims {count} frames, which its file cannot hold.")
    return [Span(start + number * length, length) for number in range(count)]


def _encapsulated_spans(objects: ObjectStore, instance: InstanceRow, start: int, count: int) -> list[list[Span]]:
    table, *fragments = _items(objects, instance, start)
    if len(fragments) == count:
        return [[fragment] for fragment in fragments]
    if count == 1:
        return [fragments]
    data = objects.read(instance.object_key, start=table.start, length=table.length)
    offsets = struct.unpack(f"<{len(data) // 4}L", data[: len(data) // 4 * 4])
    if len(offsets) != count or not fragments:
        raise UndecodablePixels(f"{len(fragments)} fragments cannot be told apart into {count} frames.")
    first = fragments[0].start - 8
    return [
        [span for span in fragments if offset <= span.start - 8 - first < end]
        for offset, end in zip(offsets, (*offsets[1:], instance.size), strict=True)
    ]


def _items(objects: ObjectStore, instance: InstanceRow, start: int) -> list[Span]:
    """Walk the items of encapsulated pixels; the first is the Basic Offset Table."""
    spans: list[Span] = []
    position = start
    while position + 8 <= instance.size and len(spans) <= MAX_FRAGMENTS:
        group, element, length = struct.unpack("<HHL", objects.read(instance.object_key, start=position, length=8))
        tag = group << 16 | element
        if tag == _DELIMITER:
            break
        if tag != _ITEM or length == _UNKNOWN_LENGTH or position + 8 + length > instance.size:
            raise UndecodablePixels("The compressed pixels are damaged: an item does not fit into the file.")
        spans.append(Span(position + 8, length))
        position += 8 + length
    if not spans:
        raise UndecodablePixels("The compressed pixels are damaged: there is no Basic Offset Table.")
    return spans


def _first(elements: dict[str, dict[str, list[int]]], tag: str, default: int = 0) -> int:
    values = elements.get(tag, {}).get("Value") or [default]
    return values[0]
