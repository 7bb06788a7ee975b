"""The least that a receiver in Python can do and keep the promise: what is left is what the machine asks for.

Usage: python benchmarks/least_receiver.py PORT FOLDER durable|unsynced

It reads whole messages, hashes them, writes each into a file of its own, makes one row, and answers. It checks
nothing, scans no header, knows no projects, and trusts its sender: no one may run it but a benchmark.
"""

import hashlib
import os
import socket
import sqlite3
import sys
import threading
from pathlib import Path

from kahua.dicom import IMPLEMENTATION_CLASS_UID
from kahua.store.dimse import pdu
from kahua.store.dimse.commands import Command, Status, decode_command, encode_response
from kahua.store.dimse.pdu import COMMAND, HEADER, LAST, PDV_HEADER, ContextAnswer, ContextResult, PduType
from kahua.testing.sender import CONTEXT, EXPLICIT, MAX_PDU_BYTES

ROWS = "CREATE TABLE instances (id INTEGER PRIMARY KEY, sop_instance_uid TEXT UNIQUE, object_key TEXT, size INTEGER)"


class Keeper:
    """Keeps objects and rows."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self._folder = folder
        self._durable = durable
        self._lock = threading.Lock()
        self._rows = sqlite3.connect(folder / "rows.sqlite3", isolation_level=None, check_same_thread=False)
        self._rows.execute("PRAGMA journal_mode=WAL")
        self._rows.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        self._rows.execute(ROWS)

    def keep(self, uid: str, data: memoryview) -> None:
        """Keep one object."""
        key = hashlib.sha256(data).hexdigest()
        waiting, place = self._folder / f"{key}.new", self._folder / key
        handle = os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.write(handle, data)
        if self._durable:
            os.fsync(handle)
        os.close(handle)
        waiting.rename(place)
        if self._durable:
            folder = os.open(self._folder, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        with self._lock:
            row = (uid, key, len(data))
            self._rows.execute("INSERT INTO instances (sop_instance_uid, object_key, size) VALUES (?, ?, ?)", row)


def serve(connection: socket.socket, keeper: Keeper) -> None:
    """Serve one association."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    pdu_bytes, data = memoryview(bytearray(MAX_PDU_BYTES)), memoryview(bytearray(4_000_000))
    command, used = b"", 0
    with connection:
        while True:
            kind, body = read(connection, pdu_bytes)
            if kind == PduType.ASSOCIATE_RQ:
                connection.sendall(accept(body))
            elif kind != PduType.DATA:
                return connection.sendall(pdu.encode_release_answer())
            elif body[PDV_HEADER.size - 1] & COMMAND:
                command, used = bytes(body[PDV_HEADER.size :]), 0
            else:
                fragment = body[PDV_HEADER.size :]
                data[used : used + len(fragment)] = fragment
                used += len(fragment)
                if body[PDV_HEADER.size - 1] & LAST:
                    connection.sendall(answer(command, data[:used], keeper))


def read(connection: socket.socket, place: memoryview) -> tuple[int, memoryview]:
    """Read a PDU: its type, and what is in it."""
    head = bytearray(HEADER.size)
    connection.recv_into(head, 0, socket.MSG_WAITALL)
    kind, length = HEADER.unpack(head)
    connection.recv_into(place[:length], 0, socket.MSG_WAITALL)
    return kind, place[:length]


def accept(request: memoryview) -> bytes:
    """Accept the only presentation context that the benchmark proposes."""
    return pdu.encode_associate_accept(
        request,
        [ContextAnswer(id=CONTEXT.id, result=ContextResult.ACCEPTED, transfer_syntax=EXPLICIT)],
        max_pdu_bytes=MAX_PDU_BYTES,
        implementation_class_uid=IMPLEMENTATION_CLASS_UID,
        implementation_version="LEAST",
    )


def answer(command: bytes, data: memoryview, keeper: Keeper) -> bytes:
    """Keep what came, and say so."""
    request = decode_command(command)
    if not isinstance(request, Command):
        raise TypeError("The sender answers instead of asking.")
    keeper.keep(request.sop_instance_uid, data)
    return pdu.encode_command(CONTEXT.id, encode_response(request, Status.SUCCESS))


def main() -> None:
    """Receive until stopped."""
    port, folder, durability = sys.argv[1:]
    keeper = Keeper(Path(folder), durable=durability == "durable")
    with socket.create_server(("127.0.0.1", int(port))) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, keeper), daemon=True).start()


if __name__ == "__main__":
    main()
