"""Memory while receiving four objects of 2 GB at once, by C-STORE and by STOW-RS: `make bench NAME=memory`.

A whole site is started, as people start it; the memory of all its processes is looked at ten times a second.
The objects are made while they are sent: zeros as pixels, so that only the disk holds them.
"""

import argparse
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import psutil

from harness import print_conditions, print_table, print_verdict, process_tree, pss_bytes
from kahua.dicom import write_file_meta
from kahua.store.dimse import pdu
from kahua.store.dimse.commands import encode_store_request
from kahua.testing.factory import ct_series, data_set_bytes
from kahua.testing.sender import CONTEXT, CT_IMAGE_STORAGE, EXPLICIT, Sender
from web_sides import BOUNDARY, STOW_TYPE, Side, kahua

NAME = "memory"
GOAL_MB = 400
GOAL_TEXT = f"at most {GOAL_MB} MB in all"

OBJECTS = 4
PIECE = bytes(1 << 20)


def main() -> None:
    """Measure, and print the table and the verdict."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabytes", type=float, default=2.0, help="size of one object")
    options = parser.parse_args()
    pieces = int(options.gigabytes * 1024)
    wanted = 2 * OBJECTS * pieces * len(PIECE) * 1.1
    with tempfile.TemporaryDirectory(prefix="kahua-memory-") as folder:
        if shutil.disk_usage(folder).free < wanted:
            print(f"{NAME}: not measured (less than {wanted / 1e9:.0f} GB are free), goal {GOAL_TEXT}, short")
            return
        report(measure(Path(folder), pieces), pieces)


def measure(folder: Path, pieces: int) -> dict[str, tuple[float, float]]:
    """Send by both doors; give the seconds and the highest memory in MB of each."""
    figures = {}
    with kahua(folder / "site") as side:
        time.sleep(5)
        figures["idle"] = (5.0, pss_bytes(side.pid) / 1e6)
        for name, send in {"C-STORE": send_by_dimse, "STOW-RS": send_by_stow}.items():
            figures[name] = watch(side, lambda number, send=send, name=name: send(side, f"{name}-{number}", pieces))
        stored = len(side.get("/instances?limit=100", Accept="application/dicom+json").split(b'"00080018"')) - 1
        if stored != 2 * OBJECTS:
            raise RuntimeError(f"{2 * OBJECTS} objects were sent, {stored} arrived.")
    return figures


def watch(side: Side, send: Callable[[int], None]) -> tuple[float, float]:
    """Send several objects at once; give the seconds, and the highest memory in MB."""
    begin, highest = time.monotonic(), 0.0
    senders = [threading.Thread(target=send, args=(number,)) for number in range(OBJECTS)]
    for sender in senders:
        sender.start()
    while any(sender.is_alive() for sender in senders):
        highest = max(highest, pss_bytes(side.pid) / 1e6)
        time.sleep(0.1)
    return time.monotonic() - begin, highest


def send_by_dimse(side: Side, seed: str, pieces: int) -> None:
    """Send one object over an association of its own."""
    uid, head = head_of(seed, pieces)
    with Sender(("127.0.0.1", dicom_port(side))) as sender:
        request = encode_store_request(1, sop_class_uid=CT_IMAGE_STORAGE, sop_instance_uid=uid)
        data = pdu.encode_data_set(CONTEXT.id, chunks_of(head, pieces), max_pdu_bytes=131_072)
        status = sender.store_pieces(chain([pdu.encode_command(CONTEXT.id, request)], data))
    if status:
        raise RuntimeError(f"The object was refused with {status:04X}.")


def send_by_stow(side: Side, seed: str, pieces: int) -> None:
    """Send one object in a request of its own."""
    uid, head = head_of(seed, pieces)
    meta = write_file_meta(sop_class_uid=CT_IMAGE_STORAGE, sop_instance_uid=uid, transfer_syntax_uid=EXPLICIT)
    begin = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode() + meta
    end = f"\r\n--{BOUNDARY}--\r\n".encode()
    size = len(begin) + len(head) + pieces * len(PIECE) + len(end)
    headers = {**side.headers, "Content-Type": STOW_TYPE, "Host": f"127.0.0.1:{side.port}", "Content-Length": str(size)}
    lines = [f"POST {side.root}/studies HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    with socket.create_connection(("127.0.0.1", side.port), timeout=600) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\nAccept: application/dicom+json\r\n\r\n").encode() + begin)
        for piece in chunks_of(head, pieces):
            connection.sendall(piece)
        connection.sendall(end)
        answer = connection.recv(1000)
    if not answer.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"The object was refused: {answer!r}")


def head_of(seed: str, pieces: int) -> tuple[str, bytes]:
    """Give the UID and the header of an object with so many MB of pixels."""
    instance = ct_series(slices=1, rows=8, columns=8, seed=seed)[0]
    instance.Rows = instance.Columns = 1024
    instance.NumberOfFrames = pieces * len(PIECE) // (2 * 1024 * 1024)
    instance.PixelData = b""
    head = data_set_bytes(instance)
    return instance.SOPInstanceUID, head[:-4] + (pieces * len(PIECE)).to_bytes(4, "little")


def chunks_of(head: bytes, pieces: int) -> Iterator[bytes]:
    """Give the data set in pieces."""
    yield head
    for _ in range(pieces):
        yield PIECE


def dicom_port(side: Side) -> int:
    """Find the port on which the receiver listens."""
    for process in process_tree(side.pid):
        for connection in process.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port != side.port:
                return int(connection.laddr.port)
    raise RuntimeError("The receiver does not listen.")


def report(figures: dict[str, tuple[float, float]], pieces: int) -> None:
    """Print the table, and as the last line what it comes to."""
    print_conditions()
    print(f"{OBJECTS} objects of {pieces / 1024:.1f} GB at once; highest memory of all processes (PSS)")
    print_table(["door", "seconds", "MB"], [(name, seconds, highest) for name, (seconds, highest) in figures.items()])
    highest = max(highest for _, highest in figures.values())
    print_verdict(NAME, figure=f"{highest:.0f} MB", goal=GOAL_TEXT, met=highest <= GOAL_MB)


if __name__ == "__main__":
    main()
