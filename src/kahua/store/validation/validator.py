"""After a series has changed, the worker looks at it as a whole and keeps what is wrong with it, in words."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from kahua.database import Database, now
from kahua.dicom import Budget
from kahua.dicom.drawn import evenly
from kahua.errors import NotFound, UndecodablePixels
from kahua.events import Event, InstanceSetAside, InstancesRemoved, Lane, SeriesReceived, Subscription
from kahua.store import metadata
from kahua.store.child import Bounds
from kahua.store.dicomweb.retrieve import Address, Located, StoredInstance
from kahua.store.objects import ObjectStore
from kahua.store.pictures.decoders import Decoders
from kahua.store.pictures.linking import link_objects
from kahua.store.tables import InstanceRow, SeriesFindingRow, SeriesReferenceRow, SeriesRow, StudyRow
from kahua.store.validation.completeness import check_completeness, missing_series
from kahua.store.validation.conformance import conformance
from kahua.store.validation.contents import Contents, check_contents, missing_instances, read_contents
from kahua.store.validation.facts import Facts, conflicts, gather
from kahua.store.validation.findings import Finding, badge_of, findings_of, keep_findings
from kahua.store.validation.identity import UID_CONFLICT, check_identity

#: Instances of a series of which all attributes are compared, and those that `dciodvfy` looks at; at even distances.
MAX_READ = 500
MAX_INSPECTED = 8

#: How long `dciodvfy` may take for one series, in seconds.
SECONDS = 60

#: UIDs that are looked up in one statement.
BATCH = 500

#: Series that are looked at again because another one came in.
MAX_NEIGHBOURS = 100


class Validator:
    """Validates series; safe to do again, in any process."""

    def __init__(
        self, *, database: Database, objects: ObjectStore, staging: Path, budget: Budget, inspectors: Decoders
    ) -> None:
        self._database = database
        self._objects = objects
        self._staging = staging
        self._budget = budget
        self._inspectors = inspectors

    def subscriptions(self) -> Sequence[Subscription]:
        """Ask to hear of series that changed, and of instances that were not let in."""
        handlers: dict[type[Event], Callable[[Any], None]] = {
            SeriesReceived: self.on_received,
            InstancesRemoved: self.on_received,
            InstanceSetAside: self.on_set_aside,
        }
        return [
            Subscription(consumer="store.validation", event=event, handle=handle, lane=Lane.SLOW)
            for event, handle in handlers.items()
        ]

    def on_received(self, event: SeriesReceived | InstancesRemoved) -> None:
        """Validate a series, and those of which the findings depend on it; only the last event of many does so."""
        with self._database.read() as session:
            series = session.scalar(
                select(SeriesRow).where(SeriesRow.project_id == event.project_id, SeriesRow.id == event.series_id)
            )
            if series is None or event.revision < series.revision:
                return
            neighbours = _neighbours(session, series)
        for series_id in (event.series_id, *neighbours):
            self.validate(event.project_id, series_id)

    def on_set_aside(self, event: InstanceSetAside) -> None:
        """Validate a series again, of which another object with the same UID was sent, unless that is known already."""
        with self._database.read() as session:
            known = {
                detail
                for finding in findings_of(session, event.project_id, event.series_id)
                if finding.code == UID_CONFLICT
                for detail in finding.details
            }
            if known and known.issuperset(conflicts(session, event.project_id, event.series_id)):
                return
        self.validate(event.project_id, event.series_id)

    def validate(self, project_id: str, series_id: str) -> list[Finding]:
        """Look at a series as it is now, and keep what is found; nothing if it is gone."""
        from kahua.store.validation.geometry import check_geometry  # late: only a worker needs pydicom and NumPy

        with self._database.read() as session:
            try:
                facts = gather(session, project_id, series_id)
            except NotFound:
                return []
            inherited = _details(session, [source.id for source in facts.sources])
        contents = self._read(facts)
        here = self._known(project_id, contents.referenced)
        findings = [
            *check_identity(facts),
            *check_completeness(facts),
            *_missing(facts, contents, here),
            *check_geometry(facts),
            *check_contents(contents),
            *conformance(self._inspect(facts), inherited),
        ]
        with self._database.write() as session:
            kept = session.execute(
                update(SeriesRow)
                .where(SeriesRow.id == series_id, SeriesRow.project_id == project_id)
                .values(validation_state=badge_of(findings), validated_at=now())
                .returning(SeriesRow.id)
                .execution_options(synchronize_session=False)
            ).first()
            if kept is not None:
                keep_findings(session, facts.series, findings)
        return findings

    def _read(self, facts: Facts) -> Contents:
        """Read the attributes of the instances, of a long series at even distances."""
        located = [
            Located(address=Address(study_uid=facts.study.study_uid), instance=StoredInstance.of(each.row))
            for each in evenly(facts.instances, MAX_READ)
        ]
        return read_contents(metadata.instance_documents(self._objects, located, budget=self._budget))

    def _known(self, project_id: str, uids: set[str]) -> set[str]:
        """Give those of the SOP Instance UIDs that are in the project."""
        found: set[str] = set()
        wanted = sorted(uids)
        with self._database.read() as session:
            for start in range(0, len(wanted), BATCH):
                statement = select(InstanceRow.sop_instance_uid).where(
                    InstanceRow.project_id == project_id,
                    InstanceRow.sop_instance_uid.in_(wanted[start : start + BATCH]),
                )
                found.update(session.scalars(statement))
        return found

    def _inspect(self, facts: Facts) -> list[dict[str, object]]:
        """Let `dciodvfy` look at some instances."""
        folder = Path(tempfile.mkdtemp(prefix="validate-", dir=self._staging))
        try:
            files = link_objects(
                self._objects, [each.row.object_key for each in evenly(facts.instances, MAX_INSPECTED)], folder
            )
            job: dict[str, object] = {"files": [str(file) for file in files]}
            answers: list[dict[str, object]] = json.loads(self._inspectors.ask(job, bounds=Bounds(seconds=SECONDS)))
        except UndecodablePixels:
            return [{"lines": [], "died": f"took longer than {SECONDS} seconds, or died,"}]
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return answers


def _missing(facts: Facts, contents: Contents, here: set[str]) -> Iterator[Finding]:
    """Find what is referred to and is not here: instances of a series that is here, or else the series."""
    return missing_instances(contents.referenced, here, is_image=facts.is_image) if here else missing_series(facts)


def _neighbours(session: Session, series: SeriesRow) -> Sequence[str]:
    """Give the series of which the findings depend on another: they refer to it, or share a UID with it."""
    study = session.get_one(StudyRow, series.study_id)
    referring = select(SeriesReferenceRow.series_id).where(
        SeriesReferenceRow.project_id == series.project_id,
        SeriesReferenceRow.target_series_uid == series.series_uid,
    )
    statement = (
        select(SeriesRow.id)
        .join(StudyRow, StudyRow.id == SeriesRow.study_id)
        .where(
            SeriesRow.project_id == series.project_id,
            SeriesRow.id != series.id,
            or_(
                SeriesRow.id.in_(referring),
                SeriesRow.series_uid == series.series_uid,
                and_(StudyRow.study_uid == study.study_uid, StudyRow.id != study.id),
            ),
        )
        .limit(MAX_NEIGHBOURS)
    )
    return session.scalars(statement).all()


def _details(session: Session, series_ids: Sequence[str]) -> set[str]:
    """Give what was said of the images from which a series was made."""
    rows = session.scalars(select(SeriesFindingRow.details).where(SeriesFindingRow.series_id.in_(series_ids)))
    return {detail for details in rows for detail in details}
