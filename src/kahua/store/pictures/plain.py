"""Draw frames of plain images without a process of their own: nothing of a stranger is parsed but by the walker.

What is large, odd or compressed is left to the processes of `kahua.store.pictures.render`, which draw the same picture.
"""

import threading

from kahua.dicom.plain_image import PIXEL_HEADS, PlainImage, read_plain_image
from kahua.store.dicomweb.retrieve import StoredInstance
from kahua.store.objects import ObjectStore
from kahua.store.pictures.wanted import Wanted
from kahua.waiting import may_wait

#: Longest header, largest frame in bytes, and largest viewport in pixels that are drawn here.
MAX_HEADER_BYTES = 256 * 1024
MAX_FRAME_BYTES = 16 * 1024 * 1024
MAX_VIEWPORT_PIXELS = 4 * 1024 * 1024

#: Pictures that are drawn at the same time: each needs memory for some copies of its frame.
_places = threading.BoundedSemaphore(4)


def draw_plain(objects: ObjectStore, instance: StoredInstance, wanted: Wanted) -> bytes | None:
    """Draw a frame; None if it takes more than arithmetic."""
    may_wait()
    image = _plain_image(objects, instance) if _is_simple(wanted) else None
    if image is None:
        return None
    stored = _stored_frame(objects, instance, image, wanted.frames[0])
    if stored is None:
        return None
    # Here, for the libraries of pictures need time and memory, and most processes never draw.
    from kahua.store.pictures.painting import draw_stored

    with _places:
        return draw_stored(stored, image, wanted)


def redraw(picture: bytes, wanted: Wanted) -> bytes:
    """Draw a picture that the site itself has made in another format, and not larger than is wanted."""
    may_wait()
    from kahua.store.pictures.painting import converted

    with _places:
        return converted(picture, wanted)


def _is_simple(wanted: Wanted) -> bool:
    """Whether it is one picture of a usual size, on which nothing is written, and whose colours stay as they are."""
    columns, rows = wanted.viewport or (0, 0)
    is_usual = len(wanted.frames) == 1 and columns * rows <= MAX_VIEWPORT_PIXELS
    return is_usual and not wanted.annotation and not wanted.profile


def _plain_image(objects: ObjectStore, instance: StoredInstance) -> PlainImage | None:
    head = PIXEL_HEADS.get(instance.transfer_syntax_uid)
    if head is None or instance.pixel_offset is None:
        return None
    length = instance.pixel_offset - head - instance.data_offset
    if not 0 < length <= MAX_HEADER_BYTES:
        return None
    content = objects.read(instance.object_key, start=instance.data_offset, length=length)
    return read_plain_image(content, instance.transfer_syntax_uid)


def _stored_frame(objects: ObjectStore, instance: StoredInstance, image: PlainImage, number: int) -> bytes | None:
    length = image.frame_bytes
    start = (instance.pixel_offset or 0) + (number - 1) * length
    if not 0 < length <= MAX_FRAME_BYTES or start + length > instance.size:
        return None
    return objects.read(instance.object_key, start=start, length=length)
