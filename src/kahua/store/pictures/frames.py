"""Find the frames of an object in its file, without decoding them (PS3.5 sections 8.1 and A.4)."""

import struct
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson

from kahua.dicom import transfer_syntaxes as syntaxes
from kahua.errors import NotFound, UndecodablePixels
from kahua.store.dicomweb.retrieve import StoredInstance
from kahua.store.objects import NO_ENDS, Ends, ObjectStore, joined
from kahua.waiting import may_wait

_ITEM, _DELIMITER = 0xFFFEE000, 0xFFFEE0DD
_UNKNOWN_LENGTH = 0xFFFFFFFF

#: Extended Offset Table (PS3.3 C.7.6.3.1.8): an element before Pixel Data, with a Very Long value of its own.
_EXTENDED_OFFSETS = struct.pack("<HH2s", 0x7FE0, 0x0001, b"OV")

#: Before Pixel Data of encapsulated objects: tag, VR, two reserved bytes and the length.
_PIXEL_HEAD_BYTES = 12

#: Transfer syntaxes whose frames lie one after another in the file.
NATIVE_SYNTAXES = (syntaxes.IMPLICIT_LITTLE_ENDIAN, syntaxes.EXPLICIT_LITTLE_ENDIAN, syntaxes.EXPLICIT_BIG_ENDIAN)

#: Most fragments of one object.
MAX_FRAGMENTS = 1_000_000

#: How codestreams begin: JPEG and JPEG-LS, JPEG 2000 and HTJ2K, JPEG XL.
_BEGINNINGS = (b"\xff\xd8", b"\xff\x4f\xff\x51", b"\xff\x0a", b"\x00\x00\x00\x0cJXL ")

#: Bytes that are read at once of a chain of small items.
_READ_AHEAD = 65_536


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of bytes of a file."""

    start: int
    length: int

    @property
    def end(self) -> int:
        """Byte after the last."""
        return self.start + self.length


def is_native(instance: StoredInstance) -> bool:
    """Whether the pixels are not compressed."""
    return instance.transfer_syntax_uid in NATIVE_SYNTAXES


def has_frames(instance: StoredInstance) -> bool:
    """Whether it may have frames; of a deflated object only whoever inflates it knows where its pixels are."""
    is_deflated = syntaxes.encoding_of(instance.transfer_syntax_uid).deflated
    return instance.rows is not None and (instance.pixel_offset is not None or is_deflated)


def has_whole_bytes(instance: StoredInstance) -> bool:
    """Whether pixels are whole numbers of one or two bytes: others may be bits, or fractions."""
    return _first(orjson.loads(instance.dicom_json), "00280100") in (8, 16)


def frame_spans(objects: ObjectStore, instance: StoredInstance) -> Sequence[list[Span]]:
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
    if syntaxes.encoding_of(instance.transfer_syntax_uid).video:
        raise UndecodablePixels("The frames of a video cannot be told apart.", remedy="Retrieve the whole instance.")
    return _encapsulated_spans(objects, instance, instance.pixel_offset, count)


def stream_spans(objects: ObjectStore, instance: StoredInstance) -> Sequence[Span]:
    """Give the stretches of the file that make up the stream of a video, in order.

    Raises
    ------
    UndecodablePixels
        The file is damaged.
    """
    if instance.pixel_offset is None:
        raise UndecodablePixels("The object holds no stream.")
    return _items(objects, instance, instance.pixel_offset)[1:]


def read_frame(objects: ObjectStore, instance: StoredInstance, spans: Sequence[Span], between: Ends = NO_ENDS) -> bytes:
    """Read the bytes of one frame, between a head and a tail."""
    if len(spans) == 1:
        return objects.read(instance.object_key, start=spans[0].start, length=spans[0].length, between=between)
    pieces = (objects.read(instance.object_key, start=span.start, length=span.length) for span in spans)
    return joined(b"".join(pieces), between)


def _native_spans(instance: StoredInstance, count: int) -> list[Span]:
    elements = orjson.loads(instance.dicom_json)
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


def _encapsulated_spans(objects: ObjectStore, instance: StoredInstance, start: int, count: int) -> list[list[Span]]:
    """Tell frames apart by what is there: one fragment each, an offset table, or how codestreams begin (A.4)."""
    may_wait()  # the items may be many
    table, *fragments = _items(objects, instance, start)
    if len(fragments) == count:
        return [[fragment] for fragment in fragments]
    if count == 1:
        return [fragments]
    for offsets in (_extended_offsets(objects, instance, start), _basic_offsets(objects, instance, table)):
        if fragments and len(offsets) == count and list(offsets) == sorted(offsets):
            return _by_offsets(fragments, offsets)
    parted = _by_beginnings(objects, instance, fragments)
    if len(parted) != count:
        raise UndecodablePixels(f"{len(fragments)} fragments cannot be told apart into {count} frames.")
    return parted


def _by_offsets(fragments: Sequence[Span], offsets: Sequence[int]) -> list[list[Span]]:
    """Part fragments by where frames begin, counted from the first fragment's item."""
    frames: list[list[Span]] = [[] for _ in offsets]
    first = fragments[0].start
    for fragment in fragments:
        frames[max(bisect_right(offsets, fragment.start - first) - 1, 0)].append(fragment)
    return frames


def _by_beginnings(objects: ObjectStore, instance: StoredInstance, fragments: Sequence[Span]) -> list[list[Span]]:
    """Part fragments where a codestream begins: no frame begins within a fragment (PS3.5 A.4)."""
    frames: list[list[Span]] = []
    for fragment in fragments:
        beginning = objects.read(instance.object_key, start=fragment.start, length=8)
        if beginning.startswith(_BEGINNINGS) or not frames:
            frames.append([])
        frames[-1].append(fragment)
    return frames


def _basic_offsets(objects: ObjectStore, instance: StoredInstance, table: Span) -> Sequence[int]:
    data = objects.read(instance.object_key, start=table.start, length=table.length)
    return struct.unpack(f"<{len(data) // 4}L", data[: len(data) // 4 * 4])


def _extended_offsets(objects: ObjectStore, instance: StoredInstance, start: int) -> Sequence[int]:
    """Read the Extended Offset Table, which stands right before Pixel Data, or before the table of its lengths."""
    count = instance.number_of_frames or 1
    one = 12 + 8 * count
    before = start - _PIXEL_HEAD_BYTES
    for at in (before - one, before - 2 * one):
        if at < instance.data_offset:
            continue
        data = objects.read(instance.object_key, start=at, length=one)
        if data.startswith(_EXTENDED_OFFSETS) and struct.unpack_from("<L", data, 8)[0] == 8 * count:
            return struct.unpack_from(f"<{count}Q", data, 12)
    return ()


def _items(objects: ObjectStore, instance: StoredInstance, start: int) -> list[Span]:
    """Walk the items of encapsulated pixels; the first is the Basic Offset Table."""
    spans: list[Span] = []
    position, head = start, _heads(objects, instance)
    while position + 8 <= instance.size and len(spans) <= MAX_FRAGMENTS:
        group, element, length = struct.unpack("<HHL", head(position))
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


def _heads(objects: ObjectStore, instance: StoredInstance) -> Callable[[int], bytes]:
    """Give a function that reads the head of the item at a place; items that are near are read together."""
    window, start = b"", 0

    def head(position: int) -> bytes:
        nonlocal window, start
        if not start <= position <= start + len(window) - 8:
            # Where items are long, what lies ahead would be read for nothing.
            ahead = _READ_AHEAD if position - start < _READ_AHEAD else 8
            window, start = objects.read(instance.object_key, start=position, length=ahead), position
        return window[position - start : position - start + 8]

    return head


def _first(elements: dict[str, dict[str, list[int]]], tag: str, default: int = 0) -> int:
    values = elements.get(tag, {}).get("Value") or [default]
    return values[0]
