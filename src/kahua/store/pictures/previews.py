"""After a series has changed, the worker makes what people look at: preview, filmstrip, metadata.

Pixels are decoded in a child process that may die; a series that cannot be shown says why, and
nothing else is disturbed. All of it can be thrown away and made again.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, and_, false, or_, select, update
from sqlalchemy.orm import Session

from kahua.database import Database
from kahua.dicom import Budget
from kahua.dicom.drawn import evenly
from kahua.errors import NotFound, UndecodablePixels
from kahua.events import InstancesRemoved, Lane, SeriesReceived, Subscription
from kahua.store import metadata
from kahua.store.catalogue import instances_of
from kahua.store.child import Bounds
from kahua.store.deletion.removal import discard
from kahua.store.dicomweb.retrieve import Address, Located, StoredInstance
from kahua.store.objects import ObjectStore
from kahua.store.pictures.decoders import Decoders
from kahua.store.pictures.linking import link_objects
from kahua.store.tables import SeriesReferenceRow, SeriesRow, StudyRow

#: How long the pictures of one series may take.
SECONDS = 45

#: Most instances that are handed to the child, at even distances: a filmstrip shows no more, a slide has fewer levels.
MAX_INSTANCES = 16

#: Modalities whose objects are drawn on an image, and those of the images that they are drawn on.
DRAWN_ON_IMAGES = ("SEG", "RTSTRUCT", "RTDOSE", "PR")
IMAGES = ("CT", "MR", "PT", "NM", "US", "XA", "CR", "DX", "MG", "OPT", "OP", "IVUS", "IVOCT", "OT")

#: Most instances of a source image that are handed to the child for drawing a segmentation on it.
MAX_SOURCES = 2000


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """What the child made of a series."""

    #: `ready`, `none` or `failed`.
    state: str
    note: str
    preview: bytes | None = None
    filmstrip: bytes | None = None


class Derivation:
    """Makes previews and metadata of series; safe to do again, in any process."""

    def __init__(
        self,
        *,
        database: Database,
        objects: ObjectStore,
        staging: Path,
        budget: Budget,
        drawers: Decoders,
    ) -> None:
        self._database = database
        self._objects = objects
        self._staging = staging
        self._budget = budget
        self._drawers = drawers

    def subscriptions(self) -> Sequence[Subscription]:
        """Ask to hear of series that changed."""
        return [
            Subscription(consumer="store.derivation", event=event, handle=self.on_received, lane=Lane.SLOW)
            for event in (SeriesReceived, InstancesRemoved)
        ]

    def on_received(self, event: SeriesReceived | InstancesRemoved) -> None:
        """Derive a series, and those that were waiting to be drawn on it.

        Instances come in one by one: only the last event of many makes pictures, for each change announces its own.
        """
        with self._database.read() as session:
            revisions = _revisions(session, event.project_id, event.series_id)
        if revisions is None or event.revision < revisions[0]:
            return
        if revisions[1] < revisions[0]:
            self.derive(event.project_id, event.series_id)
        with self._database.read() as session:
            waiting = _referrers(session, event.project_id, event.series_id)
        for series_id in waiting:
            self.derive(event.project_id, series_id)

    def derive(self, project_id: str, series_id: str) -> None:
        """Make preview, filmstrip and metadata of a series as it is now; nothing if it is gone."""
        with self._database.read() as session:
            try:
                series, instances = _series(session, project_id, series_id)
            except NotFound:
                return
            sources = _sources(session, project_id, series_id)
        packed = metadata.pack(
            metadata.join(metadata.instance_documents(self._objects, instances, budget=self._budget))
        )
        pictures = self._pictures(instances, sources)
        self._keep(series, packed, pictures)

    def _pictures(self, instances: Sequence[Located], sources: Sequence[Located]) -> Pictures:
        folder = Path(tempfile.mkdtemp(prefix="preview-", dir=self._staging))
        try:
            for located, name in ((evenly(instances, MAX_INSTANCES), "instances"), (sources, "sources")):
                link_objects(self._objects, [each.instance.object_key for each in located], folder / name)
            answer = json.loads(self._drawers.ask({"folder": str(folder)}, bounds=Bounds(seconds=SECONDS)))
            return Pictures(
                state=answer["state"],
                note=answer["note"],
                preview=_read(folder / "preview.webp"),
                filmstrip=_read(folder / "filmstrip.webp"),
            )
        except UndecodablePixels as error:
            return Pictures(state="failed", note=error.message)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _keep(self, series: SeriesRow, packed: bytes, pictures: Pictures) -> None:
        keys = {
            "metadata_key": self._put(packed),
            "preview_key": self._put(pictures.preview),
            "filmstrip_key": self._put(pictures.filmstrip),
        }
        with self._database.write() as session:
            before = session.execute(
                select(SeriesRow.metadata_key, SeriesRow.preview_key, SeriesRow.filmstrip_key).where(
                    SeriesRow.id == series.id
                )
            ).first()
            kept = session.execute(
                update(SeriesRow)
                .where(SeriesRow.id == series.id, SeriesRow.derived_revision <= series.revision)
                .values(
                    **keys,
                    preview_state=pictures.state,
                    preview_note=pictures.note[:500],
                    derived_revision=series.revision,
                )
                .returning(SeriesRow.id)
                .execution_options(synchronize_session=False)
            ).first()
            # Without a row, the series is gone, or another process was faster with a later state of it.
            made, old = (keys.values(), before or ()) if kept else ((), keys.values())
            discard(session, [key for key in old if key is not None and key not in made])

    def _put(self, content: bytes | None) -> str | None:
        if content is None:
            return None
        key = hashlib.sha256(b"derived\0" + content).hexdigest()
        self._objects.put(key, [content])
        return key


def _revisions(session: Session, project_id: str, series_id: str) -> tuple[int, int] | None:
    """Give the present revision of a series, and that from which its pictures were made."""
    row = session.execute(
        select(SeriesRow.revision, SeriesRow.derived_revision).where(
            SeriesRow.project_id == project_id, SeriesRow.id == series_id
        )
    ).first()
    return (row.revision, row.derived_revision) if row else None


def _series(session: Session, project_id: str, series_id: str) -> tuple[SeriesRow, Sequence[Located]]:
    row = session.execute(
        select(SeriesRow, StudyRow.study_uid)
        .join(StudyRow, StudyRow.id == SeriesRow.study_id)
        .where(SeriesRow.project_id == project_id, SeriesRow.id == series_id)
    ).first()
    if row is None:
        raise NotFound("The series is gone.")
    return row[0], _located(session, *row)


def _located(session: Session, series: SeriesRow, study_uid: str) -> Sequence[Located]:
    """Give the instances of this series alone: another patient's may have the same UIDs."""
    return [
        Located(
            address=Address(study_uid=study_uid, series_uid=series.series_uid, instance_uid=instance.sop_instance_uid),
            instance=StoredInstance.of(instance),
        )
        for instance in instances_of(session, series)
    ]


def _sources(session: Session, project_id: str, series_id: str) -> Sequence[Located]:
    """Instances of the image on which a series is drawn, if it is here."""
    series, study = session.execute(
        select(SeriesRow, StudyRow)
        .join(StudyRow, StudyRow.id == SeriesRow.study_id)
        .where(SeriesRow.project_id == project_id, SeriesRow.id == series_id)
    ).one()
    if series.modality not in DRAWN_ON_IMAGES:
        return []
    row = session.execute(
        select(SeriesRow, StudyRow.study_uid)
        .join(StudyRow, SeriesRow.study_id == StudyRow.id)
        .where(
            SeriesRow.project_id == project_id,
            SeriesRow.modality.in_(IMAGES),
            StudyRow.patient_id == study.patient_id,
            or_(_is_named_by(series), _shares_frame(series)),
        )
        .order_by(_is_named_by(series).desc(), SeriesRow.modality != "CT", SeriesRow.instance_count.desc())
        .limit(1)
    ).first()
    return [] if row is None else _located(session, *row)[:MAX_SOURCES]


def _is_named_by(series: SeriesRow) -> ColumnElement[bool]:
    targets = select(SeriesReferenceRow.target_series_uid).where(SeriesReferenceRow.series_id == series.id)
    return SeriesRow.series_uid.in_(targets)


def _shares_frame(series: SeriesRow) -> ColumnElement[bool]:
    """Lies in the same frame of reference, as the image of a dose does, which names no series."""
    if not series.frame_of_reference_uid:
        return false()
    return and_(
        SeriesRow.frame_of_reference_uid == series.frame_of_reference_uid, SeriesRow.study_id == series.study_id
    )


def _referrers(session: Session, project_id: str, series_id: str) -> Sequence[str]:
    """Series that are drawn on this one."""
    series = session.scalar(select(SeriesRow).where(SeriesRow.project_id == project_id, SeriesRow.id == series_id))
    if series is None or series.modality not in IMAGES:
        return []
    referring = select(SeriesReferenceRow.series_id).where(
        SeriesReferenceRow.project_id == project_id, SeriesReferenceRow.target_series_uid == series.series_uid
    )
    statement = select(SeriesRow.id).where(
        SeriesRow.project_id == project_id,
        SeriesRow.modality.in_(DRAWN_ON_IMAGES),
        or_(SeriesRow.id.in_(referring), _shares_frame(series)),
    )
    return session.scalars(statement).all()


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
