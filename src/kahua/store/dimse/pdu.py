"""The messages of the DICOM upper layer (PS3.8 section 9.3), from and to bytes."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"

#: Type, reserved byte and length, before every PDU.
HEADER = struct.Struct(">BxL")

#: Length of a PDV (with context id and flags), context id, flags: before every fragment of a message.
PDV_HEADER = struct.Struct(">LBB")

#: Flags of a fragment: it belongs to a command, and it is the last one.
COMMAND, LAST = 0b01, 0b10

#: Longest A-ASSOCIATE-RQ that is read: 128 presentation contexts with 60 transfer syntaxes each fit.
MAX_REQUEST_BYTES = 262_144

#: Presentation contexts have odd ids up to 255.
MAX_CONTEXTS = 128


class PduType(IntEnum):
    """The first byte of a PDU."""

    ASSOCIATE_RQ = 1
    ASSOCIATE_AC = 2
    ASSOCIATE_RJ = 3
    DATA = 4
    RELEASE_RQ = 5
    RELEASE_RP = 6
    ABORT = 7


class ContextResult(IntEnum):
    """What becomes of a proposed presentation context."""

    ACCEPTED = 0
    USER_REJECTION = 1
    NO_REASON = 2
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
    TRANSFER_SYNTAXES_NOT_SUPPORTED = 4


class Rejection(IntEnum):
    """Why an association is rejected: result, source and reason, a byte each."""

    NO_REASON = 0x010101
    APPLICATION_CONTEXT_NOT_SUPPORTED = 0x010102
    CALLING_AE_TITLE_NOT_RECOGNIZED = 0x010103
    CALLED_AE_TITLE_NOT_RECOGNIZED = 0x010107
    PROTOCOL_VERSION_NOT_SUPPORTED = 0x010202
    TEMPORARY_CONGESTION = 0x020301
    LOCAL_LIMIT_EXCEEDED = 0x020302


class AbortReason(IntEnum):
    """Why an association is aborted: source and reason, a byte each."""

    BY_USER = 0x0000
    NOT_SPECIFIED = 0x0200
    UNRECOGNIZED_PDU = 0x0201
    UNEXPECTED_PDU = 0x0202
    INVALID_PARAMETER = 0x0206


class MalformedPdu(ValueError):
    """Bytes that are no PDU of their type."""


@dataclass(frozen=True, kw_only=True)
class ProposedContext:
    """A presentation context that the peer proposes."""

    id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Role:
    """Which parts the requestor of an association plays for a SOP class (PS3.7 D.3.3.4)."""

    sop_class_uid: str
    #: Service class user, and provider.
    user: bool
    provider: bool


@dataclass(frozen=True, kw_only=True)
class ExtendedNegotiation:
    """What is asked for, or answered, of how a service is performed (PS3.7 D.3.3.5)."""

    sop_class_uid: str
    #: Service-class-application-information, which each service class defines.
    information: bytes


@dataclass(frozen=True, kw_only=True)
class AssociateRequest:
    """An A-ASSOCIATE-RQ."""

    protocol_version: int
    called: str
    calling: str
    application_context: str
    contexts: tuple[ProposedContext, ...]
    #: Longest P-DATA-TF that the peer takes; 0 is any length.
    max_pdu_bytes: int
    implementation_class_uid: str = ""
    implementation_version: str = ""
    roles: tuple[Role, ...] = ()
    extended: tuple[ExtendedNegotiation, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ContextAnswer:
    """What becomes of a presentation context; its transfer syntax counts only if it is accepted."""

    id: int
    result: ContextResult
    transfer_syntax: str


@dataclass(frozen=True, kw_only=True)
class AssociateAccept:
    """An A-ASSOCIATE-AC."""

    answers: tuple[ContextAnswer, ...]
    #: Longest P-DATA-TF that the peer takes; 0 is any length.
    max_pdu_bytes: int
    roles: tuple[Role, ...] = ()


def decode_associate_request(body: memoryview) -> AssociateRequest:
    """Read an A-ASSOCIATE-RQ, without its header.

    Raises
    ------
    MalformedPdu
        A length goes beyond the PDU, an item is missing or there are too many.
    """
    if len(body) < 68:
        raise MalformedPdu("The association request is too short.")
    application_context, contexts, user = "", [], memoryview(b"")
    for kind, value in _items(body[68:]):
        if kind == 0x10:
            application_context = _uid(value)
        elif kind == 0x20:
            contexts.append(_decode_context(value))
        elif kind == 0x50:
            user = value
    if not 0 < len(contexts) <= MAX_CONTEXTS:
        raise MalformedPdu(f"The association request has {len(contexts)} presentation contexts.")
    if len({context.id for context in contexts}) != len(contexts):
        raise MalformedPdu("Two presentation contexts have the same id.")
    items = dict(_items(user))
    return AssociateRequest(
        protocol_version=int.from_bytes(body[0:2], "big"),
        called=_text(body[4:20]),
        calling=_text(body[20:36]),
        application_context=application_context,
        contexts=tuple(contexts),
        max_pdu_bytes=_length(items),
        implementation_class_uid=_uid(items.get(0x52, memoryview(b""))),
        implementation_version=_text(items.get(0x55, memoryview(b""))),
        roles=_roles(user),
        extended=_extended(user),
    )


def decode_associate_accept(body: memoryview) -> AssociateAccept:
    """Read an A-ASSOCIATE-AC, without its header.

    Raises
    ------
    MalformedPdu
        A length goes beyond the PDU, or there are too many items.
    """
    if len(body) < 68:
        raise MalformedPdu("The answer to the association request is too short.")
    answers, user = [], memoryview(b"")
    for kind, value in _items(body[68:]):
        if kind == 0x21:
            answers.append(_decode_answer(value))
        elif kind == 0x50:
            user = value
    return AssociateAccept(answers=tuple(answers), max_pdu_bytes=_length(dict(_items(user))), roles=_roles(user))


def encode_associate_request(
    *,
    called: str,
    calling: str,
    contexts: Sequence[ProposedContext],
    roles: Sequence[Role] = (),
    max_pdu_bytes: int,
    implementation_class_uid: str,
    implementation_version: str,
) -> bytes:
    """Write an A-ASSOCIATE-RQ (PS3.8 table 9-11)."""
    proposed = b"".join(
        _item(
            0x20,
            struct.pack(">Bxxx", context.id)
            + _item(0x30, context.abstract_syntax.encode())
            + b"".join(_item(0x40, syntax.encode()) for syntax in context.transfer_syntaxes),
        )
        for context in contexts
    )
    head = struct.pack(">Hxx16s16s32x", 1, _title(called), _title(calling))
    user = _user_information(max_pdu_bytes, implementation_class_uid, implementation_version, roles)
    return _pdu(PduType.ASSOCIATE_RQ, head + _item(0x10, APPLICATION_CONTEXT.encode()) + proposed + user)


def encode_associate_accept(
    request: memoryview,
    answers: Sequence[ContextAnswer],
    *,
    max_pdu_bytes: int,
    implementation_class_uid: str,
    implementation_version: str,
    roles: Sequence[Role] = (),
    extended: Sequence[ExtendedNegotiation] = (),
) -> bytes:
    """Write an A-ASSOCIATE-AC for a request, whose AE titles it repeats (PS3.8 table 9-17)."""
    contexts = b"".join(
        _item(0x21, struct.pack(">BxBx", answer.id, answer.result) + _item(0x40, answer.transfer_syntax.encode()))
        for answer in answers
    )
    head = struct.pack(">Hxx", 1) + bytes(request[4:68])
    user = _user_information(max_pdu_bytes, implementation_class_uid, implementation_version, roles, extended)
    return _pdu(PduType.ASSOCIATE_AC, head + _item(0x10, APPLICATION_CONTEXT.encode()) + contexts + user)


def encode_reject(rejection: Rejection) -> bytes:
    """Write an A-ASSOCIATE-RJ."""
    return _pdu(PduType.ASSOCIATE_RJ, b"\0" + int(rejection).to_bytes(3, "big"))


def encode_abort(reason: AbortReason) -> bytes:
    """Write an A-ABORT."""
    return _pdu(PduType.ABORT, b"\0\0" + int(reason).to_bytes(2, "big"))


def encode_release_request() -> bytes:
    """Write an A-RELEASE-RQ."""
    return _pdu(PduType.RELEASE_RQ, bytes(4))


def encode_release_answer() -> bytes:
    """Write an A-RELEASE-RP."""
    return _pdu(PduType.RELEASE_RP, bytes(4))


def encode_command(context_id: int, command: bytes) -> bytes:
    """Write a P-DATA-TF that holds one whole command."""
    return _fragment(context_id, COMMAND | LAST, command)


def encode_data_set(context_id: int, chunks: Iterable[bytes], *, max_pdu_bytes: int) -> Iterator[bytes]:
    """Write a data set as P-DATA-TF of at most so many bytes each, whatever the pieces in which it comes."""
    room = (max_pdu_bytes - PDV_HEADER.size) & ~1
    waiting = b""
    for chunk in chunks:
        for start in range(0, len(chunk), room):
            if waiting:
                yield _fragment(context_id, 0, waiting)
            waiting = chunk[start : start + room]
    yield _fragment(context_id, LAST, waiting)


def _decode_context(value: memoryview) -> ProposedContext:
    if len(value) < 4 or value[0] % 2 == 0:
        raise MalformedPdu("A presentation context has no odd id.")
    abstract, transfer = "", []
    for kind, content in _items(value[4:]):
        if kind == 0x30:
            abstract = _uid(content)
        elif kind == 0x40:
            transfer.append(_uid(content))
    return ProposedContext(id=value[0], abstract_syntax=abstract, transfer_syntaxes=tuple(transfer))


def _decode_answer(value: memoryview) -> ContextAnswer:
    if len(value) < 4 or value[2] > max(ContextResult):
        raise MalformedPdu("An answer to a presentation context cannot be read.")
    syntax = next((_uid(content) for kind, content in _items(value[4:]) if kind == 0x40), "")
    return ContextAnswer(id=value[0], result=ContextResult(value[2]), transfer_syntax=syntax)


def _roles(user: memoryview) -> tuple[Role, ...]:
    return tuple(_decode_role(value) for kind, value in _items(user) if kind == 0x54)


def _decode_role(value: memoryview) -> Role:
    length = int.from_bytes(value[:2], "big")
    if len(value) != length + 4:
        raise MalformedPdu("A role selection is of a wrong length.")
    return Role(sop_class_uid=_uid(value[2:-2]), user=value[-2] == 1, provider=value[-1] == 1)


def _extended(user: memoryview) -> tuple[ExtendedNegotiation, ...]:
    return tuple(_decode_extended(value) for kind, value in _items(user) if kind == 0x56)


def _decode_extended(value: memoryview) -> ExtendedNegotiation:
    end = 2 + int.from_bytes(value[:2], "big")
    if len(value) < end:
        raise MalformedPdu("An extended negotiation is cut off.")
    return ExtendedNegotiation(sop_class_uid=_uid(value[2:end]), information=bytes(value[end:]))


def _length(items: dict[int, memoryview]) -> int:
    value = items.get(0x51, memoryview(b""))
    return int.from_bytes(value, "big") if len(value) == 4 else 0


def _user_information(
    max_pdu_bytes: int,
    class_uid: str,
    version: str,
    roles: Sequence[Role],
    extended: Sequence[ExtendedNegotiation] = (),
) -> bytes:
    items = [
        _item(0x51, struct.pack(">L", max_pdu_bytes)),
        _item(0x52, class_uid.encode()),
        *(_item(0x54, _of_class(role.sop_class_uid, bytes([role.user, role.provider]))) for role in roles),
        _item(0x55, version.encode()),
        *(_item(0x56, _of_class(each.sop_class_uid, each.information)) for each in extended),
    ]
    return _item(0x50, b"".join(items))


def _of_class(uid: str, content: bytes) -> bytes:
    return struct.pack(">H", len(uid)) + uid.encode() + content


def _items(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Give the items of a variable field: type and value."""
    while data:
        if len(data) < 4:
            raise MalformedPdu("An item is cut off.")
        kind, length = struct.unpack_from(">BxH", data)
        if length > len(data) - 4:
            raise MalformedPdu(f"An item of {length} bytes is longer than the field around it.")
        yield kind, data[4 : 4 + length]
        data = data[4 + length :]


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(value)) + value


def _fragment(context_id: int, flags: int, data: bytes) -> bytes:
    size = len(data) + PDV_HEADER.size
    return b"".join((HEADER.pack(PduType.DATA, size), PDV_HEADER.pack(len(data) + 2, context_id, flags), data))


def _title(text: str) -> bytes:
    return text.encode("ascii", "replace").ljust(16)[:16]


def _pdu(kind: PduType, body: bytes) -> bytes:
    return HEADER.pack(kind, len(body)) + body


def _uid(value: memoryview) -> str:
    if len(value) > 64:
        raise MalformedPdu("A UID is longer than 64 characters.")
    return _text(value)


def _text(value: memoryview) -> str:
    return bytes(value).decode("latin_1").strip(" \0")
