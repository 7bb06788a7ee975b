"""What the receiver does for a sender: C-ECHO and C-STORE (PS3.7 section 9)."""

from dataclasses import asdict, dataclass

from kahua.errors import DicomRefused, KahuaError, MisdeclaredDicom, MissingAttribute, Unavailable
from kahua.logs import get_logger
from kahua.store.dimse.association import Association
from kahua.store.dimse.commands import Command, CommandField, Response, Status, encode_response
from kahua.store.dimse.inbox import Inbox
from kahua.store.dimse.message import Context
from kahua.store.dimse.negotiation import VERIFICATION
from kahua.store.dimse.routes import Route
from kahua.store.ingest import Archive
from kahua.store.origin import Origin

log = get_logger()


@dataclass
class Tally:
    """What an association brought."""

    stored: int = 0
    duplicates: int = 0
    refused: int = 0

    def as_dict(self) -> dict[str, int]:
        """Give the numbers by name."""
        return asdict(self)


class Services:
    """Answers the requests of one association."""

    def __init__(self, archive: Archive, *, route: Route, calling: str) -> None:
        self._archive = archive
        self._route = route
        self._origin = Origin(door="dimse", sender=calling, dataset=route.dataset)
        self.tally = Tally()

    @property
    def calling(self) -> str:
        """AE title of the sender."""
        return self._origin.sender

    def answer(self, command: Command, context: Context, inbox: Inbox, association: Association) -> None:
        """Do what a request asks for, and answer."""
        if command.field == CommandField.C_ECHO_RQ:
            response = encode_response(command, Status.SUCCESS)
        elif command.field != CommandField.C_STORE_RQ or context.abstract_syntax == VERIFICATION:
            response = encode_response(command, Status.UNRECOGNIZED_OPERATION)
        else:
            response = self._take_instance(command, context, inbox)
        association.send(context, response)

    def take(self, response: Response) -> bool:
        """Take a message that is no request; return whether it may come at this time."""
        return response.field == CommandField.C_CANCEL_RQ  # for what has ended in the meantime

    def _take_instance(self, command: Command, context: Context, inbox: Inbox) -> bytes:
        if command.sop_class_uid != context.abstract_syntax:
            return encode_response(
                command, Status.SOP_CLASS_NOT_SUPPORTED, "The SOP class is not that of the presentation context."
            )
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
