"""C-MOVE and C-GET as service class provider (PS3.4 C.4.2, C.4.3)."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any, Final

from sqlalchemy import ColumnElement, select

from kahua.database import Database
from kahua.errors import InvalidInput, KahuaError, TooMuch
from kahua.logs import get_logger
from kahua.store.dimse.association import Association, Ended
from kahua.store.dimse.commands import Command, Originator, Progress, Status, encode_response
from kahua.store.dimse.identifier import Identifier, read_identifier, write_uids
from kahua.store.dimse.message import Context
from kahua.store.dimse.models import LEVELS, PATIENT_ROOT, check_level
from kahua.store.dimse.requestor import Destination
from kahua.store.dimse.sender import MAX_MESSAGE_ID, Outgoing, Rewriter, Sent, offer, outgoing, send
from kahua.store.dimse.states import Event
from kahua.store.objects import ObjectStore
from kahua.store.tables import InstanceRow, SeriesRow, StudyRow

log = get_logger()

#: Most instances of one retrieval.
MAX_INSTANCES = 100_000

#: Most UIDs in one key, and of those that are named when they could not be sent (a value has 64 KB).
MAX_UIDS = 500
MAX_FAILED_UIDS = 1000

FAILED_UIDS: Final = 0x00080058
_PATIENT_ID: Final = 0x00100020
_KEYS: Final[Mapping[str, tuple[int, Any]]] = {
    "PATIENT": (_PATIENT_ID, StudyRow.patient_id),
    "STUDY": (0x0020000D, StudyRow.study_uid),
    "SERIES": (0x0020000E, SeriesRow.series_uid),
    "IMAGE": (0x00080018, InstanceRow.sop_instance_uid),
}


@dataclass
class SubOperations:
    """How far the sub-operations are."""

    remaining: int
    completed: int = 0
    warning: int = 0
    #: SOP Instance UIDs of those that failed, and why the last one did.
    failed: list[str] = field(default_factory=list)
    reason: str = ""

    def count(self, sent: Sent) -> None:
        """Count one that ended."""
        self.remaining -= 1
        if sent.is_warning:
            self.warning += 1
        elif sent.is_stored:
            self.completed += 1
        else:
            self.failed.append(sent.instance.sop_instance_uid)
            self.reason = sent.comment

    @property
    def sent(self) -> int:
        """Number of those that arrived."""
        return self.completed + self.warning

    @property
    def progress(self) -> Progress:
        """The numbers as they are told."""
        return Progress(
            remaining=self.remaining, completed=self.completed, failed=len(self.failed), warning=self.warning
        )

    @property
    def status(self) -> Status:
        """What became of them all."""
        if self.failed and not self.sent:
            return Status.UNABLE_TO_PERFORM_SUB_OPERATIONS
        return Status.SUB_OPERATIONS_WITH_FAILURES if self.failed or self.warning else Status.SUCCESS


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a retrieval names."""

    instances: Sequence[Outgoing]
    #: Ids of the series to which they belong.
    series: Sequence[str]


def wanted_by(
    database: Database, objects: ObjectStore, project_id: str, command: Command, data: bytes, transfer_syntax: str
) -> Wanted:
    """Find what a retrieval names, in this project only.

    Raises
    ------
    InvalidInput
        The identifier cannot be read, or lacks the unique key of its level.
    TooMuch
        It names more than is sent at once.
    """
    asked = read_identifier(data, transfer_syntax)
    check_level(asked.level, patient_root=command.sop_class_uid in PATIENT_ROOT)
    statement = (
        select(InstanceRow)
        .join(SeriesRow, InstanceRow.series_id == SeriesRow.id)
        .join(StudyRow, SeriesRow.study_id == StudyRow.id)
        .where(StudyRow.project_id == project_id, *_conditions(asked))
        .order_by(SeriesRow.id, InstanceRow.instance_number, InstanceRow.id)
        .limit(MAX_INSTANCES + 1)
    )
    instances: list[Outgoing] = []
    series: dict[str, None] = {}
    with database.read() as session:
        for row in session.scalars(statement.execution_options(yield_per=1000)):
            instances.append(outgoing(objects, row))
            series[row.series_id] = None
    if len(instances) > MAX_INSTANCES:
        raise TooMuch(f"Over {MAX_INSTANCES} instances: ask for less.")
    return Wanted(instances=instances, series=list(series))


def answer_retrieval(
    association: Association,
    context: Context,
    command: Command,
    tally: SubOperations,
    results: Generator[Sent],
) -> None:
    """Tell of each sub-operation, and in the end of all of them.

    Parameters
    ----------
    tally
        Counts how far they come.
    results
        Carries out one sub-operation a step; closed when no more is wanted.

    Raises
    ------
    Ended
        The association of the request ended.
    """
    with closing(results):
        for sent in results:
            tally.count(sent)
            if association.is_cancelled(command.message_id):
                return _tell_end(association, context, command, tally, Status.CANCELLED)
            if tally.remaining:
                association.send(context, encode_response(command, Status.PENDING, progress=tally.progress))
    return _tell_end(association, context, command, tally, tally.status)


def move_to(
    destination: Destination,
    instances: Sequence[Outgoing],
    *,
    calling: str,
    originator: Originator,
    security: SSLContext | None,
    rewriter: Rewriter | None,
) -> Generator[Sent]:
    """Send instances to another application; if it is lost, or an object breaks off, all that is left has failed."""
    steps = send(destination, instances, calling=calling, originator=originator, security=security, rewriter=rewriter)
    done = 0
    with closing(steps):
        try:
            for sent in steps:
                done += 1
                yield sent
        except KahuaError as error:
            log.warning("C-MOVE broken off", destination=destination.ae_title, reason=error.message)
            for instance in instances[done:]:
                yield Sent(instance=instance, status=Status.PROCESSING_FAILURE, comment=error.message)


def give_back(association: Association, instances: Sequence[Outgoing], *, rewriter: Rewriter | None) -> Generator[Sent]:
    """Send instances over the association on which they were asked for, where the peer plays the provider.

    Raises
    ------
    Ended
        The association ended; an object that breaks off leaves half a message, after which nothing can be said.
    """
    contexts = [
        context
        for context in association.contexts.values()
        if (role := association.roles.get(context.abstract_syntax)) is not None and role.provider
    ]
    for number, instance in enumerate(instances):
        message_id = 1 + number % MAX_MESSAGE_ID
        try:
            sent = offer(association, contexts, instance, message_id=message_id, rewriter=rewriter)
        except KahuaError as error:
            log.warning("C-GET broken off", reason=error.message)
            raise Ended(Event.ABORT) from error
        yield sent


def _conditions(asked: Identifier) -> list[ColumnElement[bool]]:
    """Turn the unique keys of the level, and those above it, into conditions."""
    conditions = []
    for level in LEVELS[: LEVELS.index(asked.level) + 1]:
        tag, column = _KEYS[level]
        values = (asked.keys.get(tag, ""),) if level == "PATIENT" else asked.uids(tag)
        if any(values):
            conditions.append(_among(level, column, values))
        elif level == asked.level:
            raise InvalidInput(f"The identifier lacks the unique key of the level {level}.")
    return conditions


def _among(level: str, column: Any, values: Sequence[str]) -> ColumnElement[bool]:
    if len(values) > MAX_UIDS:
        raise InvalidInput(f"The key of the level {level} lists more than {MAX_UIDS} UIDs.")
    if any("\0" in value for value in values):
        raise InvalidInput(f"The key of the level {level} holds a character that no value has.")
    among: ColumnElement[bool] = column.in_(values)
    return among


def _tell_end(
    association: Association, context: Context, command: Command, tally: SubOperations, status: Status
) -> None:
    failed = tally.failed[:MAX_FAILED_UIDS]
    response = encode_response(command, status, tally.reason, progress=tally.progress, has_data_set=bool(failed))
    data = [write_uids(FAILED_UIDS, failed, context.transfer_syntax)] if failed else None
    association.send(context, response, data)
