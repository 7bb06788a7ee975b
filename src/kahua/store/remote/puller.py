"""Carries pulls out, one item after the other, as politely as each pull wants."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from kahua.database import now
from kahua.errors import KahuaError, NotFound, PeerUnavailable, StateConflict, Unavailable
from kahua.logs import get_logger
from kahua.store.catalogue import series_with_uid
from kahua.store.ingest.archive import Archive
from kahua.store.ingest.origin import Origin
from kahua.store.peers import Peer
from kahua.store.remote import attempts, sourced
from kahua.store.remote.carrier import Carrier
from kahua.store.remote.intake import Intake
from kahua.store.remote.orders import Orders
from kahua.store.remote.presence import instances_of_series_here
from kahua.store.remote.pulls import PULLS
from kahua.store.remote.source import ImageSource, RemoteSeries
from kahua.store.remote.tables import PullItemRow, PullRow, SeriesSourceRow
from kahua.store.remote.times import Times
from kahua.store.remote.wishes import Wish

log = get_logger()


@dataclass(frozen=True, kw_only=True)
class Puller(Carrier[PullRow, PullItemRow]):
    """Fetches what pulls want."""

    archive: Archive
    source_of: Callable[[Peer], ImageSource]
    times: Times = field(default_factory=Times)

    @property
    def orders(self) -> Orders[PullRow, PullItemRow]:
        """The pulls of the site."""
        return PULLS

    def may_begin(self, order: PullRow) -> bool:
        """Say whether a pull has one of its windows open."""
        return self.times.are_within(order.windows)

    def carry_out(self, order: PullRow, item: PullItemRow) -> None:
        """Look up what an item names, or fetch the series that it is."""
        try:
            with closing(self.source_of(self.peer_of(order))) as source:
                if item.series_uid:
                    self._fetch(order, item, source)
                else:
                    self._look_up(order, item, source)
        except KahuaError as error:
            self._fail(item, error)
        except Exception:  # the worker goes on, whatever a peer does to it; a person finds the trace in the log
            log.exception("pull failed", pull=order.id, item=item.id)
            self._fail(item, Unavailable("Something unforeseen happened; the log of the worker tells what."))

    def _look_up(self, pull: PullRow, item: PullItemRow, source: ImageSource) -> None:
        """Find the series that a wish names, and want each of them."""
        wish = Wish(patient_id=item.patient_id, accession_number=item.accession_number, study_uid=item.study_uid)
        found = [series for study in source.find_studies(wish.query) for series in source.find_series(study.study_uid)]
        if not found:
            raise NotFound("The peer has nothing that matches.")
        with self.database.write() as session:
            for series in found:
                _want(session, pull, series)
            attempts.succeed(PULLS.again(session, item), f"{len(found)} series")

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
            row = PULLS.again(session, item)
            row.received += intake.accepted
            row.duplicates, row.refused = intake.duplicates, intake.refusals.total()
            row.series_ids = sorted({*row.series_ids, *intake.series_ids})
            current = session.get_one(PullRow, pull.id)
            if pull.rate and intake.count:
                current.not_before = now() + timedelta(seconds=60 * intake.count / pull.rate)

    def _finish(self, pull: PullRow, item: PullItemRow, intake: Intake | None, note: str) -> None:
        with self.database.write() as session:
            row = PULLS.again(session, item)
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
            row = PULLS.again(session, item)
            if row.state == "waiting":
                attempts.fail(row, error)


def _want(session: Session, pull: PullRow, series: RemoteSeries) -> None:
    """Add a series to what a pull wants, once."""
    known = select(PullItemRow.id).where(
        PullItemRow.order_id == pull.id,
        PullItemRow.study_uid == series.study_uid,
        PullItemRow.series_uid == series.series_uid,
    )
    if session.scalar(known) is None:
        session.add(
            PullItemRow(
                order_id=pull.id,
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
