"""Whatever a peer does, it is answered or closed, and the others are served."""

import socket
import struct
import threading
from collections.abc import Callable

import pytest

from kahua.store import Archive
from kahua.store.dimse import Receiver
from kahua.testing.factory import ct_series, data_set_bytes

from .raw import (
    ABORT,
    ACCEPT,
    CT,
    DATA,
    REQUEST,
    VERIFICATION,
    associate_body,
    command_set,
    connected,
    echo,
    fragment,
    pdu,
    store,
)

Address = tuple[str, int]

BY_USER, UNRECOGNIZED, UNEXPECTED, INVALID = (bytes(pair) for pair in ((0, 0), (2, 1), (2, 2), (2, 6)))

ECHO = command_set(0x0030, sop_class=VERIFICATION)
STORE = command_set(1, sop_class=CT, sop_instance="1.2.3", data_set=True)

#: What is sent on an established association, and the reason of the abort that must follow.
AFTER_ACCEPT = {
    "a second request": (pdu(REQUEST, associate_body()), UNEXPECTED),
    "an accept": (pdu(2, bytes(100)), UNEXPECTED),
    "a reject": (pdu(3), UNEXPECTED),
    "a release answer": (pdu(6), UNEXPECTED),
    "type 0": (pdu(0), UNRECOGNIZED),
    "type 9": (pdu(9, bytes(100)), UNRECOGNIZED),
    "type 255": (pdu(255), UNRECOGNIZED),
    "a release of wrong length": (pdu(5, b""), INVALID),
    "data of 4 GB": (struct.pack(">BxL", DATA, 0xFFFFFFFF) + bytes(1000), INVALID),
    "data over the announced maximum": (struct.pack(">BxL", DATA, 131_073) + bytes(1000), INVALID),
    "data without a fragment": (pdu(DATA, b""), INVALID),
    "a fragment header cut off": (pdu(DATA, b"\0\0\0\x02\1"), INVALID),
    "a fragment longer than its PDU": (pdu(DATA, struct.pack(">LBB", 1000, 1, 3) + bytes(10)), INVALID),
    "a fragment of length 0": (pdu(DATA, struct.pack(">LBB", 0, 1, 3)), INVALID),
    "a fragment of length 1": (pdu(DATA, struct.pack(">LBB", 1, 1, 3)), INVALID),
    "an empty fragment that is not the last": (pdu(DATA, fragment(1, 1, b"")), INVALID),
    "a context that was not proposed": (pdu(DATA, fragment(99, 3, ECHO)), INVALID),
    "a data set without a command": (pdu(DATA, fragment(3, 2, b"data")), INVALID),
    "a command in a data set": (pdu(DATA, fragment(3, 3, STORE) + fragment(3, 3, STORE)), INVALID),
    "a data set in another context": (pdu(DATA, fragment(3, 3, STORE) + fragment(1, 2, b"data")), INVALID),
    "more after the end of a message": (pdu(DATA, fragment(1, 3, ECHO) + fragment(1, 3, ECHO)), INVALID),
    "a command without end": (pdu(DATA, fragment(1, 1, bytes(10_000))) * 2, INVALID),
    "a command of noise": (pdu(DATA, fragment(1, 3, b"noise" * 20)), INVALID),
    "an empty command": (pdu(DATA, fragment(1, 3, b"")), INVALID),
    "a response": (pdu(DATA, fragment(1, 3, command_set(0x8030, sop_class=VERIFICATION))), INVALID),
}

#: What is sent instead of a request.
BEFORE_REQUEST = {
    "an accept": pdu(2, bytes(100)),
    "data": echo(),
    "a release": pdu(5),
    "type 0": pdu(0),
    "HTTP": b"GET / HTTP/1.1\r\nHost: kahua\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a request of 4 GB": struct.pack(">BxL", REQUEST, 0xFFFFFFFF) + bytes(100_000),
    "a request over the limit": struct.pack(">BxL", REQUEST, 262_145) + bytes(300_000),
    "a request of nothing": pdu(REQUEST, b""),
}


@pytest.fixture(autouse=True)
def served_afterwards(address: Address) -> object:
    """Let a second peer, before and after, be served as if nothing had happened."""
    with connected(address) as witness:
        assert witness.associate()[0] == ACCEPT
        yield
        witness.send(echo())
        assert witness.status() == 0
    with connected(address) as late:
        assert late.associate()[0] == ACCEPT


@pytest.mark.parametrize("attack", AFTER_ACCEPT)
def test_on_an_association_nonsense_is_aborted_with_its_reason(address: Address, attack: str) -> None:
    data, reason = AFTER_ACCEPT[attack]
    with connected(address) as peer:
        peer.associate()
        peer.send(data)
        kind, body = peer.receive()
        assert (kind, body[2:]) == (ABORT, reason)
        peer.send(pdu(7))
        assert peer.receive()[0] == 0


@pytest.mark.parametrize("attack", BEFORE_REQUEST)
def test_what_is_no_request_is_aborted(address: Address, attack: str) -> None:
    with connected(address) as peer:
        peer.send(BEFORE_REQUEST[attack])
        assert peer.receive() == (ABORT, b"\0\0" + BY_USER)
        peer.socket.shutdown(socket.SHUT_WR)
        assert peer.receive()[0] == 0


@pytest.mark.parametrize("body", [bytes(10), bytes(68), associate_body()[:-1], associate_body(contexts={2: (CT, [])})])
def test_a_malformed_request_is_aborted(address: Address, body: bytes) -> None:
    with connected(address) as peer:
        peer.send(pdu(REQUEST, body))
        assert peer.receive() == (ABORT, b"\0\0" + INVALID)


def test_an_abort_closes_at_once_in_every_state(address: Address) -> None:
    with connected(address) as peer:
        peer.send(pdu(ABORT))
        assert peer.receive()[0] == 0
    with connected(address) as peer:
        peer.associate()
        peer.send(pdu(ABORT))
        assert peer.receive()[0] == 0


def test_an_unknown_operation_is_answered(address: Address) -> None:
    with connected(address) as peer:
        peer.associate()
        peer.send(pdu(DATA, fragment(3, 3, command_set(0x0020, sop_class=CT))))
        assert peer.status() == 0x0211
        peer.send(pdu(DATA, fragment(3, 3, command_set(1, sop_class=CT))))
        assert peer.status() == 0xC000
        peer.send(store(b"data", "1.2.3", sop_class="1.2.840.10008.5.1.4.1.1.4"))
        assert peer.status() == 0x0122


def test_after_the_abort_nothing_that_comes_matters(address: Address) -> None:
    with connected(address) as peer:
        peer.associate()
        peer.send(pdu(9, bytes(100)) + echo() * 50 + pdu(REQUEST, associate_body()) + pdu(200, bytes(50)))
        assert peer.receive()[0] == ABORT
        kinds = set()
        while (answer := peer.receive())[0]:
            kinds.add(answer[0])
        assert kinds <= {ABORT}


def test_a_connection_that_says_nothing_is_closed(address: Address) -> None:
    with connected(address) as peer:
        assert peer.receive()[0] == 0


def test_a_request_that_comes_byte_by_byte_is_cut_off(address: Address) -> None:
    ended = threading.Event()
    with connected(address) as peer:

        def drip() -> None:
            for byte in pdu(REQUEST, associate_body()):
                peer.send(bytes([byte]))
                if ended.wait(0.2):
                    return

        dripping = threading.Thread(target=drip)
        dripping.start()
        assert peer.receive()[0] == 0
        ended.set()
        dripping.join()


def test_a_half_closed_connection_is_closed(address: Address) -> None:
    with connected(address) as peer:
        peer.associate()
        peer.socket.shutdown(socket.SHUT_WR)
        assert peer.receive()[0] == 0


def test_hundreds_of_silent_connections_take_no_place_and_no_thread(address: Address) -> None:
    silent = [socket.create_connection(address) for _ in range(600)]
    threads = threading.active_count()
    try:
        with connected(address) as peer:
            assert peer.associate()[0] == ACCEPT
            peer.send(echo())
            assert peer.status() == 0
            assert threading.active_count() <= threads + 1
    finally:
        for connection in silent:
            connection.close()


def test_a_crowd_from_one_address_keeps_a_slow_one_from_another_in(address: Address) -> None:
    request = pdu(REQUEST, associate_body())
    with socket.create_connection(address, timeout=5, source_address=("127.0.0.2", 0)) as slow:
        slow.sendall(request[:50])
        crowd = [socket.create_connection(address) for _ in range(700)]
        try:
            slow.sendall(request[50:])
            assert slow.recv(1)[0] == ACCEPT
        finally:
            for connection in crowd:
                connection.close()


def test_connections_that_come_and_go_leave_nothing(received: tuple[Receiver, Archive]) -> None:
    receiver, _ = received
    for number in range(300):
        with connected(receiver.address) as peer:
            if number % 3:
                peer.send(pdu(REQUEST, associate_body())[: number * 2])
            if number % 3 == 2:
                peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert _settles(lambda: sum(thread.name == "dicom-association" for thread in threading.enumerate()) <= 1)


def _settles(condition: Callable[[], bool]) -> bool:
    return any(condition() or threading.Event().wait(0.1) for _ in range(100))


def test_every_prefix_of_a_store_leaves_no_trace(address: Address, archive: Archive) -> None:
    instance = ct_series(slices=1, rows=8, columns=8)[0]
    message = store(data_set_bytes(instance), instance.SOPInstanceUID, piece=500)
    for end in range(1, len(message), 97):
        with connected(address) as peer:
            peer.associate()
            peer.send(message[:end])
    assert list(archive.objects.keys()) == []
    assert list(archive.staging.folder.iterdir()) == []
