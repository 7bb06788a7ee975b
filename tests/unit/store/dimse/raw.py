"""A sender that can say anything: bytes of the upper layer, put together by hand."""

import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import MappingProxyType

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"

REQUEST, ACCEPT, REJECT, DATA, RELEASE, RELEASED, ABORT = range(1, 8)

CONTEXTS: Mapping[int, tuple[str, Sequence[str]]] = {1: (VERIFICATION, [IMPLICIT]), 3: (CT, [EXPLICIT])}


def item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(value)) + value


def pdu(kind: int, body: bytes = b"\0\0\0\0") -> bytes:
    return struct.pack(">BxL", kind, len(body)) + body


def associate_body(
    *,
    called: str = "KAHUA",
    calling: str = "RAW",
    contexts: Mapping[int, tuple[str, Sequence[str]]] = CONTEXTS,
    application: str = "1.2.840.10008.3.1.1.1",
    version: int = 1,
    providers: Sequence[str] = (),
    extended: Mapping[str, bytes] = MappingProxyType({}),
) -> bytes:
    proposed = b"".join(
        item(
            0x20,
            bytes([number, 0, 0, 0])
            + item(0x30, abstract.encode())
            + b"".join(item(0x40, syntax.encode()) for syntax in syntaxes),
        )
        for number, (abstract, syntaxes) in contexts.items()
    )
    roles = b"".join(item(0x54, struct.pack(">H", len(uid)) + uid.encode() + b"\0\1") for uid in providers)
    asked = b"".join(item(0x56, struct.pack(">H", len(uid)) + uid.encode() + each) for uid, each in extended.items())
    user = item(0x50, item(0x51, struct.pack(">L", 16384)) + item(0x52, b"1.2.3.4") + roles + asked)
    head = struct.pack(">Hxx16s16s32x", version, called.ljust(16).encode(), calling.ljust(16).encode())
    return head + item(0x10, application.encode()) + proposed + user


def command_set(
    field: int,
    *,
    message_id: int = 1,
    sop_class: str = "",
    sop_instance: str = "",
    data_set: bool = False,
) -> bytes:
    def element(number: int, value: bytes) -> bytes:
        return struct.pack("<HHL", 0, number, len(value)) + value

    def uid(text: str) -> bytes:
        return text.encode() + b"\0" * (len(text) % 2)

    body = (
        (element(2, uid(sop_class)) if sop_class else b"")
        + element(0x100, struct.pack("<H", field))
        + element(0x110, struct.pack("<H", message_id))
        + element(0x700, b"\0\0")
        + element(0x800, struct.pack("<H", 0 if data_set else 0x0101))
        + (element(0x1000, uid(sop_instance)) if sop_instance else b"")
    )
    return element(0, struct.pack("<L", len(body))) + body


def fragment(context_id: int, flags: int, data: bytes) -> bytes:
    return struct.pack(">LBB", len(data) + 2, context_id, flags) + data


def echo(message_id: int = 1) -> bytes:
    return pdu(DATA, fragment(1, 3, command_set(0x0030, message_id=message_id, sop_class=VERIFICATION)))


def store(data: bytes, sop_instance: str, *, sop_class: str = CT, context_id: int = 3, piece: int = 100_000) -> bytes:
    command = command_set(1, sop_class=sop_class, sop_instance=sop_instance, data_set=True)
    pieces = [data[start : start + piece] for start in range(0, len(data), piece)] or [b""]
    flags = [0] * (len(pieces) - 1) + [2]
    return pdu(DATA, fragment(context_id, 3, command)) + b"".join(
        pdu(DATA, fragment(context_id, flag, part)) for flag, part in zip(flags, pieces, strict=True)
    )


def query(field: int, identifier: bytes, *, sop_class: str, context_id: int, message_id: int = 1) -> bytes:
    command = command_set(field, message_id=message_id, sop_class=sop_class, data_set=True)
    return pdu(DATA, fragment(context_id, 3, command)) + pdu(DATA, fragment(context_id, 2, identifier))


def cancel(message_id: int, *, context_id: int) -> bytes:
    elements = (
        struct.pack("<HHLH", 0, 0x100, 2, 0x0FFF)
        + struct.pack("<HHLH", 0, 0x120, 2, message_id)
        + struct.pack("<HHLH", 0, 0x800, 2, 0x0101)
    )
    return pdu(DATA, fragment(context_id, 3, struct.pack("<HHLL", 0, 0, 4, len(elements)) + elements))


@contextmanager
def connected(address: tuple[str, int]) -> "Iterator[RawPeer]":
    with socket.create_connection(address, timeout=15) as connection:
        yield RawPeer(connection)


class RawPeer:
    """A connection to the receiver."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection

    def send(self, data: bytes) -> None:
        with suppress(ConnectionError):  # the receiver may have closed already: what it said is still to be read
            self.socket.sendall(data)

    def associate(self, **request: object) -> tuple[int, bytes]:
        self.send(pdu(REQUEST, associate_body(**request)))  # type: ignore[arg-type]
        return self.receive()

    def receive(self) -> tuple[int, bytes]:
        """Give type and body of the next PDU; (0, b"") when the receiver has closed."""
        head = self._read(6)
        if len(head) < 6:
            return 0, b""
        kind, length = struct.unpack(">BxL", head)
        return kind, self._read(length)

    def status(self) -> int:
        """Give the status of the next response."""
        kind, body = self.receive()
        assert kind == DATA, f"a PDU of type {kind}"
        place = body.index(struct.pack("<HHL", 0, 0x0900, 2))
        return int.from_bytes(body[place + 8 : place + 10], "little")

    def _read(self, count: int) -> bytes:
        data = b""
        with suppress(ConnectionError):
            while len(data) < count and (piece := self.socket.recv(count - len(data))):
                data += piece
        return data
