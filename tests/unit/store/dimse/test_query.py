"""Queries and retrievals as no honest client sends them."""

import struct
from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kahua.errors import InvalidInput, Unavailable
from kahua.settings import Settings
from kahua.store import Origin
from kahua.store.dimse import Receiver, Route, finding, retrieving
from kahua.store.dimse.commitment import read_request
from kahua.store.dimse.identifier import read_identifier, write_identifier
from kahua.testing.archive import archive_in
from kahua.testing.factory import ct_series, part10

from .raw import ABORT, CT, DATA, EXPLICIT, IMPLICIT, RawPeer, cancel, connected, echo, pdu, query

FIND, GET = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.3"
CONTEXTS = {1: ("1.2.840.10008.1.1", [IMPLICIT]), 3: (FIND, [EXPLICIT]), 5: (GET, [EXPLICIT]), 7: (CT, [EXPLICIT])}
FIND_RQ, GET_RQ = 0x0020, 0x0010
SERIES = ct_series(slices=3)


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[RawPeer]:
    """Speak to a receiver that holds three instances, as one that may query."""
    with archive_in(tmp_path) as archive:
        for instance in SERIES:
            path = tmp_path / "one.dcm"
            path.write_bytes(part10(instance))
            archive.store_file("main", path, Origin(door="import", sender="test"))
        route = Route(project_id="main", may_query=True)
        receiver = Receiver(Settings(data_dir=tmp_path, dicom_port=0), archive, lambda *_: route)
        receiver.start()
        with connected(receiver.address) as peer:
            kind, _ = peer.associate(contexts=CONTEXTS, providers=[CT])
            assert kind == 2
            yield peer
        receiver.stop()


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    value += b" " * (len(value) % 2)
    if vr in {b"SQ", b"OB", b"UN"}:
        return struct.pack("<HH2sxxL", tag >> 16, tag & 0xFFFF, vr, len(value)) + value
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def item(content: bytes) -> bytes:
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(content)) + content


def level(name: bytes) -> bytes:
    return element(0x00080052, b"CS", name)


def find(identifier: bytes, **options: int) -> bytes:
    return query(FIND_RQ, identifier, sop_class=FIND, context_id=3, **options)


def get(identifier: bytes) -> bytes:
    return query(GET_RQ, identifier, sop_class=GET, context_id=5)


def statuses(peer: RawPeer) -> list[int]:
    """Read responses up to the final one; data sets are skipped."""
    found = []
    while not found or found[-1] & 0xFF00 == 0xFF00:
        kind, body = peer.receive()
        assert kind == DATA
        if body[5] & 1:
            place = body.index(struct.pack("<HHL", 0, 0x0900, 2))
            found.append(int.from_bytes(body[place + 8 : place + 10], "little"))
    return found


def test_every_match_is_a_response_and_the_association_stays(peer: RawPeer) -> None:
    peer.send(find(level(b"IMAGE")))
    assert statuses(peer) == [0xFF00] * 3 + [0]
    peer.send(echo())
    assert statuses(peer) == [0]


def test_a_query_is_cancelled_between_two_responses(peer: RawPeer) -> None:
    peer.send(find(level(b"IMAGE"), message_id=7) + cancel(7, context_id=3))
    assert statuses(peer)[-1] in {0xFE00, 0}  # the last response may have been under way
    peer.send(cancel(7, context_id=3) + find(level(b"IMAGE"), message_id=8))
    assert statuses(peer) == [0xFF00] * 3 + [0]


def test_a_query_with_answers_without_end_stops_where_it_is_cancelled(
    peer: RawPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "MAX_ANSWERS", 10_000_000)
    monkeypatch.setattr(finding, "_rows", lambda *_: repeat((None, b"{}")))
    peer.send(find(level(b"IMAGE"), message_id=7))
    peer.receive()
    peer.send(cancel(7, context_id=3))
    assert statuses(peer)[-1] == 0xFE00  # after what was under way; without it, nothing would ever be the last
    peer.send(echo())
    assert statuses(peer) == [0]


def test_a_retrieval_is_cancelled_between_two_objects(peer: RawPeer) -> None:
    peer.send(get(level(b"STUDY") + element(0x0020000D, b"UI", SERIES[0].StudyInstanceUID.encode())))
    request = next_command(peer)
    peer.send(cancel(1, context_id=5) + stored(request))
    assert number(next_command(peer), 0x0900) == 0xFE00


def test_a_failing_object_is_counted_and_listed(peer: RawPeer) -> None:
    peer.send(get(level(b"STUDY") + element(0x0020000D, b"UI", SERIES[0].StudyInstanceUID.encode())))
    for expected in ((2, 0, 1), (1, 1, 1), None):
        peer.send(stored(next_command(peer), status=0 if expected is None or expected[1] else 0xA700))
        answer = next_command(peer)
        if expected is not None:
            assert tuple(number(answer, tag) for tag in (0x1020, 0x1021, 0x1022)) == expected
    assert (number(answer, 0x0900), number(answer, 0x1021), number(answer, 0x1022)) == (0xB000, 2, 1)
    kind, body = peer.receive()
    assert kind == DATA
    assert SERIES[0].SOPInstanceUID.encode() in body


def test_an_object_that_breaks_off_half_way_ends_the_association(
    peer: RawPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a message is under way: nothing that is said after it could be understood."""

    def pieces() -> Iterator[bytes]:
        yield bytes(100_000)
        raise Unavailable("The object store does not answer.")

    real = retrieving.outgoing
    monkeypatch.setattr(retrieving, "outgoing", lambda *held: replace(real(*held), data=pieces, file=None))
    peer.send(get(level(b"STUDY") + element(0x0020000D, b"UI", SERIES[0].StudyInstanceUID.encode())))
    while (received := peer.receive())[0] == DATA:
        assert not received[1][5] & 1 or number(received[1][6:], 0x0100) == 0x0001
    assert received[0] == ABORT


@pytest.mark.parametrize(
    ("key", "status"),
    [
        (element(0x00080062, b"UI", CT.encode()), 0xFF00),
        (element(0x00189998, b"OB", b"\1\2"), 0xFF01),
        (element(0x00189998, b"OB", b""), 0xFF00),
        (element(0x00400275, b"SQ", item(element(0x00189998, b"OB", b"\1\2"))), 0xFF01),
        (element(0x00100020, b"UN", SERIES[0].PatientID.encode()), 0xFF00),
        (element(0x00080201, b"SH", b"+0100"), 0xFF01),
        (element(0x00201208, b"IS", b"77"), 0xFF01),
    ],
)
def test_what_is_ignored_is_said(peer: RawPeer, key: bytes, status: int) -> None:
    parts = [key, level(b"STUDY")]
    peer.send(find(b"".join(sorted(parts, key=lambda part: struct.unpack("<HH", part[:4])))))
    assert statuses(peer) == [status, 0]


def next_command(peer: RawPeer) -> bytes:
    while True:
        kind, body = peer.receive()
        assert kind == DATA
        if body[5] & 1:
            command = body[6:]
            if number(command, 0x0100) != 0x0001:
                return command
            while not peer_data_ended(peer):
                pass
            return command


def peer_data_ended(peer: RawPeer) -> bool:
    kind, body = peer.receive()
    assert kind == DATA
    return bool(body[5] & 2)


def number(command: bytes, tag: int) -> int:
    place = command.index(struct.pack("<HHL", 0, tag, 2))
    return int.from_bytes(command[place + 8 : place + 10], "little")


def stored(request: bytes, status: int = 0) -> bytes:
    """Answer a C-STORE-RQ of the receiver."""
    elements = b"".join(
        struct.pack("<HHLH", 0, tag, 2, value)
        for tag, value in ((0x100, 0x8001), (0x120, number(request, 0x0110)), (0x800, 0x0101), (0x900, status))
    )
    command = struct.pack("<HHLL", 0, 0, 4, len(elements)) + elements
    return pdu(DATA, struct.pack(">LBB", len(command) + 2, 7, 3) + command)


@pytest.mark.parametrize(
    ("identifier", "status"),
    [
        (b"", 0xA900),
        (b"\xff" * 9, 0xA900),
        (level(b"STUDY")[:-1], 0xA900),
        (level(b"STUDY") * 6000, 0xA900),
        (level(b"NOWHERE"), 0xA900),
        (level(b"STUDY") + element(0x0020000D, b"UI", b"\\".join([b"1.2.3"] * 501)), 0xA900),
        (level(b"STUDY") + element(0x00100020, b"LO", b"*a" * 5000), 0xA900),
        (level(b"STUDY") + element(0x00080020, b"DA", b"20200101-20-20"), 0xA900),
        (level(b"STUDY") + element(0x00100020, b"LO", b"a\0b"), 0xA900),
        (level(b"SERIES") + element(0x00200011, b"IS", b"9" * 5000), 0xA900),
        (level(b"STUDY") + element(0x00100010, b"PN", b"'; DROP TABLE studies; --"), 0),
        (level(b"STUDY") + element(0x00100010, b"PN", b"%_[a-z]{1,99}(a+)+$"), 0),
        (level(b"STUDY") + element(0x00400100, b"SQ", element(0x00400001, b"AE", b"x")[:4]), 0xA900),
        (level(b"STUDY") + element(0x0020000D, b"UI", b"../../etc/passwd"), 0),
        (level(b"STUDY") + b"".join(element(0x00190010 + tag, b"LO", b"x") for tag in range(101)), 0xA900),
        (level(b"STUDY") + element(0x00400275, b"SQ", (struct.pack("<HHL", 0xFFFE, 0xE000, 0)) * 2), 0xA900),
        (level(b"STUDY") + element(0x00190010, b"SQ", item(element(0x00400009, b"SH", b"x"))), 0xA900),
        (level(b"STUDY") + element(0x00400275, b"SQ", item(element(0x00400009, b"SH", b"*a" * 20))), 0xA900),
        (level(b"STUDY") + element(0x00400275, b"SQ", item(element(0x00400009, b"SH", b"none"))), 0),
    ],
    ids=range(19),
)
def test_hostile_keys_get_a_status_and_the_association_stays(peer: RawPeer, identifier: bytes, status: int) -> None:
    peer.send(find(identifier))
    assert statuses(peer) == [status]
    peer.send(echo())
    assert statuses(peer) == [0]


def test_deeply_nested_keys_are_refused(peer: RawPeer) -> None:
    nested = b""
    for _ in range(200):
        nested = element(0x00400100, b"SQ", struct.pack("<HHL", 0xFFFE, 0xE000, len(nested)) + nested)
    peer.send(find(level(b"STUDY") + nested))
    assert statuses(peer) == [0xA900]


def test_an_endless_identifier_is_refused(peer: RawPeer) -> None:
    command = query(FIND_RQ, b"", sop_class=FIND, context_id=3)
    command = command[: command.rindex(pdu(DATA, struct.pack(">LBB", 2, 3, 2)))]
    piece = pdu(DATA, struct.pack(">LBB", 100_002, 3, 0) + bytes(100_000))
    peer.send(command + piece * 11 + pdu(DATA, struct.pack(">LBB", 2, 3, 2)))
    assert statuses(peer) == [0xA900]


def test_a_request_within_another_aborts_the_association(peer: RawPeer) -> None:
    peer.send(get(level(b"STUDY") + element(0x0020000D, b"UI", SERIES[0].StudyInstanceUID.encode())))
    next_command(peer)
    peer.send(echo())
    assert peer.receive()[0] == ABORT


@given(st.binary(max_size=400))
def test_no_bytes_confuse_the_reader_of_identifiers(noise: bytes) -> None:
    for data in (noise, level(b"STUDY") + noise):
        for syntax in (EXPLICIT, IMPLICIT):
            try:
                identifier = read_identifier(data, syntax)
            except InvalidInput:
                continue
            write_identifier(identifier, {}, {}, syntax)


@given(st.binary(max_size=400))
def test_no_bytes_confuse_the_reader_of_requests_for_commitment(noise: bytes) -> None:
    sequence = element(0x00081199, b"SQ", struct.pack("<HHL", 0xFFFE, 0xE000, len(noise)) + noise)
    for data in (noise, element(0x00081195, b"UI", b"1.2.3") + sequence, sequence + noise):
        for syntax in (EXPLICIT, IMPLICIT):
            try:
                read_request(data, syntax)
            except InvalidInput:
                continue
