"""Carries pulls out, one item after the other, as politely as each pull wants."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from kahua.database import Database, now
from kahua.errors import KahuaError, NotFound, PeerUnavailable, StateConflict, Unavailable
from kahua.logs import get_logger
from kahua.store.catalogue import series_with_uid
from kahua.store.ingest import Archive
from kahua.store.origin import Origin
from kahua.store.peers import Peer, peer_of_id
from kahua.store.remote import attempts, sourced
from kahua.store.remote.intake import Intake
from kahua.store.remote.presence import instances_of_series_here
from kahua.store.remote.source import ImageSource, RemoteSeries
from kahua.store.remote.tables import PullItemRow, PullRow, SeriesSourceRow
from kahua.store.remote.windows import is_open
from kahua.store.remote.wishes import Wish

log = get_logger()

#: Told when a pull is done, in the transaction that ends it.
Ended = Callable[[Session, PullRow], None]


@dataclass(frozen=True, kw_only=True)
class Puller:
    """Fetches what pulls want. Any number of processes may do so at once: each pull is in the hands of one."""

    database: Database
    archive: Archive
    source_of: Callable[[Peer], ImageSource]
    ended: Ended

    def step(self) -> bool:
        """Do the next thing that is due; say whether there was one."""
        return any(self._step(pull) for pull in self._due_pulls())

    def _due_pulls(self) -> list[PullRow]:
        with self.database.read() as session:
            query = select(PullRow).where(PullRow.state == "active", PullRow.not_before <= now())
            rows = session.scalars(query.order_by(PullRow.not_before, PullRow.id)).all()
        return [pull for pull in rows if is_open(pull.windows, now().astimezone())]

    def _step(self, pull: PullRow) -> bool:
        with self.database.claim(f"pull {pull.id}") as claim:
            if not claim.is_held:
                return False
            item = self._begin(pull)
            if item is None:
                return False
            self._carry_out(pull, item)
            return True

    def _begin(self, pull: PullRow) -> PullItemRow | None:
        """Take the next item; a pull that has none left is done."""
        with self.database.write() as session:
            mine = (PullItemRow.pull_id == pull.id, PullItemRow.state == "waiting")
            due = select(PullItemRow).where(*mine, PullItemRow.not_before <= now()).order_by(PullItemRow.id).limit(1)
            item = session.scalar(due)
            if item is not None:
                turn = update(PullRow).where(PullRow.id == pull.id)
                session.execute(turn.values(not_before=now()))  # then it is the turn of other pulls
                return item if attempts.begin(item) else None
            current = session.scalars(select(PullRow).where(PullRow.id == pull.id).with_for_update()).one()
            if current.state == "active" and not session.scalar(select(exists().where(*mine))):
                current.state, current.finished_at = "done", now()
                self.ended(session, current)
            return None

    def _carry_out(self, pull: PullRow, item: PullItemRow) -> None:
        try:
            with closing(self._source(pull)) as source:
                if item.series_uid:
                    self._fetch(pull, item, source)
                else:
                    self._look_up(pull, item, source)
        except KahuaError as error:
            self._fail(item, error)
        except Exception:  # the worker goes on, whatever a peer does to it; a person finds the trace in the log
            log.exception("pull failed", pull=pull.id, item=item.id)
            self._fail(item, Unavailable("Something unforeseen happened; the log of the worker tells what."))

    def _source(self, pull: PullRow) -> ImageSource:
        with self.database.read() as session:
            peer = peer_of_id(session, pull.project_id, pull.peer_id)
        if peer is None:
            raise NotFound("The peer was removed.")
        return self.source_of(peer)

    def _look_up(self, pull: PullRow, item: PullItemRow, source: ImageSource) -> None:
        """Find the series that a wish names, and want each of them."""
        wish = Wish(patient_id=item.patient_id, accession_number=item.accession_number, study_uid=item.study_uid)
        found = [series for study in source.find_studies(wish.query) for series in source.find_series(study.study_uid)]
        if not found:
            raise NotFound("The peer has nothing that matches.")
        with self.database.write() as session:
            for series in found:
                _want(session, pull, series)
            attempts.succeed(_again(session, item), f"{len(found)} series")

    def _fetch(self, pull: PullRow, item: PullItemRow, source: ImageSource) -> None:
        before = self._here(pull, item)
        self._expect(pull, item)
        if item.expected and before >= item.expected:
            self._finish(pull, item, None, "It was here already.")
            return
        intake = Intake(
            archive=self.archive,
            project_id=pull.project_id,
            study_uid=item.study_uid,
            series_uid=item.series_uid,
            origin=Origin(door="pull", sender=pull.peer_name, dataset=pull.dataset),
            go_on=lambda: self._require_active(pull),
        )
        try:
            intake.take_all(source)
        finally:
            self._note(pull, item, intake)
        came = intake.count or self._here(pull, item)  # C-MOVE brings its objects by the receiver
        if item.expected and came < item.expected:
            raise PeerUnavailable(f"{came} of {item.expected} instances came.")
        if not came:
            raise PeerUnavailable("The peer sent nothing.")
        self._finish(pull, item, intake, _told(intake))

    def _expect(self, pull: PullRow, item: PullItemRow) -> None:
        """Note that the objects come: they stay even if they had been let go of."""
        with self.database.write() as session:
            wanted = (SeriesSourceRow.study_uid == item.study_uid, SeriesSourceRow.series_uid == item.series_uid)
            sourced.expect(session, SeriesSourceRow.project_id == pull.project_id, *wanted)

    def _here(self, pull: PullRow, item: PullItemRow) -> int:
        with self.database.read() as session:
            return instances_of_series_here(session, pull.project_id, item.study_uid).get(item.series_uid, 0)

    def _require_active(self, pull: PullRow) -> None:
        with self.database.read() as session:
            state = session.scalar(select(PullRow.state).where(PullRow.id == pull.id))
        if state != "active":
            raise StateConflict("The pull was cancelled.")

    def _note(self, pull: PullRow, item: PullItemRow, intake: Intake) -> None:
        """Write down what came, and let the peer rest as long as the rate wants."""
        with self.database.write() as session:
            row = _again(session, item)
            row.received += intake.accepted
            row.duplicates, row.refused = intake.duplicates, intake.refusals.total()
            row.series_ids = sorted({*row.series_ids, *intake.series_ids})
            current = session.get_one(PullRow, pull.id)
            if pull.rate and intake.count:
                current.not_before = now() + timedelta(seconds=60 * intake.count / pull.rate)

    def _finish(self, pull: PullRow, item: PullItemRow, intake: Intake | None, note: str) -> None:
        with self.database.write() as session:
            row = _again(session, item)
            if row.state != "waiting":
                return
            if not row.series_ids:
                found = series_with_uid(session, pull.project_id, [item.series_uid])
                row.series_ids = sorted(series.id for series in found)
                if intake is not None:
                    row.received = sum(series.instance_count for series in found)
            sourced.note_source(session, pull, row)
            attempts.succeed(row, note)

    def _fail(self, item: PullItemRow, error: KahuaError) -> None:
        with self.database.write() as session:
            row = _again(session, item)
            if row.state == "waiting":
                attempts.fail(row, error)


def _again(session: Session, item: PullItemRow) -> PullItemRow:
    return session.scalars(select(PullItemRow).where(PullItemRow.id == item.id).with_for_update()).one()


def _want(session: Session, pull: PullRow, series: RemoteSeries) -> None:
    """Add a series to what a pull wants, once."""
    known = select(PullItemRow.id).where(
        PullItemRow.pull_id == pull.id,
        PullItemRow.study_uid == series.study_uid,
        PullItemRow.series_uid == series.series_uid,
    )
    if session.scalar(known) is None:
        session.add(
            PullItemRow(
                pull_id=pull.id,
                patient_id="",
                accession_number="",
                study_uid=series.study_uid,
                series_uid=series.series_uid,
                expected=series.instances,
                not_before=now(),
            )
        )
        session.flush()


def _told(intake: Intake) -> str:
    """Say why instances were refused."""
    return "; ".join(f"{count} refused: {reason}" for reason, count in intake.refusals.most_common(3))
