"""A sender of C-STORE with little overhead: whole messages are made before, and one `send` a message."""

import socket
from collections.abc import Iterable
from typing import Self

from kahua.dicom import IMPLEMENTATION_CLASS_UID
from kahua.store.dimse import pdu
from kahua.store.dimse.commands import Response, decode_command, encode_store_request
from kahua.store.dimse.pdu import HEADER, PDV_HEADER, PduType, ProposedContext

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"

#: Presentation context of everything that is sent.
CONTEXT = ProposedContext(id=1, abstract_syntax=CT_IMAGE_STORAGE, transfer_syntaxes=(EXPLICIT,))

#: Longest P-DATA-TF that Kahua takes.
MAX_PDU_BYTES = 131_072


def store_message(sop_instance_uid: str, data_set: bytes, *, max_pdu_bytes: int = MAX_PDU_BYTES) -> bytes:
    """Write all PDUs of a C-STORE-RQ for a CT slice."""
    request = encode_store_request(1, sop_class_uid=CT_IMAGE_STORAGE, sop_instance_uid=sop_instance_uid)
    pieces = pdu.encode_data_set(CONTEXT.id, [data_set], max_pdu_bytes=max_pdu_bytes)
    return pdu.encode_command(CONTEXT.id, request) + b"".join(pieces)


class Sender:
    """An association that only sends."""

    def __init__(self, address: tuple[str, int], *, called: str = "KAHUA", calling: str = "SENDER") -> None:
        self._socket = socket.create_connection(address, timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._called, self._calling = called, calling

    def __enter__(self) -> Self:
        try:
            self._associate()
        except OSError:
            self._socket.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def _associate(self) -> None:
        self._socket.sendall(
            pdu.encode_associate_request(
                called=self._called,
                calling=self._calling,
                contexts=(CONTEXT,),
                max_pdu_bytes=MAX_PDU_BYTES,
                implementation_class_uid=IMPLEMENTATION_CLASS_UID,
                implementation_version="SENDER",
            )
        )
        self._receive(PduType.ASSOCIATE_AC)

    def store(self, message: bytes) -> int:
        """Send a message; return the status of its answer.

        Raises
        ------
        ConnectionError
            The peer is gone, or says something else.
        """
        return self.store_pieces([message])

    def store_pieces(self, pieces: Iterable[bytes]) -> int:
        """Send a message that is made meanwhile; return the status of its answer.

        Raises
        ------
        ConnectionError
            The peer is gone, or says something else.
        """
        for piece in pieces:
            self._socket.sendall(piece)
        response = decode_command(self._receive(PduType.DATA)[PDV_HEADER.size :])
        if not isinstance(response, Response):
            raise ConnectionError("The peer asks instead of answering.")
        return response.status

    def release(self) -> None:
        """End the association as the standard says."""
        self._socket.sendall(pdu.encode_release_request())
        self._receive(PduType.RELEASE_RP)

    def _receive(self, expected: PduType) -> bytes:
        kind, length = HEADER.unpack(self._read(HEADER.size))
        body = self._read(length)
        if kind != expected:
            raise ConnectionError(f"The peer sends a PDU of type {kind} instead of {expected.value}.")
        return body

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self._socket.recv(count - len(data))
            if not piece:
                raise ConnectionError("The peer closed the connection.")
            data += piece
        return data
