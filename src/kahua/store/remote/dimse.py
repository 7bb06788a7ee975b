"""A PACS that is asked by DIMSE: C-ECHO, C-FIND, C-GET and C-MOVE as client (PS3.4 annexes A, C; PS3.7 section 9)."""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from kahua.dicom import transfer_syntaxes
from kahua.errors import NotFound, PeerUnavailable
from kahua.store.dimse.association import Ended, Terms
from kahua.store.dimse.commands import (
    Command,
    CommandField,
    Response,
    Status,
    encode_cancel_request,
    encode_echo_request,
    encode_query_request,
    encode_response,
)
from kahua.store.dimse.message import Context, Sink
from kahua.store.dimse.negotiation import VERIFICATION
from kahua.store.dimse.pdu import MAX_CONTEXTS, ProposedContext, Role
from kahua.store.dimse.requestor import TERMS, Destination, RequestedAssociation, associate
from kahua.store.ingest.limits import Limits
from kahua.store.remote.answers import series_of, study_of, text_of
from kahua.store.remote.identifiers import read_answer, write_identifier
from kahua.store.remote.sinks import FileSink, MemorySink
from kahua.store.remote.source import MAX_SERIES, MAX_STUDIES, RemoteSeries, RemoteStudy, StudyQuery, require_uid

#: Study Root Query/Retrieve Information Model (PS3.4 C.6.2).
FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"
MOVE: Final = "1.2.840.10008.5.1.4.1.2.2.2"
GET: Final = "1.2.840.10008.5.1.4.1.2.2.3"

#: Keys of studies by condition; all of them are returned.
KEYS: Final = {
    "patient_id": 0x00100020,
    "patient_name": 0x00100010,
    "accession_number": 0x00080050,
    "study_uid": 0x0020000D,
    "study_date": 0x00080020,
    "modality": 0x00080061,
    "description": 0x00081030,
}
STUDY_KEYS: Final = (*KEYS.values(), 0x00100030, 0x00201206, 0x00201208)
SERIES_KEYS: Final = (0x0020000E, 0x00080060, 0x00200011, 0x0008103E, 0x00201209)
STUDY_UID, SERIES_UID, SOP_CLASS_UID, SOP_INSTANCE_UID = 0x0020000D, 0x0020000E, 0x00080016, 0x00080018

#: Most instances of one series.
MAX_INSTANCES: Final = 100_000

#: Most studies whose series are asked for, because the peer does not say which modalities they have.
MAX_UNTOLD: Final = 50

#: Most messages of a retrieval: an object, and a response that more are to come, for each instance.
MAX_MESSAGES: Final = 2 * MAX_INSTANCES + 1

#: How long a question may take in all.
QUESTION: Final = replace(TERMS, total_seconds=300.0)

#: A peer from which is retrieved may be silent for some minutes: it may have to fetch from slow storage first.
RETRIEVAL: Final = replace(TERMS, idle_seconds=300.0, total_seconds=4 * 3600.0)

#: How long answers are passed over that come after a question was cancelled, in seconds.
CANCEL_SECONDS: Final = 2.0

#: More answers may come.
PENDING: Final = (Status.PENDING, Status.PENDING_WITH_UNSUPPORTED_KEYS)

#: Message ID of the one request of an association.
REQUEST: Final = 1

#: Encodings in which C-GET takes objects, as they are stored if the peer has them so; the plain ones come last.
SYNTAXES: Final = (
    transfer_syntaxes.JPEG_BASELINE,
    transfer_syntaxes.JPEG_EXTENDED,
    transfer_syntaxes.JPEG_LOSSLESS_SV1,
    transfer_syntaxes.JPEG_LS_LOSSLESS,
    transfer_syntaxes.JPEG_LS_NEAR_LOSSLESS,
    transfer_syntaxes.JPEG_2000_LOSSLESS,
    transfer_syntaxes.JPEG_2000,
    transfer_syntaxes.HTJ2K_LOSSLESS,
    transfer_syntaxes.RLE_LOSSLESS,
    transfer_syntaxes.DEFLATED_EXPLICIT_LITTLE_ENDIAN,
    transfer_syntaxes.EXPLICIT_LITTLE_ENDIAN,
    transfer_syntaxes.IMPLICIT_LITTLE_ENDIAN,
)


@dataclass(frozen=True, kw_only=True)
class DimseSource:
    """An `ImageSource` over DIMSE."""

    destination: Destination
    #: AE title of this site.
    calling: str
    #: AE title to which C-MOVE sends, this site's own receiver; empty retrieves by C-GET.
    receiver: str
    limits: Limits
    security: ssl.SSLContext | None = None

    def close(self) -> None:
        """Nothing is open."""

    def verify(self) -> None:
        """Ask for an echo."""
        with self._associate([_context(VERIFICATION)], MemorySink()) as (association, context):
            command = encode_echo_request(REQUEST, sop_class_uid=VERIFICATION)
            response = association.ask(context, command, field=CommandField.C_ECHO_RQ)
        require_success(response)

    def find_studies(self, query: StudyQuery, *, limit: int = MAX_STUDIES) -> Sequence[RemoteStudy]:
        """Give studies that match."""
        if not query.modality:
            return self._studies(query, limit)
        candidates = self._studies(query, MAX_STUDIES)
        found = self._of_modality(query.modality, candidates)
        if len(found) < min(limit, len(candidates)) and len(candidates) == MAX_STUDIES:
            raise _narrower(f"The peer ignores the modality, and has more than {MAX_STUDIES} studies to look through.")
        return found[:limit]

    def _studies(self, query: StudyQuery, limit: int) -> list[RemoteStudy]:
        keys = dict.fromkeys(STUDY_KEYS, "") | {KEYS[name]: value for name, value in vars(query).items()}
        found: dict[str, RemoteStudy] = {}
        for item in self._find("STUDY", keys, limit):
            if (study := study_of(item)) is not None:
                found.setdefault(study.study_uid, study)
        return list(found.values())

    def _of_modality(self, modality: str, found: Sequence[RemoteStudy]) -> Sequence[RemoteStudy]:
        """Leave out the studies of other modalities: a peer may ignore that key, and need not say so.

        Raises
        ------
        PeerUnavailable
            Of too many it does not say which they have.
        """
        from kahua.dicom.matching import glob  # late: it loads pydicom's dictionary, and most processes ask nobody

        if sum(not study.modalities for study in found) > MAX_UNTOLD:
            raise _narrower("The peer does not say which modalities its studies have.")
        return [study for study in found if any(glob(each, modality) for each in self._modalities(study))]

    def _modalities(self, study: RemoteStudy) -> Sequence[str]:
        return study.modalities or [series.modality for series in self.find_series(study.study_uid)]

    def find_series(self, study_uid: str) -> Sequence[RemoteSeries]:
        """Give the series of a study."""
        keys = dict.fromkeys(SERIES_KEYS, "") | {STUDY_UID: require_uid(study_uid, "study_uid")}
        found: dict[str, RemoteSeries] = {}
        for item in self._find("SERIES", keys, MAX_SERIES):
            if (series := series_of(item, study_uid)) is not None:
                found.setdefault(series.series_uid, series)
        return list(found.values())

    def retrieve(self, study_uid: str, series_uid: str, folder: Path) -> Iterator[Path]:
        """Give the instances of a series; by C-MOVE none, for they come to this site's receiver."""
        keys = {
            STUDY_UID: require_uid(study_uid, "study_uid"),
            SERIES_UID: require_uid(series_uid, "series_uid"),
        }
        classes = self._classes(keys)
        if self.receiver:
            self._move(keys)
        else:
            yield from self._get(keys, classes, folder)

    def _classes(self, keys: Mapping[int, str]) -> Sequence[str]:
        """Ask which SOP classes a series has; a peer that does not say may have any.

        Raises
        ------
        NotFound
            The peer does not have the series.
        """
        wanted = dict(keys) | {SOP_INSTANCE_UID: "", SOP_CLASS_UID: ""}
        named = {text_of(item, "00080016") for item in self._find("IMAGE", wanted, MAX_INSTANCES)}
        if not named:
            raise NotFound("The peer does not have this series.")
        return sorted(named) if "" not in named and len(named) <= MAX_CONTEXTS // 2 else _common_classes()

    def _find(self, level: str, keys: Mapping[int, str], limit: int) -> Iterator[dict[str, Any]]:
        sink, count = MemorySink(), 0
        with self._associate([_context(FIND)], sink) as (association, context):
            command = encode_query_request(CommandField.C_FIND_RQ, REQUEST, sop_class_uid=FIND)
            association.send(context, command, [write_identifier(level, keys)])
            while count < limit:
                response = association.next_response(CommandField.C_FIND_RQ)
                if response.status not in PENDING:
                    require_success(response)
                    return
                if not response.has_data_set:
                    raise association.refuse()
                count += 1
                yield read_answer(sink.data)
            association.send(context, encode_cancel_request(REQUEST))
            _await_end(association)

    def _move(self, keys: Mapping[int, str]) -> None:
        with self._associate([_context(MOVE)], MemorySink(), terms=RETRIEVAL) as (association, context):
            command = encode_query_request(
                CommandField.C_MOVE_RQ, REQUEST, sop_class_uid=MOVE, destination=self.receiver
            )
            association.send(context, command, [write_identifier("SERIES", keys)])
            for _ in range(MAX_MESSAGES):
                response = association.next_response(CommandField.C_MOVE_RQ)
                if response.status != Status.PENDING:
                    return require_success(response, warning=True)
        raise PeerUnavailable("The peer moves without end.")

    def _get(self, keys: Mapping[int, str], classes: Sequence[str], folder: Path) -> Iterator[Path]:
        sink = FileSink(folder, self.limits)
        roles = [Role(sop_class_uid=each, user=False, provider=True) for each in classes]
        terms = replace(RETRIEVAL, max_object_bytes=self.limits.max_object_bytes)
        with self._associate(_storage_contexts(classes), sink, roles, terms=terms) as (association, context):
            command = encode_query_request(CommandField.C_GET_RQ, REQUEST, sop_class_uid=GET)
            association.send(context, command, [write_identifier("SERIES", keys)])
            for _ in range(MAX_MESSAGES):
                message = association.receive()
                path = sink.take()
                if isinstance(message.command, Response):
                    response = association.require_response(message.command, CommandField.C_GET_RQ)
                    if response.status != Status.PENDING:
                        require_success(response, warning=True)
                        return
                elif path is None or not _is_store(message.command, message.context):
                    raise association.refuse()
                else:
                    yield path
                    association.send(message.context, encode_response(message.command, Status.SUCCESS))
        raise PeerUnavailable("The peer sends without end.")

    @contextmanager
    def _associate(
        self,
        contexts: Sequence[ProposedContext],
        sink: Sink,
        roles: Sequence[Role] = (),
        *,
        terms: Terms | None = None,
    ) -> Iterator[tuple[RequestedAssociation, Context]]:
        """Open an association; its first context must be accepted."""
        with associate(
            self.destination,
            calling=self.calling,
            contexts=contexts,
            roles=roles,
            security=self.security,
            terms=terms or QUESTION,
            sink=sink,
        ) as association:
            accepted = association.contexts.get(contexts[0].id)
            if accepted is None:
                raise PeerUnavailable(f"{self.destination} does not offer this service.")
            yield association, accepted


def _narrower(reason: str) -> PeerUnavailable:
    return PeerUnavailable(reason, remedy="Ask for the patient or the date as well, or leave the modality out.")


def _await_end(association: RequestedAssociation) -> None:
    """Pass over the answers that are under way: many a peer hears of a release only after its last one."""
    association.hurry(CANCEL_SECONDS)
    with suppress(Ended):  # however it ends, what was asked for is here
        while association.next_response(CommandField.C_FIND_RQ).status in PENDING:
            pass


def _common_classes() -> Sequence[str]:
    from pynetdicom.presentation import StoragePresentationContexts  # late: it is heavy, and few peers need it

    return [str(context.abstract_syntax) for context in StoragePresentationContexts]


def _context(sop_class_uid: str, number: int = 0, *syntaxes: str) -> ProposedContext:
    return ProposedContext(
        id=2 * number + 1,
        abstract_syntax=sop_class_uid,
        transfer_syntaxes=syntaxes or (transfer_syntaxes.IMPLICIT_LITTLE_ENDIAN,),
    )


def _storage_contexts(classes: Sequence[str]) -> list[ProposedContext]:
    """Propose each class in each encoding by itself, so that objects come as they are stored; if that fits."""
    kinds: list[tuple[str, tuple[str, ...]]] = [(each, (syntax,)) for each in classes for syntax in SYNTAXES]
    if len(kinds) >= MAX_CONTEXTS:
        plain: tuple[str, ...] = SYNTAXES[-2:]
        kinds = [(each, plain) for each in classes][: MAX_CONTEXTS - 1]
    return [_context(GET), *(_context(each, number, *syntaxes) for number, (each, syntaxes) in enumerate(kinds, 1))]


def _is_store(command: Command, context: Context) -> bool:
    """Whether a request stores what its presentation context is for."""
    return command.field == CommandField.C_STORE_RQ and command.sop_class_uid == context.abstract_syntax


def require_success(response: Response, *, warning: bool = False) -> None:
    """Say in words what a peer did not do.

    Raises
    ------
    PeerUnavailable
        The status is a failure.
    """
    if response.status == Status.SUCCESS or (warning and response.status & 0xF000 == 0xB000):
        return
    words = {
        Status.MOVE_DESTINATION_UNKNOWN: "it does not know this site as a destination of C-MOVE",
        Status.NOT_AUTHORIZED: "it does not let this site do that",
        Status.OUT_OF_RESOURCES: "it is out of resources",
    }
    reason = words.get(Status(response.status), "") if response.status in set(Status) else ""
    said = f" ({response.comment})" if response.comment else ""
    raise PeerUnavailable(
        f"The peer answers with status {response.status:04X}H{': ' + reason if reason else ''}{said}."
    )
