"""Whatever a peer sends: it is refused cleanly, no thread fails, and the next peer is served."""

import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from kahua.settings import Settings
from kahua.store import Origin
from kahua.store.dimse import Receiver, Route
from kahua.testing.archive import archive_in
from kahua.testing.factory import ct_series, data_set_bytes, part10

from .raw import (
    ABORT,
    ACCEPT,
    CT,
    DATA,
    EXPLICIT,
    IMPLICIT,
    REJECT,
    RELEASE,
    RELEASED,
    REQUEST,
    VERIFICATION,
    RawPeer,
    associate_body,
    cancel,
    command_set,
    connected,
    echo,
    fragment,
    item,
    pdu,
)

Address = tuple[str, int]

FIND, GET, MOVE = (f"1.2.840.10008.5.1.4.1.2.2.{number}" for number in (1, 3, 2))
COMMITMENT = "1.2.840.10008.1.20.1"
CONTEXTS = {
    1: (VERIFICATION, [IMPLICIT]),
    3: (FIND, [EXPLICIT]),
    5: (GET, [EXPLICIT]),
    7: (CT, [EXPLICIT]),
    9: (MOVE, [IMPLICIT]),
    11: (COMMITMENT, [IMPLICIT]),
}
CLASSES = [VERIFICATION, FIND, GET, CT, MOVE, COMMITMENT]
FIELDS = [0x0001, 0x0010, 0x0020, 0x0021, 0x0030, 0x0100, 0x0110, 0x0130, 0x0140, 0x0150, 0x0FFF, 0x8001, 0x8020]
ANSWERS = {ACCEPT, REJECT, DATA, RELEASED, ABORT}

SERIES = ct_series(slices=2, rows=4, columns=4)
UIDS = [SERIES[0].StudyInstanceUID, SERIES[0].SeriesInstanceUID, SERIES[0].SOPInstanceUID]


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """Listen with every service, and hold a small series."""
    folder = tmp_path_factory.mktemp("random")
    with archive_in(folder) as archive:
        for instance in SERIES:
            path = folder / "one.dcm"
            path.write_bytes(part10(instance))
            archive.store_file("main", path, Origin(door="import", sender="test"))
        route = Route(project_id="main", may_query=True)
        receiver = Receiver(Settings(data_dir=folder, dicom_port=0), archive, lambda *_: route)
        receiver.start()
        yield receiver.address
        receiver.stop()


@st.composite
def damaged(draw: st.DrawFn, whole: st.SearchStrategy[bytes], most: int = 4) -> bytes:
    """Return bytes of which some are changed, missing, or put in."""
    data = bytearray(draw(whole))
    for _ in range(draw(st.integers(0, most))):
        place = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["change", "remove", "insert", "cut"])):
            case "change":
                data[place : place + 1] = draw(st.binary(min_size=1, max_size=4))
            case "remove":
                del data[place : place + draw(st.integers(1, 16))]
            case "insert":
                data[place:place] = draw(st.binary(max_size=8))
            case _:
                del data[max(place, 6) :]
    return bytes(data)


def _element(tag: int, vr: bytes, value: bytes) -> bytes:
    value += b" " * (len(value) % 2)
    long = vr in {b"SQ", b"UN", b"OB"}
    return struct.pack("<HH2sxxL" if long else "<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


TAGS = [0x00080005, 0x00080020, 0x00080052, 0x00080061, 0x00100010, 0x00100020, 0x0020000D, 0x0020000E, 0x00400275]
TAGS += [0x00080018, 0x00080030, 0x00201208, 0x00090010, 0x7FE00010, 0xFFFEE000]
KEYS = (
    st.sampled_from(
        [b"STUDY", b"SERIES", b"IMAGE", b"PATIENT", b"*", b"", b"20200101-", b"-2020", b"a\\b", b"ISO_IR 192"]
    )
    | st.sampled_from([uid.encode() for uid in UIDS])
    | st.binary(max_size=20)
)
VRS = st.sampled_from([b"CS", b"UI", b"DA", b"TM", b"PN", b"LO", b"IS", b"SQ", b"UN", b"OB", b"??"])
LEVELS = st.sampled_from([b"STUDY", b"SERIES", b"IMAGE"]).map(lambda name: _element(0x00080052, b"CS", name))
IDENTIFIERS = st.tuples(
    LEVELS, st.lists(st.builds(_element, st.sampled_from(TAGS), VRS, KEYS), max_size=5).map(b"".join)
).map(b"".join)
DATA_SETS = IDENTIFIERS | st.sampled_from([data_set_bytes(instance) for instance in SERIES]) | st.binary(max_size=60)

COMMANDS = st.builds(
    command_set,
    st.sampled_from(FIELDS) | st.integers(0, 0xFFFF),
    message_id=st.integers(0, 0xFFFF),
    sop_class=st.sampled_from([*CLASSES, "", "1.2.3"]),
    sop_instance=st.sampled_from([*UIDS, "", "1.2.3", "../x"]),
    data_set=st.booleans(),
)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """Return a message that is whole as a message, whatever its parts say."""
    context = draw(st.sampled_from([*CONTEXTS, 99]))
    command = draw(damaged(COMMANDS, 2))
    identifier = draw(damaged(DATA_SETS, 2))
    head = pdu(DATA, fragment(context, draw(st.sampled_from([3, 3, 3, 1])), command))
    return head + draw(st.sampled_from([b"", pdu(DATA, fragment(context, 2, identifier))]))


@st.composite
def well_formed_requests(draw: st.DrawFn) -> bytes:
    """Return a request of a service, of any data set."""
    field, sop_class, context = draw(
        st.sampled_from([(0x20, FIND, 3), (0x10, GET, 5), (0x21, MOVE, 9), (1, CT, 7), (0x130, COMMITMENT, 11)])
    )
    command = command_set(field, sop_class=sop_class, sop_instance=draw(st.sampled_from(UIDS)), data_set=True)
    identifier = draw(damaged(DATA_SETS if field in {1, 0x130} else IDENTIFIERS, 1))
    return pdu(DATA, fragment(context, 3, command)) + pdu(DATA, fragment(context, 2, identifier))


NOISE = st.builds(pdu, st.integers(0, 255), st.binary(max_size=40))
STREAMS = damaged(
    st.lists(
        messages() | well_formed_requests() | NOISE | st.sampled_from([echo(), cancel(1, context_id=3)]), max_size=5
    ).map(b"".join),
    1,
)

TEXT = st.sampled_from([*CLASSES, EXPLICIT, IMPLICIT, "1.2.3", "", "1" * 65, "x"])
ITEMS = st.builds(item, st.sampled_from([0x10, 0x20, 0x21, 0x30, 0x40, 0x50, 0x51, 0x52, 0x53, 0x54, 0x56, 0x58]), KEYS)
PROPOSED = st.dictionaries(st.integers(0, 255), st.tuples(TEXT, st.lists(TEXT, max_size=3)), max_size=6)
BODIES = st.builds(
    lambda contexts, providers, extra, version: (
        associate_body(contexts=contexts, providers=providers, version=version) + b"".join(extra)
    ),
    PROPOSED,
    st.lists(TEXT, max_size=4),
    st.lists(ITEMS, max_size=3),
    st.sampled_from([1, 1, 1, 0, 2, 0xFFFF]),
)


def is_served(address: Address) -> bool:
    with connected(address) as peer:
        if peer.associate()[0] != ACCEPT:
            return False
        peer.send(echo())
        answered = peer.status() == 0
        peer.send(pdu(RELEASE))
        return answered and peer.receive()[0] == RELEASED


def to_the_end(peer: RawPeer) -> list[int]:
    """Say that nothing more comes, and read what the receiver says until it closes."""
    with suppress(OSError):  # it has closed already; what it said is still to be read
        peer.socket.shutdown(socket.SHUT_WR)
    kinds = []
    while (kind := peer.receive()[0]) != 0:
        kinds.append(kind)
    return kinds


def failures(logged: list[dict[str, object]]) -> list[dict[str, object]]:
    return [entry for entry in logged if entry["log_level"] in {"error", "critical"}]


@given(STREAMS)
@settings(max_examples=150, deadline=None)
def test_any_stream_on_an_association_ends_cleanly(listening: Address, stream: bytes) -> None:
    with capture_logs() as logged:
        with connected(listening) as peer:
            assert peer.associate(contexts=CONTEXTS, providers=[CT])[0] == ACCEPT
            peer.send(stream)
            assert set(to_the_end(peer)) <= {DATA, RELEASED, ABORT}
        assert is_served(listening)
    assert failures(logged) == []


@given(damaged(BODIES, 2), STREAMS)
@settings(max_examples=100, deadline=None)
def test_any_request_is_answered_or_refused(listening: Address, body: bytes, stream: bytes) -> None:
    with capture_logs() as logged:
        with connected(listening) as peer:
            peer.send(pdu(REQUEST, body) + stream)
            assert set(to_the_end(peer)) <= ANSWERS
        assert is_served(listening)
    assert failures(logged) == []


@given(
    damaged(st.tuples(BODIES.map(lambda body: pdu(REQUEST, body)), STREAMS).map(b"".join), 5) | st.binary(max_size=300)
)
@settings(max_examples=80, deadline=None)
def test_any_bytes_on_a_connection_end_cleanly(listening: Address, stream: bytes) -> None:
    with capture_logs() as logged:
        with connected(listening) as peer:
            peer.send(stream)
            assert set(to_the_end(peer)) <= ANSWERS
        assert is_served(listening)
    assert failures(logged) == []
