"""Erasing with a proof: what was erased, when and by whom is in the audit log, and nothing of the patient is.

The rows go in one transaction. What lies outside the database goes right afterwards; should the site be killed
between the two, the worker does it, for the same transaction announced it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from kahua.access import record
from kahua.access.tables import AuditEntryRow
from kahua.database import Database, announce, new_id
from kahua.events import SeriesErased, Subscription
from kahua.store import Archive, ErasurePlan, Subject, Traces, erase, plan_erasure, referred

BEGUN = "erasure.begun"
COMPLETED = "erasure.completed"

#: Most digests that are in the log one by one; of more there is the digest of all.
MAX_DIGESTS = 10_000

#: Keys that are looked for in one statement.
BATCH = 1000


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """An erasure that was carried out; the audit log has the proof under its id."""

    id: str
    plan: ErasurePlan
    #: Objects that are gone; the others are another project's, too.
    objects_deleted: int
    objects_kept: int


class Erasures:
    """Plans erasures and carries them out."""

    def __init__(self, *, archive: Archive, traces: Sequence[Traces]) -> None:
        self._archive = archive
        self._database: Database = archive.database
        self._traces = {each.name: each for each in traces}

    def subscription(self) -> Subscription:
        """Ask to hear of erasures, to finish those that a killed site began."""
        return Subscription(consumer="monitoring.erasures", event=SeriesErased, handle=self.on_erased)

    def on_erased(self, event: SeriesErased) -> None:
        """Finish an erasure, unless it is finished."""
        self.finish(event)

    def plan(self, project_id: str, subject: Subject) -> ErasurePlan:
        """Find everything that an erasure would take.

        Raises
        ------
        NotFound
            There is nothing of that in the project.
        """
        with self._database.read() as session:
            return plan_erasure(session, self._archive.objects, project_id, subject, [*self._traces.values()])

    def erase(self, project_id: str, subject: Subject, *, actor: str) -> Erasure:
        """Erase everything, now.

        Raises
        ------
        NotFound
            There is nothing of that in the project.
        StateConflict
            A run works on it at this moment.
        """
        traces = [*self._traces.values()]
        with self._database.write() as session:
            plan = plan_erasure(session, self._archive.objects, project_id, subject, traces)
            erased = erase(session, project_id, plan, traces)
            event = SeriesErased(
                project_id=project_id,
                erasure=new_id(),
                actor=actor,
                objects=list(erased.object_keys),
                leftovers={name: list(names) for name, names in erased.leftovers.items()},
            )
            announce(session, event)
            record(
                session,
                actor=actor,
                action=BEGUN,
                subject=event.erasure,
                project_id=project_id,
                kind=subject.kind,
                studies=sorted({_digest(series.study_uid) for series in plan.series}),
                series=plan.series_ids,
                counts=dict(plan.counts),
            )
        deleted, kept = self.finish(event)
        return Erasure(id=event.erasure, plan=plan, objects_deleted=deleted, objects_kept=kept)

    def finish(self, event: SeriesErased) -> tuple[int, int]:
        """Delete what lies outside the database, and write the proof, once; return how many objects went and stayed."""
        for name, names in event.leftovers.items():
            self._traces[name].sweep(names)
        self._archive.collect()
        with self._database.write(alone=True) as session:
            kept = {
                key
                for start in range(0, len(event.objects), BATCH)
                for key in referred(session, event.objects[start : start + BATCH])
            }
            gone = sorted(set(event.objects) - kept)
            done = select(AuditEntryRow.sequence).where(
                AuditEntryRow.action == COMPLETED, AuditEntryRow.subject == event.erasure
            )
            if session.scalar(done) is None:
                record(
                    session,
                    actor=event.actor,
                    action=COMPLETED,
                    subject=event.erasure,
                    project_id=event.project_id,
                    **_proof(gone, len(kept)),
                )
        self._database.forget_deleted()
        return len(gone), len(kept)


def _proof(gone: Sequence[str], kept: int) -> Mapping[str, object]:
    facts: dict[str, object] = {
        "objects_deleted": len(gone),
        "objects_of_other_projects": kept,
        "digest": _digest("\n".join(gone)),
    }
    return facts | ({"objects": list(gone)} if len(gone) <= MAX_DIGESTS else {})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
