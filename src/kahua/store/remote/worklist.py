"""What a modality worklist says is to be done: C-FIND as client (PS3.4 annex K)."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any, Final

from kahua.dicom.transfer_syntaxes import IMPLICIT_LITTLE_ENDIAN
from kahua.errors import PeerUnavailable
from kahua.store.dimse.commands import CommandField, Status, encode_query_request
from kahua.store.dimse.pdu import ProposedContext
from kahua.store.dimse.requestor import Destination, associate
from kahua.store.remote.answers import text_of
from kahua.store.remote.dimse import QUESTION, require_success
from kahua.store.remote.identifiers import read_answer, write_keys
from kahua.store.remote.sinks import MemorySink

WORKLIST_FIND: Final = "1.2.840.10008.5.1.4.31"

#: Most steps that are read.
MAX_STEPS: Final = 2000

_CHARACTER_SET: Final = 0x00080005
_STEPS: Final = 0x00400100
_STATION, _DATE, _TIME, _MODALITY = 0x00400001, 0x00400002, 0x00400003, 0x00080060
#: Attributes of an answer by the facts of a step: those of the procedure, and those of the step itself.
_PROCEDURE: Final = {
    "patient_id": 0x00100020,
    "patient_name": 0x00100010,
    "patient_birth_date": 0x00100030,
    "patient_sex": 0x00100040,
    "accession_number": 0x00080050,
    "study_uid": 0x0020000D,
    "procedure_id": 0x00401001,
    "procedure": 0x00321060,
    "referring_physician": 0x00080090,
}
_STEP: Final = {
    "station": _STATION,
    "date": _DATE,
    "time": _TIME,
    "modality": _MODALITY,
    "step_id": 0x00400009,
    "step": 0x00400007,
}


@dataclass(frozen=True, kw_only=True)
class StepQuery:
    """Which steps are asked for; what is empty does not matter."""

    #: A date, or a range such as 20240101-20240131.
    date: str = ""
    modality: str = ""
    #: AE title of the station that is to do it.
    station: str = ""
    patient_id: str = ""


@dataclass(frozen=True, kw_only=True)
class ScheduledStep:
    """A scheduled procedure step, and the procedure to which it belongs."""

    date: str
    time: str
    modality: str
    station: str
    step_id: str
    step: str
    patient_id: str
    patient_name: str
    patient_birth_date: str
    patient_sex: str
    accession_number: str
    study_uid: str
    procedure_id: str
    procedure: str
    referring_physician: str


def find_steps(
    destination: Destination,
    query: StepQuery,
    *,
    calling: str,
    security: SSLContext | None = None,
    limit: int = MAX_STEPS,
) -> Iterator[ScheduledStep]:
    """Give the scheduled procedure steps of a worklist that match.

    Raises
    ------
    PeerUnavailable
        The peer cannot be reached, offers no worklist, refuses the query, or answers what cannot be read.
    """
    sink = MemorySink()
    context = ProposedContext(id=1, abstract_syntax=WORKLIST_FIND, transfer_syntaxes=(IMPLICIT_LITTLE_ENDIAN,))
    with associate(
        destination, calling=calling, contexts=[context], security=security, terms=QUESTION, sink=sink
    ) as association:
        accepted = association.contexts.get(1)
        if accepted is None:
            raise PeerUnavailable(f"{destination} offers no modality worklist.")
        command = encode_query_request(CommandField.C_FIND_RQ, 1, sop_class_uid=WORKLIST_FIND)
        association.send(accepted, command, [_identifier(query)])
        for _ in range(limit + 1):
            response = association.next_response(CommandField.C_FIND_RQ)
            if response.status not in (Status.PENDING, Status.PENDING_WITH_UNSUPPORTED_KEYS):
                return require_success(response)
            if not response.has_data_set:
                raise association.refuse()
            yield from _steps(read_answer(sink.data))
    return None


def _identifier(query: StepQuery) -> bytes:
    step = dict.fromkeys(_STEP.values(), "") | {_DATE: query.date, _MODALITY: query.modality, _STATION: query.station}
    procedure = dict.fromkeys(_PROCEDURE.values(), "") | {_PROCEDURE["patient_id"]: query.patient_id}
    before = {tag: value for tag, value in procedure.items() if tag < _STEPS}
    after = {tag: value for tag, value in procedure.items() if tag > _STEPS}
    item = _item(write_keys(step))
    return write_keys({_CHARACTER_SET: "ISO_IR 192", **before}) + _sequence(_STEPS, item) + write_keys(after)


def _item(content: bytes) -> bytes:
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(content)) + content


def _sequence(tag: int, content: bytes) -> bytes:
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(content)) + content


def _steps(answer: Mapping[str, Any]) -> Iterator[ScheduledStep]:
    """Read an answer: one step, or several of one procedure."""
    procedure = {fact: text_of(answer, f"{tag:08X}") for fact, tag in _PROCEDURE.items()}
    items = answer.get(f"{_STEPS:08X}", {}).get("Value") or [{}]
    for item in items:
        yield ScheduledStep(**procedure, **{fact: text_of(item, f"{tag:08X}") for fact, tag in _STEP.items()})
