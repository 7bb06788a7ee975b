"""Draw, decode or transcode frames of one instance: in a process that may die, but for what is only arithmetic."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from kahua.errors import UndecodablePixels
from kahua.settings import Settings
from kahua.store.child import Bounds
from kahua.store.dicomweb.retrieve import StoredInstance
from kahua.store.objects import ObjectStore
from kahua.store.pictures.decoders import Decoders
from kahua.store.pictures.frames import frame_spans, has_whole_bytes
from kahua.store.pictures.plain import draw_plain
from kahua.store.pictures.wanted import Wanted

#: What a child needs besides the frame itself, to start and to load its libraries.
START_SECONDS = 20

#: How long an instance may take to be written anew.
TRANSCODE_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class Studio:
    """Makes pictures and pixels of instances."""

    decoders: Decoders
    objects: ObjectStore
    settings: Settings

    def draw(self, instance: StoredInstance, wanted: Wanted) -> bytes:
        """Draw a frame, or several as an animation; of a report, a waveform or a document, pages.

        Raises
        ------
        UndecodablePixels
            It cannot be decoded; the message says why.
        """
        plain = draw_plain(self.objects, instance, wanted)
        return self._ask(instance, "draw", wanted.frames, **asdict(wanted)) if plain is None else plain

    def present(self, image: StoredInstance, state: StoredInstance, wanted: Wanted) -> bytes:
        """Draw a frame as a presentation state says.

        Raises
        ------
        UndecodablePixels
            It cannot be decoded, or the state makes no sense; the message says which.
        """
        with self.objects.local_file(state.object_key) as file:
            return self._ask(image, "present", wanted.frames, **asdict(wanted), state=str(file))

    def targets(self, state: StoredInstance) -> list[tuple[str, int]]:
        """Give SOP Instance UID and frame, from 1, of what a presentation state shows, the most telling first.

        Raises
        ------
        UndecodablePixels
            It makes no sense.
        """
        with self.objects.local_file(state.object_key) as file:
            answer = self.decoders.ask({"task": "targets", "file": str(file)}, bounds=self._bounds(START_SECONDS))
        return [(uid, frame) for uid, frame in json.loads(answer)]

    def transcribe(self, report: StoredInstance, media_type: str) -> bytes:
        """Write a structured report in words, as `text/html` or `text/plain`, or its data set as `text/xml`; in UTF-8.

        Raises
        ------
        UndecodablePixels
            It makes no sense.
        """
        with self.objects.local_file(report.object_key) as file:
            job = {"task": "transcribe", "file": str(file), "media_type": media_type}
            return self.decoders.ask(job, bounds=self._bounds(START_SECONDS))

    def decode(self, instance: StoredInstance, numbers: Sequence[int]) -> Iterator[bytes]:
        """Give frames as native little endian pixels, in the order of their numbers (from 1).

        Raises
        ------
        UndecodablePixels
            One cannot be decoded; the message says why.
        """
        for number in numbers:
            yield self._ask(instance, "decode", [number], frames=[number])

    @contextmanager
    def transcoded(self, instance: StoredInstance, transfer_syntax_uid: str) -> Iterator[Path]:
        """Give the instance as a file in another transfer syntax, for the time of a `with` block.

        Raises
        ------
        UndecodablePixels
            It cannot be decoded, or not be written in that syntax; the message says why.
        """
        with self.objects.local_file(instance.object_key) as file, self.rewritten(file, transfer_syntax_uid) as path:
            yield path

    @contextmanager
    def rewritten(self, file: Path, transfer_syntax_uid: str) -> Iterator[Path]:
        """Give a file in another transfer syntax, for the time of a `with` block.

        Raises
        ------
        UndecodablePixels
            It cannot be decoded, or not be written in that syntax; the message says why.
        Unavailable
            All processes are busy.
        """
        with self._written(file, "rewrite", transfer_syntax=transfer_syntax_uid) as out:
            yield out

    @contextmanager
    def played(self, instance: StoredInstance) -> Iterator[Path]:
        """Give the stream of a video as an MP4 file, for the time of a `with` block.

        Raises
        ------
        UndecodablePixels
            It is damaged, or ffmpeg is not installed; the message says which.
        Unavailable
            All processes are busy.
        """
        with self.objects.local_file(instance.object_key) as file, self._written(file, "film") as out:
            yield out

    @contextmanager
    def _written(self, file: Path, task: str, **job: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="kahua-") as folder:
            out = Path(folder) / "written"
            job = {**job, "task": task, "file": str(file), "out": str(out)}
            self.decoders.ask(job, bounds=self._bounds(TRANSCODE_SECONDS))
            yield out

    def _ask(self, instance: StoredInstance, task: str, numbers: Sequence[int], **job: object) -> bytes:
        spans = self._spans(instance, numbers)
        with self.objects.local_file(instance.object_key) as file:
            return self.decoders.ask(
                {**job, "task": task, "file": str(file), "spans": spans},
                bounds=self._bounds(self.settings.decode_seconds * len(numbers)),
            )

    def _spans(self, instance: StoredInstance, numbers: Sequence[int]) -> list[list[tuple[int, int]]] | None:
        """Give where frames lie in the file; None where only whoever reads the whole object can tell."""
        if instance.rows is None or instance.pixel_offset is None or not has_whole_bytes(instance):
            return None
        try:
            spans = frame_spans(self.objects, instance)
        except UndecodablePixels:
            return None
        return [[(span.start, span.length) for span in spans[number - 1]] for number in numbers]

    def _bounds(self, seconds: float) -> Bounds:
        return Bounds(seconds=START_SECONDS + seconds, memory_bytes=4 * self.settings.max_frame_bytes + 2_000_000_000)
