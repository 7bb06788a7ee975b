"""Command sets of DIMSE messages (PS3.7 annex E): implicit VR little endian, group 0000."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

#: Longest command set that is read; a C-STORE-RQ has some 200 bytes.
MAX_COMMAND_BYTES = 16_384

#: Value of Command Data Set Type for "no data set follows".
NO_DATA_SET = 0x0101

_ELEMENT = struct.Struct("<HHL")

_GROUP_LENGTH = 0x0000
_AFFECTED_SOP_CLASS = 0x0002
_COMMAND_FIELD = 0x0100
_MESSAGE_ID = 0x0110
_RESPONDED_MESSAGE_ID = 0x0120
_DATA_SET_TYPE = 0x0800
_STATUS = 0x0900
_ERROR_COMMENT = 0x0902
_AFFECTED_SOP_INSTANCE = 0x1000


class CommandField(IntEnum):
    """What a message asks for."""

    C_STORE_RQ = 0x0001
    C_ECHO_RQ = 0x0030
    C_CANCEL_RQ = 0x0FFF


#: Bit of the command field that makes a response of a request.
RESPONSE = 0x8000


class Status(IntEnum):
    """What became of a request (PS3.4 table B.2-1, PS3.7 annex C)."""

    SUCCESS = 0x0000
    PROCESSING_FAILURE = 0x0110
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    UNRECOGNIZED_OPERATION = 0x0211
    OUT_OF_RESOURCES = 0xA700
    DATA_SET_DOES_NOT_MATCH_SOP_CLASS = 0xA900
    CANNOT_UNDERSTAND = 0xC000


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


def decode_command(data: bytes | bytearray | memoryview) -> Command:
    """Read a command set.

    Raises
    ------
    MalformedCommand
        A length goes beyond the command, or an element without which nothing can be answered is missing.
    """
    elements = _elements(memoryview(data))
    return Command(
        field=_number(elements, _COMMAND_FIELD),
        message_id=_number(elements, _MESSAGE_ID),
        has_data_set=_number(elements, _DATA_SET_TYPE) != NO_DATA_SET,
        sop_class_uid=_uid(elements.get(_AFFECTED_SOP_CLASS, b"")),
        sop_instance_uid=_uid(elements.get(_AFFECTED_SOP_INSTANCE, b"")),
    )


def encode_response(request: Command, status: int, comment: str = "") -> bytes:
    """Write the response to a request: the command alone, for no data set follows."""
    elements = [
        _element(_AFFECTED_SOP_CLASS, _padded(request.sop_class_uid)) if request.sop_class_uid else b"",
        _element(_COMMAND_FIELD, struct.pack("<H", request.field | RESPONSE)),
        _element(_RESPONDED_MESSAGE_ID, struct.pack("<H", request.message_id)),
        _element(_DATA_SET_TYPE, struct.pack("<H", NO_DATA_SET)),
        _element(_STATUS, struct.pack("<H", status)),
        _element(_ERROR_COMMENT, _padded(comment_of(comment), b" ")) if comment else b"",
        _element(_AFFECTED_SOP_INSTANCE, _padded(request.sop_instance_uid)) if request.sop_instance_uid else b"",
    ]
    body = b"".join(elements)
    return _element(_GROUP_LENGTH, struct.pack("<L", len(body))) + body


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
    return value.decode("latin_1").strip(" \0")


def _element(number: int, value: bytes) -> bytes:
    return _ELEMENT.pack(0, number, len(value)) + value


def _padded(text: str, pad: bytes = b"\0") -> bytes:
    value = text.encode("latin_1", "replace")
    return value + pad if len(value) % 2 else value
