"""A hostile DIMSE server cannot make this site wait without end, fill its memory, or keep what was not asked for."""

import socket
import struct
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from kahua.errors import KahuaError, MisdeclaredDicom, PeerUnavailable, TooMuch
from kahua.settings import Settings
from kahua.store import Archive, Limits, Origin
from kahua.store.dimse import association, link, requestor
from kahua.store.dimse.pdu import ContextAnswer, ContextResult, decode_associate_request, encode_associate_accept
from kahua.store.dimse.sender import Destination, Outgoing, send
from kahua.store.remote import dimse, worklist
from kahua.store.remote.dimse import DimseSource
from kahua.store.remote.identifiers import write_identifier
from kahua.store.remote.intake import Intake
from kahua.store.remote.source import StudyQuery
from kahua.store.remote.worklist import StepQuery, find_steps
from kahua.testing.archive import archive_in
from kahua.testing.factory import ct_series, data_set_bytes

from .raw import ABORT, ACCEPT, CT, DATA, IMPLICIT, RELEASED, RawPeer, command_set, fragment, pdu, store

#: What a server does once the association stands.
Script = Callable[[RawPeer], None]

PENDING, SUCCESS = 0xFF00, 0x0000
C_FIND, C_GET, C_MOVE = 0x8020, 0x8010, 0x8021
(IMAGE,) = ct_series(slices=1)
STUDY, SERIES = str(IMAGE.StudyInstanceUID), str(IMAGE.SeriesInstanceUID)
ANSWER = write_identifier("IMAGE", {0x00080016: CT, 0x00080018: "1.2.3", 0x0020000D: STUDY, 0x0020000E: SERIES})


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every patience be short."""
    monkeypatch.setattr(dimse, "QUESTION", replace(dimse.QUESTION, idle_seconds=1.5, total_seconds=3))
    monkeypatch.setattr(worklist, "QUESTION", replace(dimse.QUESTION, idle_seconds=1.5, total_seconds=3))
    monkeypatch.setattr(dimse, "RETRIEVAL", replace(dimse.RETRIEVAL, idle_seconds=1.5, total_seconds=3))
    monkeypatch.setattr(dimse, "MAX_MESSAGES", 200)
    monkeypatch.setattr(requestor, "ANSWER_SECONDS", 1.5)
    monkeypatch.setattr(requestor, "PDU_SECONDS", 1.5)
    monkeypatch.setattr(association, "RELEASE_SECONDS", 1.0)
    monkeypatch.setattr(association, "CLOSE_SECONDS", 0.5)


@contextmanager
def serving(script: Script, *, greets: bool = True) -> Iterator[Destination]:
    """Let a script serve every association, accepted as it was proposed unless it shall not be greeted."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    connection.settimeout(10)
                    threads.append(threading.Thread(target=speak, args=(connection,)))
                    threads[-1].start()

        def speak(connection: socket.socket) -> None:
            with connection, suppress(OSError, AssertionError):
                peer = RawPeer(connection)
                if greets:
                    greet(peer)
                script(peer)

        threads = [threading.Thread(target=serve)]
        threads[0].start()
        yield Destination(ae_title="HOSTILE", host="127.0.0.1", port=listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


def greet(peer: RawPeer, *, shift: int = 0, syntax: str = "") -> None:
    """Accept what is proposed; or contexts of other ids, or another transfer syntax."""
    _, body = peer.receive()
    request = decode_associate_request(memoryview(body))
    answers = [
        ContextAnswer(
            id=(context.id + shift) % 256,
            result=ContextResult.ACCEPTED,
            transfer_syntax=syntax or context.transfer_syntaxes[0],
        )
        for context in request.contexts
    ]
    user = {"max_pdu_bytes": 16384, "implementation_class_uid": "1.2", "implementation_version": "HOSTILE"}
    peer.send(encode_associate_accept(memoryview(body), answers, roles=request.roles, **user))


def response(field: int, status: int, *, message_id: int = 1, data_set: bool = False) -> bytes:
    elements = b"".join(
        struct.pack("<HHLH", 0, number, 2, value)
        for number, value in (
            (0x0100, field),
            (0x0120, message_id),
            (0x0800, 0 if data_set else 0x0101),
            (0x0900, status),
        )
    )
    return struct.pack("<HHLL", 0, 0, 4, len(elements)) + elements


def answered(command: bytes, data: bytes | None = None, *, context_id: int = 1) -> bytes:
    """Write a message, its data set in pieces of 16 KB."""
    pieces = [data[start : start + 16_000] for start in range(0, len(data), 16_000)] if data else []
    return pdu(DATA, fragment(context_id, 3, command)) + b"".join(
        pdu(DATA, fragment(context_id, 2 if number == len(pieces) else 0, piece))
        for number, piece in enumerate(pieces, 1)
    )


def pending(identifier: bytes = ANSWER, *, field: int = C_FIND, message_id: int = 1, context_id: int = 1) -> bytes:
    command = response(field, PENDING, message_id=message_id, data_set=True)
    return answered(command, identifier, context_id=context_id)


def say(*messages: bytes, reads: int = 2) -> Script:
    """Hear the question, say something, and wait for the end."""

    def script(peer: RawPeer) -> None:
        hear(peer, reads)
        for message in messages:
            peer.send(message)
        wait(peer)

    return script


def hear(peer: RawPeer, pdus: int = 2) -> None:
    for _ in range(pdus):
        peer.receive()


def wait(peer: RawPeer) -> None:
    """Read until the site hangs up."""
    while peer.socket.recv(65_536):
        pass


def drip(peer: RawPeer, message: bytes, *, seconds: float = 0.4) -> None:
    """Say something for ever, each time just before patience ends."""
    pause = threading.Event()
    while not pause.wait(seconds):
        peer.socket.sendall(message)


def flood(message: bytes, *, reads: int = 2) -> Script:
    """Say something for ever, as fast as it is read."""

    def script(peer: RawPeer) -> None:
        hear(peer, reads)
        many = message * max(1, 100_000 // len(message))
        while True:
            peer.socket.sendall(many)

    return script


def source(destination: Destination, folder: Path, *, receiver: str = "", **settings: object) -> DimseSource:
    limits = Limits.from_settings(Settings(data_dir=folder, **settings))  # type: ignore[arg-type]
    return DimseSource(destination=destination, calling="KAHUA", receiver=receiver, limits=limits)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        pytest.param(lambda peer: wait(peer), "no answer in time", id="never answers"),
        pytest.param(
            lambda peer: peer.socket.shutdown(socket.SHUT_WR) or wait(peer), "connection lost", id="half open"
        ),
        pytest.param(lambda peer: peer.send(pdu(ABORT)) or wait(peer), "aborted by the peer", id="aborts"),
        pytest.param(lambda peer: drip(peer, b"\2"), "protocol|no answer in time", id="drips a header"),
        pytest.param(
            lambda peer: peer.send(b"\2\0\0\0\xff\0" + bytes(100)) or wait(peer), "no answer in time", id="stops within"
        ),
        pytest.param(flood(pdu(ACCEPT, bytes(60_000)), reads=1), "does not offer", id="floods"),
        pytest.param(lambda peer: greet(peer, shift=100) or wait(peer), "does not offer", id="contexts of its own"),
        pytest.param(lambda peer: greet(peer, shift=1) or wait(peer), "does not offer|protocol", id="even contexts"),
        pytest.param(lambda peer: greet(peer, syntax="1.2.3") or wait(peer), "breaks the protocol", id="own syntax"),
    ],
)
def test_whatever_comes_instead_of_an_association_ends_in_words(tmp_path: Path, script: Script, words: str) -> None:
    with (
        serving(script, greets=False) as destination,
        pytest.raises(PeerUnavailable, match=words),
    ):
        source(destination, tmp_path).verify()


def test_garbage_instead_of_tls_is_told(tmp_path: Path) -> None:
    with (
        serving(say(b"\x16\x03\x01\xff\xff" + bytes(70_000), reads=0), greets=False) as destination,
        pytest.raises(PeerUnavailable, match="does not speak TLS"),
    ):
        source(replace(destination, tls=True), tmp_path).verify()


#: What is asked of a server.
QUESTIONS: dict[str, Callable[[Destination, Path], object]] = {
    "studies": lambda destination, folder: source(destination, folder).find_studies(StudyQuery()),
    "steps": lambda destination, _folder: list(find_steps(destination, StepQuery(), calling="KAHUA")),
}

LONG = struct.pack("<HHL", 0x0010, 0x0010, 3_000_000) + b"A" * 3_000_000
DEEP = (struct.pack("<HHL", 0x0040, 0x0100, 0xFFFFFFFF) + struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)) * 500


@pytest.mark.parametrize(
    ("script", "words"),
    [
        pytest.param(wait, "no answer in time", id="never answers"),
        pytest.param(lambda peer: drip(peer, pending()), "no answer in time", id="drips answers"),
        pytest.param(lambda peer: drip(peer, answered(command_set(0x0FFF))), "protocol", id="cancels for ever"),
        pytest.param(say(pending(LONG)), "protocol", id="huge identifier"),
        pytest.param(flood(pdu(DATA, fragment(1, 0, bytes(16_000)))), "protocol", id="data without command"),
        pytest.param(
            flood(pending()[:-2] + pdu(DATA, fragment(1, 0, bytes(16_000)))), "protocol", id="data set without end"
        ),
        pytest.param(say(pending(DEEP)), "cannot be read", id="deep sequences"),
        pytest.param(say(pending(b"\x10\0\x10\0\xff\xff\xff\x7fAB")), "cannot be read", id="lengths that lie"),
        pytest.param(say(pending(message_id=2)), "protocol", id="another message"),
        pytest.param(say(pending(field=C_GET)), "protocol", id="another operation"),
        pytest.param(say(pending(context_id=3)), "protocol", id="another context"),
        pytest.param(say(answered(response(C_FIND, PENDING))), "protocol", id="no identifier"),
        pytest.param(say(answered(command_set(0x0030))), "protocol", id="a request of its own"),
        pytest.param(say(pdu(DATA, b"\xff\xff\xff\xff\1\3")), "protocol", id="a fragment that lies"),
        pytest.param(say(b"\4\0\xff\xff\xff\xff"), "protocol", id="a PDU that lies"),
        pytest.param(say(pdu(99)), "protocol", id="a PDU of no type"),
        pytest.param(say(pdu(ABORT)), "aborted by the peer", id="aborts"),
        pytest.param(say(pending() + pdu(ABORT)), "aborted by the peer", id="aborts after an answer"),
        pytest.param(say(pdu(5)), "released by the peer", id="releases"),
        pytest.param(say(answered(response(C_FIND, 0xC001))), "C001H", id="fails"),
    ],
)
@pytest.mark.parametrize("question", ["studies", "steps"])
def test_whatever_answers_a_question_ends_in_words(tmp_path: Path, script: Script, words: str, question: str) -> None:
    with serving(script) as destination, pytest.raises(PeerUnavailable, match=words):
        QUESTIONS[question](destination, tmp_path)


def test_answers_without_end_are_cut_off_with_little_memory(tmp_path: Path) -> None:
    """Each is of another study; the peer goes on after it has been asked to release the association."""
    numbers = count(1)

    def script(peer: RawPeer) -> None:
        hear(peer)
        while True:
            peer.socket.sendall(pending(write_identifier("STUDY", {0x0020000D: f"1.2.{next(numbers)}"})))

    tracemalloc.start()
    try:
        with serving(script) as destination:
            assert len(source(destination, tmp_path).find_studies(StudyQuery(), limit=100)) == 100
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_question_that_has_enough_answers_is_cancelled(tmp_path: Path) -> None:
    heard: list[bytes] = []

    def script(peer: RawPeer) -> None:
        hear(peer)
        peer.send(pending() * 3)
        heard.append(peer.receive()[1])
        peer.send(answered(response(C_FIND, 0xFE00)))
        peer.receive()
        peer.send(pdu(RELEASED))

    with serving(script) as destination:
        source(destination, tmp_path).find_studies(StudyQuery(), limit=2)
    assert struct.pack("<HHLH", 0, 0x0100, 2, 0x0FFF) in heard[0]


@pytest.mark.parametrize("end", [wait, lambda peer: peer.socket.close(), lambda peer: peer.send(pdu(ABORT))])
def test_what_was_found_stays_found_however_a_peer_takes_the_cancellation(tmp_path: Path, end: Script) -> None:
    def script(peer: RawPeer) -> None:
        hear(peer)
        peer.send(pending() * 3)
        peer.receive()
        end(peer)

    with serving(script) as destination:
        assert len(source(destination, tmp_path).find_studies(StudyQuery(), limit=1)) == 1


def studies(*modalities: str) -> Script:
    """Answer with a study of each modality, whichever was asked for."""
    rows = [{0x0020000D: f"1.2.{number}", 0x00080061: each} for number, each in enumerate(modalities)]
    answers = [pending(write_identifier("STUDY", row)) for row in rows]
    return say(*answers, answered(response(C_FIND, 0)))


def test_a_peer_that_ignores_the_modality_hides_no_study(tmp_path: Path) -> None:
    with serving(studies("MR", "MR", "CT")) as destination:
        (found,) = source(destination, tmp_path).find_studies(StudyQuery(modality="CT"), limit=1)
    assert (found.study_uid, list(found.modalities)) == ("1.2.2", ["CT"])


def test_a_peer_that_ignores_the_modality_and_has_too_much_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kahua.store.remote.dimse.MAX_STUDIES", 2)
    with serving(studies("MR", "MR", "CT")) as destination, pytest.raises(PeerUnavailable, match="ignores"):
        source(destination, tmp_path).find_studies(StudyQuery(modality="CT"), limit=1)


def retrieving(*messages: bytes, end: Script = wait) -> Script:
    """Say that there is a CT image, then answer the retrieval with messages."""

    def script(peer: RawPeer) -> None:
        _, command = peer.receive()
        peer.receive()
        if struct.pack("<HHLH", 0, 0x0100, 2, 0x0020) in command:
            peer.send(pending() + answered(response(C_FIND, SUCCESS)))
            peer.receive()
            peer.send(pdu(RELEASED))
            return
        for message in messages:
            peer.send(message)
        end(peer)

    return script


def instance(**attributes: str) -> bytes:
    (image,) = ct_series(slices=1)
    for keyword, value in attributes.items():
        setattr(image, keyword, value)
    return data_set_bytes(image, IMPLICIT)


def stored(data: bytes, *, context_id: int = 25, sop_class: str = CT) -> bytes:
    """Write a sub-operation; among the contexts of a retrieval, one of the last is that of the plain encoding."""
    return store(data, "1.2.3", context_id=context_id, sop_class=sop_class, piece=16_000)


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        pytest.param(retrieving(), PeerUnavailable, "no answer in time", id="never answers"),
        pytest.param(
            retrieving(end=flood(answered(response(C_GET, PENDING)), reads=0)),
            PeerUnavailable,
            "without end",
            id="tells",
        ),
        pytest.param(
            retrieving(end=lambda peer: drip(peer, answered(response(C_GET, PENDING)))),
            PeerUnavailable,
            "no answer in time",
            id="drips",
        ),
        pytest.param(
            retrieving(answered(command_set(1, sop_class=CT, sop_instance="1.2.3"), context_id=25)),
            PeerUnavailable,
            "protocol",
            id="no data set",
        ),
        pytest.param(retrieving(stored(instance(), context_id=1)), PeerUnavailable, "protocol", id="the wrong context"),
        pytest.param(
            retrieving(stored(instance(), sop_class="1.2.3")), PeerUnavailable, "protocol", id="another class"
        ),
        pytest.param(retrieving(stored(instance(), context_id=201)), PeerUnavailable, "protocol", id="no context"),
        pytest.param(
            retrieving(answered(response(C_MOVE, SUCCESS))), PeerUnavailable, "protocol", id="another operation"
        ),
        pytest.param(retrieving(stored(bytes(300_000))), TooMuch, "larger than", id="too large"),
        pytest.param(retrieving(stored(instance()) + pdu(ABORT)), PeerUnavailable, "aborted", id="aborts after one"),
        pytest.param(retrieving(answered(response(C_GET, 0xA701))), PeerUnavailable, "A701H", id="fails"),
    ],
)
def test_whatever_answers_a_retrieval_ends_in_words(
    tmp_path: Path, script: Script, error: type[KahuaError], words: str
) -> None:
    with serving(script) as destination, pytest.raises(error, match=words):
        list(source(destination, tmp_path, max_object_bytes=200_000).retrieve(STUDY, SERIES, tmp_path))


@pytest.mark.parametrize(
    "script",
    [
        retrieving(end=flood(answered(response(C_MOVE, PENDING)), reads=0)),
        retrieving(end=lambda peer: drip(peer, answered(response(C_MOVE, PENDING)))),
        retrieving(answered(response(C_MOVE, SUCCESS, message_id=9))),
        retrieving(stored(instance(), context_id=1)),
    ],
)
def test_a_move_without_end_is_given_up(tmp_path: Path, script: Script) -> None:
    with serving(script) as destination, pytest.raises(PeerUnavailable):
        list(source(destination, tmp_path, receiver="KAHUA").retrieve(STUDY, SERIES, tmp_path))


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with archive_in(tmp_path) as archive:
        yield archive


@pytest.mark.parametrize("other", [{"StudyInstanceUID": "1.2.9"}, {"SeriesInstanceUID": "1.2.9"}])
def test_what_was_not_asked_for_is_not_kept(archive: Archive, tmp_path: Path, other: dict[str, str]) -> None:
    script = retrieving(stored(instance()) + stored(instance(SOPInstanceUID="1.2.4", **other)))
    intake = Intake(
        archive=archive,
        project_id="main",
        study_uid=STUDY,
        series_uid=SERIES,
        origin=Origin(door="pull", sender="hostile"),
        go_on=lambda: None,
    )
    with serving(script) as destination, pytest.raises(MisdeclaredDicom):
        intake.take_all(source(destination, tmp_path))
    assert intake.accepted <= 1
    assert not [path for path in archive.staging.folder.iterdir() if path.is_file()]


def outgoing(size: int) -> Outgoing:
    pieces = [bytes(100_000)] * (size // 100_000)
    return Outgoing(sop_class_uid=CT, sop_instance_uid="1.2.3", transfer_syntax_uid=IMPLICIT, data=lambda: iter(pieces))


@pytest.mark.parametrize(
    ("script", "words"),
    [
        pytest.param(say(answered(response(0x8001, SUCCESS, message_id=7))), "protocol", id="another message"),
        pytest.param(say(answered(response(0x8030, SUCCESS))), "protocol", id="another operation"),
        pytest.param(say(pdu(ABORT)), "aborted by the peer", id="aborts"),
        pytest.param(lambda _peer: threading.Event().wait(4), "connection lost|no answer", id="reads nothing"),
        pytest.param(lambda peer: sip(peer), "connection lost|no answer", id="reads byte by byte"),
    ],
)
def test_whatever_a_receiver_does_with_an_object_ends_in_words(
    monkeypatch: pytest.MonkeyPatch, script: Script, words: str
) -> None:
    monkeypatch.setattr(link, "SEND_SECONDS", 1.0)
    monkeypatch.setattr(link, "SEND_PDU_SECONDS", 2.0)
    with serving(script) as destination, pytest.raises(PeerUnavailable, match=words):
        list(send(destination, [outgoing(40_000_000)], calling="KAHUA"))


def sip(peer: RawPeer) -> None:
    """Read a little, again and again, for longer than patience lasts."""
    pause = threading.Event()
    for _ in range(20):
        peer.socket.recv(1000)
        pause.wait(0.3)
