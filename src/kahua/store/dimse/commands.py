"""Command sets of DIMSE messages (PS3.7 annex E): implicit VR little endian, group 0000."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

#: Longest command set that is read; a C-STORE-RQ has some 200 bytes.
MAX_COMMAND_BYTES = 16_384

#: Value of Command Data Set Type for "no data set follows".
NO_DATA_SET = 0x0101

_ELEMENT = struct.Struct("<HHL")

#: Value of Command Data Set Type for "a data set follows"; any but `NO_DATA_SET` says so.
_DATA_SET = 0x0000

_GROUP_LENGTH = 0x0000
_AFFECTED_SOP_CLASS = 0x0002
_REQUESTED_SOP_CLASS = 0x0003
_COMMAND_FIELD = 0x0100
_MESSAGE_ID = 0x0110
_RESPONDED_MESSAGE_ID = 0x0120
_MOVE_DESTINATION = 0x0600
_PRIORITY = 0x0700
_DATA_SET_TYPE = 0x0800
_STATUS = 0x0900
_ERROR_COMMENT = 0x0902
_AFFECTED_SOP_INSTANCE = 0x1000
_REQUESTED_SOP_INSTANCE = 0x1001
_EVENT_TYPE = 0x1002
_ACTION_TYPE = 0x1008
_REMAINING, _COMPLETED, _FAILED, _WARNING = 0x1020, 0x1021, 0x1022, 0x1023
_MOVE_ORIGINATOR = 0x1030
_MOVE_ORIGINATOR_MESSAGE_ID = 0x1031

_MEDIUM_PRIORITY: Final = 0x0000


class CommandField(IntEnum):
    """What a message asks for."""

    C_STORE_RQ = 0x0001
    C_GET_RQ = 0x0010
    C_FIND_RQ = 0x0020
    C_MOVE_RQ = 0x0021
    C_ECHO_RQ = 0x0030
    N_EVENT_REPORT_RQ = 0x0100
    N_ACTION_RQ = 0x0130
    C_CANCEL_RQ = 0x0FFF


#: Bit of the command field that makes a response of a request.
RESPONSE = 0x8000


class Status(IntEnum):
    """What became of a request (PS3.4 tables B.2-1 and C.4-1 to C.4-3, PS3.7 annex C)."""

    SUCCESS = 0x0000
    PROCESSING_FAILURE = 0x0110
    INVALID_ARGUMENT_VALUE = 0x0115
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    NO_SUCH_ACTION = 0x0123
    NOT_AUTHORIZED = 0x0124
    UNRECOGNIZED_OPERATION = 0x0211
    RESOURCE_LIMITATION = 0x0213
    OUT_OF_RESOURCES = 0xA700
    UNABLE_TO_CALCULATE_MATCHES = 0xA701
    UNABLE_TO_PERFORM_SUB_OPERATIONS = 0xA702
    MOVE_DESTINATION_UNKNOWN = 0xA801
    DATA_SET_DOES_NOT_MATCH_SOP_CLASS = 0xA900
    SUB_OPERATIONS_WITH_FAILURES = 0xB000
    CANNOT_UNDERSTAND = 0xC000
    CANCELLED = 0xFE00
    PENDING = 0xFF00
    #: Matches go on, but one or more optional keys were not supported.
    PENDING_WITH_UNSUPPORTED_KEYS = 0xFF01


class MalformedCommand(ValueError):
    """Bytes that are no command set."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A request."""

    field: int
    message_id: int
    has_data_set: bool
    sop_class_uid: str
    sop_instance_uid: str
    #: AE title to which a C-MOVE is to send.
    move_destination: str = ""
    #: What an N-ACTION asks for.
    action_type: int = 0


@dataclass(frozen=True, kw_only=True)
class Response:
    """An answer to a request of ours, or the wish to cancel a request of the peer's, which has no status."""

    field: int
    #: Message ID of the request.
    message_id: int
    has_data_set: bool
    status: int = Status.SUCCESS
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Numbers of the sub-operations of a C-MOVE or C-GET."""

    remaining: int = 0
    completed: int = 0
    failed: int = 0
    warning: int = 0


@dataclass(frozen=True, kw_only=True)
class Originator:
    """The C-MOVE for which a C-STORE is a sub-operation."""

    ae_title: str
    message_id: int


def decode_command(data: bytes | bytearray | memoryview) -> Command | Response:
    """Read a command set.

    Raises
    ------
    MalformedCommand
        A length goes beyond the command, or an element without which nothing can be answered is missing.
    """
    elements = _elements(memoryview(data))
    field = _number(elements, _COMMAND_FIELD)
    has_data_set = _number(elements, _DATA_SET_TYPE) != NO_DATA_SET
    if field & RESPONSE or field == CommandField.C_CANCEL_RQ:
        return Response(
            field=field,
            message_id=_number(elements, _RESPONDED_MESSAGE_ID),
            has_data_set=has_data_set,
            status=_number(elements, _STATUS) if field & RESPONSE else Status.SUCCESS,
            comment=comment_of(_text(elements.get(_ERROR_COMMENT, b""))),
        )
    return Command(
        field=field,
        message_id=_number(elements, _MESSAGE_ID),
        has_data_set=has_data_set,
        sop_class_uid=_uid(elements.get(_AFFECTED_SOP_CLASS) or elements.get(_REQUESTED_SOP_CLASS, b"")),
        sop_instance_uid=_uid(elements.get(_AFFECTED_SOP_INSTANCE) or elements.get(_REQUESTED_SOP_INSTANCE, b"")),
        move_destination=_text(elements.get(_MOVE_DESTINATION, b""))[:16],
        action_type=_number(elements, _ACTION_TYPE) if field == CommandField.N_ACTION_RQ else 0,
    )


def encode_response(
    request: Command, status: int, comment: str = "", *, progress: Progress | None = None, has_data_set: bool = False
) -> bytes:
    """Write the response to a request.

    Parameters
    ----------
    progress
        Numbers of sub-operations, of which those that remain are told only while some may remain (PS3.4 C.4.2.1.6).
    """
    return _command_set(
        {
            _AFFECTED_SOP_CLASS: _padded(request.sop_class_uid),
            _COMMAND_FIELD: _short(request.field | RESPONSE),
            _RESPONDED_MESSAGE_ID: _short(request.message_id),
            _DATA_SET_TYPE: _short(_DATA_SET if has_data_set else NO_DATA_SET),
            _STATUS: _short(status),
            _ERROR_COMMENT: _padded(comment_of(comment), b" "),
            _AFFECTED_SOP_INSTANCE: _padded(request.sop_instance_uid),
            _ACTION_TYPE: _short(request.action_type) if request.field == CommandField.N_ACTION_RQ else b"",
            **(_numbers(progress, status) if progress else {}),
        }
    )


def encode_store_request(
    message_id: int, *, sop_class_uid: str, sop_instance_uid: str, originator: Originator | None = None
) -> bytes:
    """Write a C-STORE-RQ, which a data set follows (PS3.7 table 9.3-1)."""
    return _command_set(
        {
            _AFFECTED_SOP_CLASS: _padded(sop_class_uid),
            _COMMAND_FIELD: _short(CommandField.C_STORE_RQ),
            _MESSAGE_ID: _short(message_id),
            _PRIORITY: _short(_MEDIUM_PRIORITY),
            _DATA_SET_TYPE: _short(_DATA_SET),
            _AFFECTED_SOP_INSTANCE: _padded(sop_instance_uid),
            _MOVE_ORIGINATOR: _padded(originator.ae_title, b" ") if originator else b"",
            _MOVE_ORIGINATOR_MESSAGE_ID: _short(originator.message_id) if originator else b"",
        }
    )


def encode_query_request(field: CommandField, message_id: int, *, sop_class_uid: str, destination: str = "") -> bytes:
    """Write a C-FIND-RQ, C-GET-RQ or C-MOVE-RQ, which an identifier follows (PS3.7 tables 9.3-4, 9.3-7 and 9.3-10)."""
    return _command_set(
        {
            _AFFECTED_SOP_CLASS: _padded(sop_class_uid),
            _COMMAND_FIELD: _short(field),
            _MESSAGE_ID: _short(message_id),
            _MOVE_DESTINATION: _padded(destination, b" ") if destination else b"",
            _PRIORITY: _short(_MEDIUM_PRIORITY),
            _DATA_SET_TYPE: _short(_DATA_SET),
        }
    )


def encode_echo_request(message_id: int, *, sop_class_uid: str) -> bytes:
    """Write a C-ECHO-RQ (PS3.7 table 9.3-12)."""
    return _command_set(
        {
            _AFFECTED_SOP_CLASS: _padded(sop_class_uid),
            _COMMAND_FIELD: _short(CommandField.C_ECHO_RQ),
            _MESSAGE_ID: _short(message_id),
            _DATA_SET_TYPE: _short(NO_DATA_SET),
        }
    )


def encode_cancel_request(message_id: int) -> bytes:
    """Write a C-CANCEL-RQ for a request that was sent (PS3.7 table 9.3-6)."""
    return _command_set(
        {
            _COMMAND_FIELD: _short(CommandField.C_CANCEL_RQ),
            _RESPONDED_MESSAGE_ID: _short(message_id),
            _DATA_SET_TYPE: _short(NO_DATA_SET),
        }
    )


def encode_event_report(message_id: int, *, sop_class_uid: str, sop_instance_uid: str, event_type: int) -> bytes:
    """Write an N-EVENT-REPORT-RQ, which a data set follows (PS3.7 table 10.3-1)."""
    return _command_set(
        {
            _AFFECTED_SOP_CLASS: _padded(sop_class_uid),
            _COMMAND_FIELD: _short(CommandField.N_EVENT_REPORT_RQ),
            _MESSAGE_ID: _short(message_id),
            _DATA_SET_TYPE: _short(_DATA_SET),
            _AFFECTED_SOP_INSTANCE: _padded(sop_instance_uid),
            _EVENT_TYPE: _short(event_type),
        }
    )


def comment_of(text: str) -> str:
    """Make an Error Comment of a sentence: a Long String of at most 64 characters in ASCII."""
    plain = text.encode("ascii", "replace").decode().replace("\\", "/")
    return plain if len(plain) <= 64 else plain[:61] + "..."


def _elements(data: memoryview) -> Mapping[int, bytes]:
    elements: dict[int, bytes] = {}
    while data:
        if len(data) < _ELEMENT.size:
            raise MalformedCommand("The command set is cut off.")
        group, number, length = _ELEMENT.unpack_from(data)
        if group != 0 or length > len(data) - _ELEMENT.size:
            raise MalformedCommand("The command set holds what no command set holds.")
        elements[number] = bytes(data[_ELEMENT.size : _ELEMENT.size + length])
        data = data[_ELEMENT.size + length :]
    return elements


def _number(elements: Mapping[int, bytes], number: int) -> int:
    value = elements.get(number)
    if value is None or len(value) != 2:
        raise MalformedCommand(f"The command set lacks (0000,{number:04X}).")
    return int.from_bytes(value, "little")


def _uid(value: bytes) -> str:
    if len(value) > 64:
        raise MalformedCommand("A UID is longer than 64 characters.")
    return _text(value)


def _text(value: bytes) -> str:
    return value.decode("latin_1").strip(" \0")


def _numbers(progress: Progress, status: int) -> dict[int, bytes]:
    return {
        _REMAINING: _short(progress.remaining) if status in {Status.PENDING, Status.CANCELLED} else b"",
        _COMPLETED: _short(progress.completed),
        _FAILED: _short(progress.failed),
        _WARNING: _short(progress.warning),
    }


def _command_set(elements: Mapping[int, bytes]) -> bytes:
    """Put elements together, those without a value left out, after their length."""
    body = b"".join(_element(number, value) for number, value in sorted(elements.items()) if value)
    return _element(_GROUP_LENGTH, struct.pack("<L", len(body))) + body


def _short(number: int) -> bytes:
    return struct.pack("<H", min(number, 0xFFFF))


def _element(number: int, value: bytes) -> bytes:
    return _ELEMENT.pack(0, number, len(value)) + value


def _padded(text: str, pad: bytes = b"\0") -> bytes:
    value = text.encode("latin_1", "replace")
    return value + pad if len(value) % 2 else value
