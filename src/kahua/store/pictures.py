"""Draw or decode frames of one instance, in a process that may die."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from kahua.settings import Settings
from kahua.store.child import Bounds, run_child
from kahua.store.decoders import Decoders
from kahua.store.objects import ObjectStore
from kahua.store.tables import InstanceRow

#: What a child needs besides the frame itself, to start and to load its libraries.
START_SECONDS = 20


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A picture that is asked for."""

    #: Counted from 1.
    frame: int
    media_type: str
    #: Longest side in pixels; the frame's own if empty.
    size: int | None = None
    #: Centre and width.
    window: tuple[float, float] | None = None


def render(
    decoders: Decoders, objects: ObjectStore, instance: InstanceRow, wanted: Wanted, settings: Settings
) -> bytes:
    """Draw a frame.

    Raises
    ------
    UndecodablePixels
        It cannot be decoded; the message says why.
    """
    with objects.local_file(instance.object_key) as file:
        return decoders.draw({"file": str(file), **asdict(wanted)}, bounds=_bounds(settings))


def decoded_frames(
    objects: ObjectStore, instance: InstanceRow, numbers: Sequence[int], settings: Settings
) -> Iterator[bytes]:
    """Give frames as native little endian pixels, in the order of their numbers (from 1).

    Raises
    ------
    UndecodablePixels
        One cannot be decoded; the message says why.
    """
    with tempfile.TemporaryDirectory(prefix="kahua-") as folder, objects.local_file(instance.object_key) as file:
        out = Path(folder) / "frames"
        run_child(
            "kahua.store.render", "frames", str(file), str(out), ",".join(map(str, numbers)), bounds=_bounds(settings)
        )
        length = out.stat().st_size // len(numbers)
        with out.open("rb") as frames:
            for _ in numbers:
                yield frames.read(length)


def _bounds(settings: Settings) -> Bounds:
    return Bounds(
        seconds=START_SECONDS + settings.decode_seconds, memory_bytes=4 * settings.max_frame_bytes + 2_000_000_000
    )
