"""Carries deliveries out, one series after the other, de-identified where the peer wants that."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from kahua.dicom import Profile, read_file_meta, subject_of
from kahua.errors import KahuaError, PeerUnavailable, StateConflict, Unavailable
from kahua.logs import get_logger
from kahua.store.catalogue import find_series_row, instances_of
from kahua.store.confidentiality import Tally, add_report, instructions_of
from kahua.store.confidentiality.deidentifier import Deidentifier
from kahua.store.dimse.sender import Outgoing, Sent, outgoing
from kahua.store.objects import ObjectStore
from kahua.store.peers import Peer
from kahua.store.remote import attempts
from kahua.store.remote.carrier import Carrier
from kahua.store.remote.deliveries import DELIVERIES
from kahua.store.remote.orders import Orders
from kahua.store.remote.tables import DeliveryItemRow, DeliveryRow
from kahua.store.remote.target import ImageTarget
from kahua.store.tables import InstanceRow, StudyRow

log = get_logger()

#: Instances that are sent together: as many are on the disk at once while they are de-identified.
GROUP = 50

CHUNK_BYTES = 1 << 20

#: Failures that may be over the next time: the peer is out of resources (PS3.4 table B.2-1).
OUT_OF_RESOURCES = 0xA7


@dataclass
class Outcome:
    """What became of the instances of one series."""

    sent: int = 0
    failed: int = 0
    held_back: int = 0
    #: The last failure.
    status: int = 0
    comment: str = ""
    tally: Tally = field(default_factory=Tally)

    def note(self, sent: Sent) -> None:
        """Count an answer."""
        if sent.is_stored:
            self.sent += 1
        else:
            self.failed += 1
            self.status, self.comment = sent.status, sent.comment

    def told(self) -> str:
        """Say what did not go."""
        held = f"{self.held_back} were held back by de-identification." if self.held_back else ""
        said = f" ({self.comment})" if self.comment else ""
        failed = f"{self.failed} were refused with status {self.status:04X}H{said}. " if self.failed else ""
        return failed + held


@dataclass(frozen=True, kw_only=True)
class Deliverer(Carrier[DeliveryRow, DeliveryItemRow]):
    """Sends what deliveries want."""

    objects: ObjectStore
    staging: Path
    target_of: Callable[[Peer], ImageTarget]

    @property
    def orders(self) -> Orders[DeliveryRow, DeliveryItemRow]:
        """The deliveries of the site."""
        return DELIVERIES

    def carry_out(self, order: DeliveryRow, item: DeliveryItemRow) -> None:
        """Send a series."""
        outcome, error = Outcome(), None
        try:
            with closing(self.target_of(self._peer(order))) as target:
                self._send(order, item, target, outcome)
            if outcome.failed and outcome.status >> 8 == OUT_OF_RESOURCES:
                raise PeerUnavailable(outcome.told())
        except KahuaError as failure:
            error = failure
        except Exception:  # the worker goes on; a person finds the trace in the log
            log.exception("delivery failed", delivery=order.id, item=item.id)
            error = Unavailable("Something unforeseen happened; the log of the worker tells what.")
        self._note(order, item, outcome, error)

    def _peer(self, delivery: DeliveryRow) -> Peer:
        peer = self.peer_of(delivery)
        if peer.deidentify and delivery.profile is None:
            raise StateConflict("The peer takes only what is de-identified since this delivery was started.")
        return peer

    def _send(self, delivery: DeliveryRow, item: DeliveryItemRow, target: ImageTarget, outcome: Outcome) -> None:
        instances, subject = self._instances(delivery, item)
        if delivery.profile is None:
            self._send_groups((outgoing(self.objects, row) for row in instances), target, outcome, files=[])
            return
        with self.database.write() as session:  # the project's key may have to be made
            instructions = instructions_of(session, delivery.project_id, Profile(**delivery.profile))
        jobs = ((row, row.object_key, subject) for row in instances)
        files: list[Path] = []
        with Deidentifier(objects=self.objects, staging=self.staging, instructions=instructions) as deidentifier:
            self._send_groups(_treated(deidentifier, jobs, outcome, files), target, outcome, files=files)

    def _instances(self, delivery: DeliveryRow, item: DeliveryItemRow) -> tuple[Sequence[InstanceRow], str]:
        with self.database.read() as session:
            series = find_series_row(session, delivery.project_id, item.series_id)
            study = session.get_one(StudyRow, series.study_id)
            subject = subject_of(
                patient_id=study.patient_id,
                patient_name=study.patient_name,
                birth_date=study.patient_birth_date,
                study_uid=study.study_uid,
            )
            return instances_of(session, series), subject

    def _send_groups(
        self, instances: Iterator[Outgoing], target: ImageTarget, outcome: Outcome, *, files: list[Path]
    ) -> None:
        """Send instances; what was made for it goes when its group is answered, for some of it is sent twice."""
        while group := list(islice(instances, GROUP)):
            for sent in target.send(group):
                outcome.note(sent)
            while files:
                files.pop().unlink()

    def _note(self, delivery: DeliveryRow, item: DeliveryItemRow, outcome: Outcome, error: KahuaError | None) -> None:
        """Write down what went; what has gone is told even of an attempt that failed."""
        with self.database.write() as session:
            row = DELIVERIES.again(session, item)
            row.sent, row.failed, row.held_back = outcome.sent, outcome.failed, outcome.held_back
            if outcome.tally:
                add_report(
                    session,
                    delivery.project_id,
                    outcome.tally,
                    occasion="send",
                    subject=delivery.peer_name,
                    actor=delivery.created_by,
                )
            if row.state != "waiting":
                return
            if error is None and outcome.failed:
                error = StateConflict(outcome.told())
            if error is None:
                attempts.succeed(row, outcome.told())
            else:
                attempts.fail(row, error)


def _treated(
    deidentifier: Deidentifier, jobs: Iterator[tuple[InstanceRow, str, str]], outcome: Outcome, files: list[Path]
) -> Iterator[Outgoing]:
    """Give what may go, and note its files; what is held back is counted."""
    for _, treated in deidentifier.treat(jobs):
        if treated.path is None:
            outcome.held_back += 1
            outcome.tally.refuse(treated.refusal)
            continue
        outcome.tally.note(treated.changes)
        files.append(treated.path)
        yield _outgoing(treated.path)


def _outgoing(path: Path) -> Outgoing:
    with path.open("rb") as file:
        meta = read_file_meta(file)
    return Outgoing(
        sop_class_uid=meta.media_sop_class_uid,
        sop_instance_uid=meta.media_sop_instance_uid,
        transfer_syntax_uid=meta.transfer_syntax_uid,
        data=lambda: _pieces(path, meta.data_offset),
        file=lambda: nullcontext(path),
    )


def _pieces(path: Path, offset: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(offset)
        while piece := file.read(CHUNK_BYTES):
            yield piece
