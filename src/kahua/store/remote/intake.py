"""Files that come from a peer, on their way into the archive: nothing but what was asked for."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from kahua.dicom import read_file_meta, scan
from kahua.errors import DicomRefused, KahuaError, MisdeclaredDicom, Unavailable
from kahua.store.ingest.archive import Archive
from kahua.store.ingest.origin import Accepted, Origin
from kahua.store.ingest.staging import saying_full_disk
from kahua.store.remote.source import ImageSource

#: Files that are stored together, in one durable group.
GROUP = 32


@dataclass
class Intake:
    """Takes the instances of one series."""

    archive: Archive
    project_id: str
    study_uid: str
    series_uid: str
    origin: Origin
    #: Raises an error when no more is wanted; asked before each group.
    go_on: Callable[[], None]
    accepted: int = 0
    duplicates: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    #: Ids of the series here to which they belong.
    series_ids: set[str] = field(default_factory=set)
    _waiting: list[Path] = field(default_factory=list)

    @property
    def count(self) -> int:
        """All that came, accepted or not."""
        return self.accepted + self.duplicates + self.refusals.total()

    def add(self, path: Path) -> None:
        """Take a file; it is gone afterwards.

        Raises
        ------
        MisdeclaredDicom
            It is of another series: the peer sends what nobody asked for, and nothing more is taken from it.
        """
        self._waiting.append(path)
        self._require_wanted(path)
        if len(self._waiting) >= GROUP:
            self.flush()

    def take_all(self, source: ImageSource) -> None:
        """Take what a source has of the series.

        Raises
        ------
        KahuaError
            The source does not give it, or it cannot be stored; what came before is.
        """
        with saying_full_disk(), TemporaryDirectory(prefix="pull-", dir=self.archive.staging.folder) as folder:
            for path in source.retrieve(self.study_uid, self.series_uid, Path(folder)):
                self.add(path)
            self.flush()

    def flush(self) -> None:
        """Store what waits.

        Raises
        ------
        Unavailable
            Something could not be stored now; it may be sent again.
        """
        self.go_on()
        paths, self._waiting = self._waiting, []
        try:
            for result in self.archive.store_files(self.project_id, paths, self.origin):
                self._note(result)
        finally:
            for path in paths:
                path.unlink(missing_ok=True)

    def _note(self, result: Accepted | KahuaError) -> None:
        if isinstance(result, Unavailable):
            raise result
        if isinstance(result, KahuaError):
            self.refusals[result.message] += 1
            return
        self.duplicates += result.duplicate
        self.accepted += not result.duplicate
        self.series_ids.add(result.series_id)

    def _require_wanted(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                meta = read_file_meta(file)
                header = scan(
                    file,
                    offset=meta.data_offset,
                    size=path.stat().st_size - meta.data_offset,
                    transfer_syntax_uid=meta.transfer_syntax_uid,
                    budget=self.archive.limits.budget,
                )
        except DicomRefused:
            return  # the archive says why, and keeps it aside
        if (header.study_uid, header.series_uid) != (self.study_uid, self.series_uid):
            path.unlink()
            self._waiting.remove(path)
            raise MisdeclaredDicom("The peer sent an instance of another series than was asked for; it was not kept.")
