"""What the receiver does for a peer: C-ECHO, C-STORE, C-FIND, C-MOVE, C-GET, storage commitment (PS3.7)."""

from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from ssl import SSLContext

from kahua.errors import (
    DicomRefused,
    InvalidInput,
    KahuaError,
    MisdeclaredDicom,
    MissingAttribute,
    TooMuch,
    Unavailable,
)
from kahua.logs import get_logger
from kahua.store.dimse import commitments
from kahua.store.dimse.association import Association, Ended
from kahua.store.dimse.commands import (
    RESPONSE,
    Command,
    CommandField,
    Originator,
    Response,
    Status,
    encode_response,
)
from kahua.store.dimse.commitment import PUSH_MODEL, REQUEST_COMMITMENT, read_request
from kahua.store.dimse.extended import rules_of
from kahua.store.dimse.finding import answer_find
from kahua.store.dimse.identifier import MAX_BYTES
from kahua.store.dimse.inbox import Inbox
from kahua.store.dimse.message import Context
from kahua.store.dimse.models import FIND, GET, MOVE
from kahua.store.dimse.negotiation import SERVICES
from kahua.store.dimse.requestor import Destination
from kahua.store.dimse.retrieving import SubOperations, answer_retrieval, give_back, move_to, wanted_by
from kahua.store.dimse.routes import Route
from kahua.store.dimse.sender import MAX_MESSAGE_ID, Outgoing, Rewriter, Sent
from kahua.store.ingest.archive import Archive
from kahua.store.ingest.origin import Origin

log = get_logger()


@dataclass
class Tally:
    """What an association brought."""

    stored: int = 0
    duplicates: int = 0
    refused: int = 0
    sent: int = 0

    def as_dict(self) -> dict[str, int]:
        """Give the numbers by name."""
        return asdict(self)


class Services:
    """Answers the requests of one association."""

    def __init__(
        self,
        archive: Archive,
        *,
        route: Route,
        called: str,
        calling: str,
        security: SSLContext | None = None,
        rewriter: Rewriter | None = None,
    ) -> None:
        self._archive = archive
        self._route = route
        self._called = called
        self._origin = Origin(door="dimse", sender=calling, dataset=route.dataset)
        self._security = security
        self._rewriter = rewriter
        self.tally = Tally()
        #: Ids of commitments whose reports were sent on this association and not yet answered, by Message ID.
        self._reports: dict[int, str] = {}
        self._next_report = 0

    @property
    def calling(self) -> str:
        """AE title of the sender."""
        return self._origin.sender

    @property
    def route(self) -> Route:
        """What the peer may do."""
        return self._route

    def answer(self, command: Command, context: Context, inbox: Inbox, association: Association) -> None:
        """Do what a request asks for, and answer.

        Raises
        ------
        Ended
            The association ended.
        """
        match command.field:
            case CommandField.C_ECHO_RQ:
                association.send(context, encode_response(command, Status.SUCCESS))
            case CommandField.C_STORE_RQ if context.abstract_syntax not in SERVICES:
                association.send(context, self._take_instance(command, context, inbox))
            case CommandField.C_FIND_RQ if context.abstract_syntax in FIND:
                self._answer_query(command, context, inbox, association)
            case CommandField.C_MOVE_RQ if context.abstract_syntax in MOVE:
                self._answer_query(command, context, inbox, association)
            case CommandField.C_GET_RQ if context.abstract_syntax in GET:
                self._answer_query(command, context, inbox, association)
            case CommandField.N_ACTION_RQ if context.abstract_syntax == PUSH_MODEL:
                self._commit(command, context, inbox, association)
            case _:
                association.send(context, encode_response(command, Status.UNRECOGNIZED_OPERATION))

    def take(self, response: Response) -> bool:
        """Take a message that is no request; return whether it may come at this time."""
        if response.field == CommandField.C_CANCEL_RQ:  # for what has ended in the meantime
            return True
        commitment = self._reports.pop(response.message_id, None)
        if response.field != CommandField.N_EVENT_REPORT_RQ | RESPONSE or commitment is None:
            return False
        if response.status == Status.SUCCESS and commitment:
            self._mark_delivered(commitment)
        return True

    def _mark_delivered(self, commitment: str) -> None:
        try:
            commitments.mark_delivered(self._archive.database, commitment)
        except Unavailable as error:  # the peer hears of it a second time
            log.warning("commitment not noted as reported", commitment=commitment, code=error.code)

    def _commit(self, command: Command, context: Context, inbox: Inbox, association: Association) -> None:
        """Take a request for storage commitment, durably, and report on it: the peer may wait for that or not."""
        try:
            if command.action_type != REQUEST_COMMITMENT:
                return association.send(context, encode_response(command, Status.NO_SUCH_ACTION))
            request = read_request(b"".join(inbox.finish().chunks()), context.transfer_syntax)
            database, objects, project = self._archive.database, self._archive.objects, self._route.project_id
            commitment = ""
            if self._route.peer:  # of others nobody knows where they listen: they are told now, or not at all
                titles = {"called": self._called, "calling": self.calling}
                commitment = commitments.ask(database, project_id=project, request=request, **titles)
            report = commitments.report_on(database, objects, project, request, ae_title=self._called)
        except KahuaError as error:
            log.info("commitment refused", code=error.code, calling=self.calling)
            return association.send(context, encode_response(command, commitment_status_of(error), error.message))
        except Exception:  # the outermost edge: the peer must have an answer, and a person the trace
            log.exception("commitment failed", calling=self.calling)
            return association.send(context, encode_response(command, Status.PROCESSING_FAILURE))
        association.send(context, encode_response(command, Status.SUCCESS))
        message_id = self._next_report = self._next_report % MAX_MESSAGE_ID + 1
        self._reports[message_id] = commitment
        return commitments.send_report(association, context, report, message_id)

    def _answer_query(self, command: Command, context: Context, inbox: Inbox, association: Association) -> None:
        """Query or retrieve; whatever is wrong with the request is answered."""
        try:
            if command.sop_class_uid != context.abstract_syntax:
                raise InvalidInput("The SOP class is not that of the presentation context.")
            data = _identifier(inbox)
            if command.field == CommandField.C_FIND_RQ:
                self._find(command, context, data, association)
            else:
                self._retrieve(command, context, data, association)
        except Ended:
            raise
        except KahuaError as error:
            log.info("query refused", code=error.code, calling=self.calling)
            status = query_status_of(error, retrieves=command.field != CommandField.C_FIND_RQ)
            association.send(context, encode_response(command, status, error.message))
        except Exception:  # the outermost edge: the peer must have an answer, and a person the trace
            log.exception("query failed", calling=self.calling)
            association.send(context, encode_response(command, Status.CANNOT_UNDERSTAND))

    def _find(self, command: Command, context: Context, data: bytes, association: Association) -> None:
        answer_find(
            self._archive,
            self._route.project_id,
            association,
            context,
            command,
            data,
            ae_title=self._called,
            rules=rules_of(association.extended.get(context.abstract_syntax)),
        )

    def _retrieve(self, command: Command, context: Context, data: bytes, association: Association) -> None:
        destination = None
        if command.field == CommandField.C_MOVE_RQ:
            destination = self._route.destination(command.move_destination)
            if destination is None:
                comment = "The move destination is no peer to which the project sends."
                return association.send(context, encode_response(command, Status.MOVE_DESTINATION_UNKNOWN, comment))
        elif not self._route.may_get:
            comment = "This peer gets nothing that is not de-identified."
            return association.send(context, encode_response(command, Status.NOT_AUTHORIZED, comment))
        database, objects = self._archive.database, self._archive.objects
        project, syntax = self._route.project_id, context.transfer_syntax
        wanted = wanted_by(database, objects, project, command, data, syntax)
        receiver = destination.ae_title if destination else self.calling
        self._route.retrieves(receiver, wanted.series, len(wanted.instances))
        results = self._sub_operations(command, wanted.instances, destination, association)
        tally = SubOperations(remaining=len(wanted.instances))
        try:
            answer_retrieval(association, context, command, tally, results)
        finally:
            self.tally.sent += tally.sent
            self._note_retrieval(receiver, tally)
        return None

    def _note_retrieval(self, receiver: str, tally: SubOperations) -> None:
        """Say what became of a retrieval, which is over: the peer has had the last word on it."""
        sent, failed = tally.sent, len(tally.failed)
        try:
            self._route.retrieved(receiver, sent, failed)
        except Unavailable as error:
            log.warning("retrieval not noted", receiver=receiver, sent=sent, failed=failed, code=error.code)

    def _sub_operations(
        self, command: Command, instances: Sequence[Outgoing], destination: Destination | None, association: Association
    ) -> Generator[Sent]:
        if destination is None:
            return give_back(association, instances, rewriter=self._rewriter)
        return move_to(
            destination,
            instances,
            calling=self._called,
            originator=Originator(ae_title=self.calling, message_id=command.message_id),
            security=self._security,
            rewriter=self._rewriter,
        )

    def _take_instance(self, command: Command, context: Context, inbox: Inbox) -> bytes:
        if command.sop_class_uid != context.abstract_syntax:
            return encode_response(
                command, Status.SOP_CLASS_NOT_SUPPORTED, "The SOP class is not that of the presentation context."
            )
        if not self._route.may_store:
            return encode_response(command, Status.NOT_AUTHORIZED, "This peer may not store.")
        if not command.has_data_set:
            return encode_response(command, Status.CANNOT_UNDERSTAND, "The request has no data set.")
        return self._store(command, context.transfer_syntax, inbox)

    def _store(self, command: Command, transfer_syntax: str, inbox: Inbox) -> bytes:
        try:
            accepted = self._archive.store_dataset(
                self._route.project_id,
                sop_class_uid=command.sop_class_uid,
                sop_instance_uid=command.sop_instance_uid,
                transfer_syntax_uid=transfer_syntax,
                data=inbox.finish(),
                origin=self._origin,
            )
        except KahuaError as error:
            self.tally.refused += 1
            log.info("instance refused", code=error.code, calling=self._origin.sender)
            return encode_response(command, status_of(error), error.message)
        except Exception:  # the outermost edge: the sender must have an answer, and a person the trace
            self.tally.refused += 1
            log.exception("instance not stored", calling=self._origin.sender)
            return encode_response(command, Status.PROCESSING_FAILURE)
        self.tally.stored += not accepted.duplicate
        self.tally.duplicates += accepted.duplicate
        return encode_response(command, Status.SUCCESS)


def status_of(error: KahuaError) -> Status:
    """Say to the sender what an error is in the words of DICOM."""
    match error:
        case MisdeclaredDicom() | MissingAttribute():
            return Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS
        case DicomRefused():
            return Status.CANNOT_UNDERSTAND
        case Unavailable():
            return Status.OUT_OF_RESOURCES
        case _:
            return Status.PROCESSING_FAILURE


def query_status_of(error: KahuaError, *, retrieves: bool) -> Status:
    """Say what is wrong with a query or retrieval (PS3.4 tables C.4-1 to C.4-3)."""
    match error:
        case InvalidInput():
            return Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS
        case TooMuch() if retrieves:
            return Status.UNABLE_TO_PERFORM_SUB_OPERATIONS
        case Unavailable() if retrieves:
            return Status.UNABLE_TO_CALCULATE_MATCHES
        case TooMuch() | Unavailable():
            return Status.OUT_OF_RESOURCES
        case _:
            return Status.CANNOT_UNDERSTAND


def commitment_status_of(error: KahuaError) -> Status:
    """Say what is wrong with a request for storage commitment (PS3.4 J.3.2, PS3.7 section 10.1.4.1.10)."""
    match error:
        case InvalidInput():
            return Status.INVALID_ARGUMENT_VALUE
        case Unavailable():
            return Status.RESOURCE_LIMITATION
        case _:
            return Status.PROCESSING_FAILURE


def _identifier(inbox: Inbox) -> bytes:
    if inbox.received > MAX_BYTES:
        raise InvalidInput("The identifier is longer than this site reads.")
    return b"".join(inbox.finish().chunks())
