"""What an export says of itself: checksums and manifest, gathered while it is made."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import IO, Any, Final, Self

import orjson

from kahua.store.confidentiality import Tally
from kahua.store.tables import SeriesRow, StudyRow

#: Bytes of a list that are kept in memory; a longer one goes to a nameless file.
SPOOL_BYTES: Final = 1 << 20

CHUNK_BYTES: Final = 1 << 20


@dataclass(kw_only=True)
class Place:
    """A series' folder in the archive, and what was put there."""

    folder: str
    #: What the manifest says of the series besides.
    facts: dict[str, Any]
    instances: int = 0
    size: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)

    def next_name(self) -> str:
        """Name of the next instance."""
        self.instances += 1
        return self.last_name

    @property
    def last_name(self) -> str:
        """Name of the instance that was put there last."""
        return f"{self.folder}/{self.instances:06}.dcm"

    def leave_out(self, reason: str) -> None:
        """Note that an instance is missing."""
        self.left_out[reason] += 1

    def note(self, changes: dict[str, Any]) -> None:
        """Note what de-identification did with an instance."""
        self.facts |= {
            "patient": changes["patient"],
            "study_uid": changes["study_uid"],
            "series_uid": changes["series_uid"],
        }
        for name, action, number in changes["counts"]:
            self.changes[name, action] += number
        if changes["pixel_risk"]:
            self.warnings[changes["pixel_risk"]] += 1

    def as_json(self) -> dict[str, Any]:
        """Give what the manifest says of the series."""
        return {
            "folder": self.folder,
            **self.facts,
            "instances": self.instances,
            "bytes": self.size,
            "left_out": dict(self.left_out),
            "warnings": dict(self.warnings),
        }


class Ledger:
    """Gathers the lists; those that may be long lie in nameless files."""

    def __init__(self) -> None:
        self._checksums: IO[bytes] = SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115 - closed with the ledger
        self._series: IO[bytes] = SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115
        self._open: deque[Place] = deque()
        self._patients: dict[str, int] = {}
        self._series_of: Counter[int] = Counter()
        self._tally = Tally()
        self._totals: Counter[str] = Counter()
        #: Series that were deleted meanwhile.
        self.vanished = 0

    def __enter__(self) -> Self:
        """Use it in a `with` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forget everything."""
        self._checksums.close()
        self._series.close()

    def open_place(self, series: SeriesRow, study: StudyRow, subject: str, *, named: bool) -> Place:
        """Give the next series its folder; `named` tells its own UIDs in the manifest."""
        patient = self._patients.setdefault(subject, len(self._patients) + 1)
        self._series_of[patient] += 1
        facts: dict[str, Any] = {"modality": series.modality}
        if named:
            facts |= {
                "series_number": series.series_number,
                "study_uid": study.study_uid,
                "series_uid": series.series_uid,
            }
        place = Place(folder=f"patient-{patient:04}/series-{self._series_of[patient]:04}", facts=facts)
        self._open.append(place)
        return place

    def reach(self, place: Place) -> None:
        """Note that the export is at this place now, and done with those before it."""
        while self._open and self._open[0] is not place:
            self._close(self._open.popleft())

    def noted(self, place: Place, content: Iterable[bytes]) -> Iterator[bytes]:
        """Pass the bytes of an instance on, and note their number and checksum."""
        digest = sha256()
        for piece in content:
            digest.update(piece)
            place.size += len(piece)
            yield piece
        self._checksums.write(f"{digest.hexdigest()}  {place.last_name}\n".encode())

    def checksums(self) -> Iterator[bytes]:
        """Give the list of checksums."""
        self._checksums.seek(0)
        while piece := self._checksums.read(CHUNK_BYTES):
            yield piece

    def tally(self) -> Tally:
        """Give what was counted, once everything is in its place."""
        self._close_all()
        return self._tally

    def manifest(self, head: dict[str, Any]) -> Iterator[bytes]:
        """Give the manifest, as JSON."""
        self._close_all()
        changes = [
            {"attribute": name, "action": action, "count": count}
            for (name, action), count in sorted(self._tally.changes.items())
        ]
        totals = {
            "patients": len(self._patients),
            **{name: self._totals[name] for name in ("series", "instances", "bytes", "left_out")},
            "series_deleted_meanwhile": self.vanished,
        }
        opening = orjson.dumps({**head, "totals": totals, "changes": changes}, option=orjson.OPT_INDENT_2)
        yield opening.rstrip(b"}\n") + b',\n  "series": ['
        self._series.seek(0)
        yield from self._series
        yield b"\n  ]\n}\n"

    def _close_all(self) -> None:
        while self._open:
            self._close(self._open.popleft())

    def _close(self, place: Place) -> None:
        separator = b",\n    " if self._totals["series"] else b"\n    "
        self._series.write(separator + orjson.dumps(place.as_json()))
        self._totals.update(
            series=1, instances=place.instances, bytes=place.size, left_out=sum(place.left_out.values())
        )
        self._tally.add(
            Tally(instances=place.instances, changes=place.changes, refusals=place.left_out, warnings=place.warnings)
        )
