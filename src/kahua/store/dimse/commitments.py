"""Commitments that were asked for: kept until their report was delivered (PS3.4 annex J).

To what was de-identified on arrival nobody is committed: who deletes the original because of that would lose it.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from ssl import SSLContext

from sqlalchemy import delete, select, update

from kahua.database import Database, now
from kahua.errors import KahuaError, PeerUnavailable
from kahua.logs import get_logger
from kahua.store.confidentiality import policy_of
from kahua.store.dimse.association import Association
from kahua.store.dimse.commands import CommandField, Status, encode_event_report
from kahua.store.dimse.commitment import (
    PUSH_MODEL,
    PUSH_MODEL_INSTANCE,
    CommitmentReport,
    CommitmentRequest,
    FailureReason,
    Item,
    write_report,
)
from kahua.store.dimse.message import Context
from kahua.store.dimse.negotiation import IDENTIFIER_SYNTAXES
from kahua.store.dimse.pdu import ProposedContext, Role
from kahua.store.dimse.requestor import Destination, associate
from kahua.store.objects import ObjectStore
from kahua.store.tables import CommitmentRow, InstanceRow

log = get_logger()

#: How long the association on which commitment was asked for has for taking the report; then another one is tried.
SAME_ASSOCIATION = timedelta(seconds=20)

#: Pause before the next try after the first failure; it doubles up to the longest.
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)

#: A report that could not be delivered for this long is given up.
PATIENCE = timedelta(days=7)

#: What is done with is kept this long, for whoever looks into what happened.
KEPT = timedelta(days=30)

#: Rows looked at in one round, and UIDs in one statement.
BATCH = 20
UIDS = 500

#: Finds where a peer listens, by project and AE title.
Directory = Callable[[str, str], Destination | None]


def ask(database: Database, *, project_id: str, called: str, calling: str, request: CommitmentRequest) -> str:
    """Keep a request durably; return its id.

    A project that de-identifies what arrives keeps none, for it names originals: the id is then empty.
    """
    with database.read() as session:
        if policy_of(session, project_id).on_arrival:
            return ""
    moment = now()
    row = CommitmentRow(
        project_id=project_id,
        transaction_uid=request.transaction_uid,
        called=called,
        calling=calling,
        items=[[item.sop_class_uid, item.sop_instance_uid] for item in request.items],
        created_at=moment,
        not_before=moment + SAME_ASSOCIATION,
    )
    with database.write() as session:
        session.add(row)
        session.flush()
        return row.id


def mark_delivered(database: Database, commitment_id: str) -> None:
    """Note that the peer has taken the report; which instances it was about is no longer needed."""
    done: dict[str, object] = {"delivered_at": now(), "not_before": None, "items": []}
    with database.write() as session:
        session.execute(update(CommitmentRow).where(CommitmentRow.id == commitment_id).values(done))


def forget_old(database: Database) -> None:
    """Delete what was delivered or given up a while ago."""
    with database.write() as session:
        session.execute(
            delete(CommitmentRow).where(CommitmentRow.not_before.is_(None), CommitmentRow.created_at < now() - KEPT)
        )


def report_on(
    database: Database, objects: ObjectStore, project_id: str, request: CommitmentRequest, *, ae_title: str
) -> CommitmentReport:
    """Look up what is really in the archive of a project: row and object, under the SOP class that was named."""
    held: dict[str, tuple[str, str]] = {}
    with database.read() as session:
        for start in range(0, len(request.items), UIDS):
            uids = [item.sop_instance_uid for item in request.items[start : start + UIDS]]
            found = select(InstanceRow.sop_instance_uid, InstanceRow.sop_class_uid, InstanceRow.object_key).where(
                InstanceRow.project_id == project_id, InstanceRow.sop_instance_uid.in_(uids)
            )
            held.update({uid: (sop_class, key) for uid, sop_class, key in session.execute(found)})
    committed, failed = [], []
    for item in request.items:
        reason = _reason_against(item, held.get(item.sop_instance_uid), objects)
        if reason is None:
            committed.append(item)
        else:
            failed.append((item, reason))
    return CommitmentReport(
        transaction_uid=request.transaction_uid, ae_title=ae_title, committed=committed, failed=failed
    )


def send_report(association: Association, context: Context, report: CommitmentReport, message_id: int) -> None:
    """Send an N-EVENT-REPORT; its response is for the caller to wait for.

    Raises
    ------
    Ended
        The association ended.
    """
    association.send(context, _command(report, message_id), [write_report(report, context.transfer_syntax)])


class Reporter:
    """Delivers the reports that were not taken on the association on which they were asked for."""

    def __init__(
        self, database: Database, objects: ObjectStore, directory: Directory, *, security: SSLContext | None
    ) -> None:
        self._database = database
        self._objects = objects
        self._directory = directory
        self._security = security

    def report_due(self) -> int:
        """Try every report that is due; return how many were delivered."""
        with self._database.read() as session:
            due = session.scalars(
                select(CommitmentRow.id)
                .where(CommitmentRow.not_before <= now())
                .order_by(CommitmentRow.not_before)
                .limit(BATCH)
            ).all()
        return sum(self._report_claimed(commitment_id) for commitment_id in due)

    def _report_claimed(self, commitment_id: str) -> bool:
        """Deliver a report, unless another process does so at this moment or has done it meanwhile."""
        with self._database.claim(f"commitment {commitment_id}") as claim:
            if not claim.is_held:
                return False
            with self._database.read() as session:
                row = session.get(CommitmentRow, commitment_id)
                if row is None or row.not_before is None or row.not_before > now():
                    return False
            try:
                self._deliver(row)
            except KahuaError as error:
                self._postpone(row, error.message)
                return False
            mark_delivered(self._database, commitment_id)
            return True

    def _deliver(self, row: CommitmentRow) -> None:
        destination = self._directory(row.project_id, row.calling)
        if destination is None:
            raise PeerUnavailable(f"{row.calling} is no peer of the project: nobody knows where it listens.")
        items = tuple(Item(sop_class_uid=sop_class, sop_instance_uid=uid) for sop_class, uid in row.items)
        request = CommitmentRequest(transaction_uid=row.transaction_uid, items=items)
        report = report_on(self._database, self._objects, row.project_id, request, ae_title=row.called)
        contexts = _contexts()
        roles = [Role(sop_class_uid=PUSH_MODEL, user=False, provider=True)]
        with associate(
            destination, calling=row.called, contexts=contexts, roles=roles, security=self._security
        ) as association:
            context = next(iter(association.contexts.values()), None)
            if context is None:
                raise PeerUnavailable(f"{destination} does not take reports of storage commitment.")
            data = [write_report(report, context.transfer_syntax)]
            response = association.ask(context, _command(report, 1), data, field=CommandField.N_EVENT_REPORT_RQ)
        if response.status != Status.SUCCESS:
            raise PeerUnavailable(f"{destination} refuses the report with status {response.status:04X}H.")

    def _postpone(self, row: CommitmentRow, reason: str) -> None:
        moment = now()
        pause = min(FIRST_PAUSE * 2 ** min(row.attempts, 20), LONGEST_PAUSE)
        gives_up = moment - row.created_at > PATIENCE
        log.warning("commitment not reported", commitment=row.id, reason=reason, gives_up=gives_up)
        tried = {"attempts": row.attempts + 1, "error": reason[:500]}
        next_time: dict[str, object] = {"not_before": None, "items": []} if gives_up else {"not_before": moment + pause}
        with self._database.write() as session:
            session.execute(update(CommitmentRow).where(CommitmentRow.id == row.id).values(tried | next_time))


def _reason_against(item: Item, held: tuple[str, str] | None, objects: ObjectStore) -> FailureReason | None:
    if held is None or not objects.exists(held[1]):
        return FailureReason.NO_SUCH_INSTANCE
    return None if held[0] == item.sop_class_uid else FailureReason.CLASS_INSTANCE_CONFLICT


def _command(report: CommitmentReport, message_id: int) -> bytes:
    return encode_event_report(
        message_id,
        sop_class_uid=PUSH_MODEL,
        sop_instance_uid=PUSH_MODEL_INSTANCE,
        event_type=report.event_type,
    )


def _contexts() -> Sequence[ProposedContext]:
    return [ProposedContext(id=1, abstract_syntax=PUSH_MODEL, transfer_syntaxes=tuple(sorted(IDENTIFIER_SYNTAXES)))]
