"""Series on their way out of the site: one ZIP archive, made while it is sent.

Names in the archive are counters, never text of an object. ``SHA256SUMS`` lists every file (``sha256sum
-c`` checks them), ``manifest.json`` says what this is. Nothing is kept on the disk but the few objects
that are being de-identified at the moment.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from kahua import __version__
from kahua.database import Database
from kahua.dicom import EDITION, subject_of
from kahua.errors import NotFound
from kahua.store.catalogue import instances_of
from kahua.store.confidentiality import Instructions, add_report
from kahua.store.confidentiality.deidentifier import Deidentifier
from kahua.store.exports.ledger import Ledger, Place
from kahua.store.exports.zip_stream import ZipStream
from kahua.store.objects import ObjectStore
from kahua.store.tables import InstanceRow, SeriesRow, StudyRow

#: Instances whose rows are read at once.
PAGE: Final = 500

CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Export:
    """What is taken out, by whom, and how; permission has been asked, and the audit log knows."""

    project_id: str
    project_name: str
    actor: str
    started_at: datetime
    #: Ids of series of the project.
    series: Sequence[str]
    #: How it is de-identified; None leaves everything as it is stored.
    instructions: Instructions | None = None
    dataset: str | None = None
    dataset_version: int | None = None


@dataclass(frozen=True, kw_only=True)
class Exporter:
    """Makes the archives of exports."""

    database: Database
    objects: ObjectStore
    #: Folder for objects that are being de-identified.
    staging: Path

    def stream(self, export: Export) -> Generator[bytes]:
        """Give the bytes of the archive; whoever stops asking before the end leaves nothing behind but the report."""
        with Ledger() as ledger:
            archive = ZipStream()
            if export.instructions is None:
                yield from self._as_stored(export, archive, ledger)
            else:
                try:
                    yield from self._deidentified(export, export.instructions, archive, ledger)
                finally:
                    self._report(export, ledger)
            yield from archive.add("SHA256SUMS", ledger.checksums())
            yield from archive.add("manifest.json", ledger.manifest(_head(export)))
            yield from archive.finish()

    def _as_stored(self, export: Export, archive: ZipStream, ledger: Ledger) -> Iterator[bytes]:
        for place, instance, _ in self._instances(export, ledger):
            ledger.reach(place)
            try:
                content = self.objects.stream(instance.object_key)
            except NotFound:
                place.leave_out("It was deleted meanwhile.")
                continue
            yield from archive.add(place.next_name(), ledger.noted(place, content), size=instance.size)

    def _deidentified(
        self, export: Export, instructions: Instructions, archive: ZipStream, ledger: Ledger
    ) -> Iterator[bytes]:
        jobs = ((place, instance.object_key, subject) for place, instance, subject in self._instances(export, ledger))
        with Deidentifier(objects=self.objects, staging=self.staging, instructions=instructions) as deidentifier:
            for place, treated in deidentifier.treat(jobs):
                ledger.reach(place)
                if treated.path is None:
                    place.leave_out(treated.refusal)
                    continue
                place.note(treated.changes)
                size = treated.path.stat().st_size
                content = ledger.noted(place, _pieces(treated.path))
                yield from archive.add(place.next_name(), content, size=size)
                treated.path.unlink()

    def _report(self, export: Export, ledger: Ledger) -> None:
        """Keep what was changed, as far as the export came."""
        subject = export.dataset or f"{len(export.series)} series"
        with self.database.write() as session:
            add_report(
                session, export.project_id, ledger.tally(), occasion="export", subject=subject, actor=export.actor
            )

    def _instances(self, export: Export, ledger: Ledger) -> Iterator[tuple[Place, InstanceRow, str]]:
        """Give every instance with its place in the archive and its subject, page by page."""
        for series_id in export.series:
            found = self._series(export, series_id)
            if found is None:
                ledger.vanished += 1
                continue
            series, study = found
            subject = subject_of(
                patient_id=study.patient_id,
                patient_name=study.patient_name,
                birth_date=study.patient_birth_date,
                study_uid=study.study_uid,
            )
            place = ledger.open_place(series, study, subject, named=export.instructions is None)
            last: InstanceRow | None = None
            while True:
                with self.database.read() as session:
                    page = instances_of(session, series, limit=PAGE, after=last)
                for instance in page:
                    yield place, instance, subject
                if len(page) < PAGE:
                    break
                last = page[-1]

    def _series(self, export: Export, series_id: str) -> tuple[SeriesRow, StudyRow] | None:
        """Give a series of the project, and its study; None if it was deleted meanwhile."""
        with self.database.read() as session:
            row = session.execute(
                select(SeriesRow, StudyRow)
                .join(StudyRow, SeriesRow.study_id == StudyRow.id)
                .where(SeriesRow.id == series_id, SeriesRow.project_id == export.project_id)
            ).one_or_none()
        return (row[0], row[1]) if row else None


def _head(export: Export) -> dict[str, Any]:
    """Say what an export is, before what is in it."""
    profile = export.instructions.profile if export.instructions else None
    return {
        "kahua": __version__,
        "project": export.project_name,
        "exported_by": export.actor,
        "exported_at": export.started_at.isoformat(),
        "dataset": export.dataset,
        "dataset_version": export.dataset_version,
        "deidentified": profile is not None,
        "profile": {**asdict(profile), "standard": f"PS3.15 {EDITION}", "codes": profile.codes} if profile else None,
        "pixels": "as stored, but for areas that templates of devices name",
        "suspicious_pixels_included": profile is None or profile.suspicious_pixels == "flag",
    }


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            yield piece
