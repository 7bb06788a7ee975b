"""The sender with receivers that others wrote: DCMTK, pynetdicom, and our own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pynetdicom import AE, _config
from pynetdicom.sop_class import CTImageStorage
from sqlalchemy import select
from tests.integration.peers import servers

from kahua.dicom import read_file_meta
from kahua.errors import DicomRefused, PeerUnavailable
from kahua.settings import Settings
from kahua.store import Archive, InstanceRow, Origin
from kahua.store.dimse import Receiver, Route
from kahua.store.dimse.commands import Originator
from kahua.store.dimse.sender import Destination, Outgoing, outgoing, send
from kahua.testing import shared_data
from kahua.testing.archive import archive_in
from kahua.testing.factory import ct_series, data_set_bytes, part10

pytestmark = pytest.mark.elsewhere

RELEASE_ANSWER = b"\6\0\0\0\0\4\0\0\0\0"
ABORT = b"\7\0\0\0\0\4\0\0\0\0"

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"


@pytest.fixture
def archive(tmp_path: Path, backends: dict[str, Any]) -> Iterator[Archive]:
    (tmp_path / "archive").mkdir()
    with archive_in(tmp_path / "archive", **backends) as archive:
        yield archive


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[tuple[Receiver, Archive]]:
    (tmp_path / "other").mkdir()
    with archive_in(tmp_path / "other") as archive:
        receiver = Receiver(Settings(data_dir=tmp_path, dicom_port=0), archive, lambda *_: Route(project_id="main"))
        receiver.start()
        yield receiver, archive
        receiver.stop()


@contextmanager
def storescp(folder: Path, *options: str) -> Iterator[Destination]:
    with servers.storescp(folder, *options) as port:
        yield Destination(ae_title="STORESCP", host="127.0.0.1", port=port)


@contextmanager
def fake_peer(script: object) -> Iterator[Destination]:
    """Let a function speak to one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, suppress(ConnectionError):
                script(connection)  # type: ignore[operator]

        thread = threading.Thread(target=serve)
        thread.start()
        yield Destination(ae_title="FAKE", host="127.0.0.1", port=listener.getsockname()[1])
        thread.join()


def stored(archive: Archive, folder: Path, files: list[bytes]) -> list[Outgoing]:
    for number, content in enumerate(files):
        path = folder / f"{number}.dcm"
        path.write_bytes(content)
        archive.store_file("main", path, Origin(door="import", sender="test"))
    return instances(archive)


def instances(archive: Archive) -> list[Outgoing]:
    with archive.database.read() as session:
        rows = session.scalars(select(InstanceRow).order_by(InstanceRow.id)).all()
    return [outgoing(archive.objects, row) for row in rows]


def held(archive: Archive) -> dict[str, bytes]:
    with archive.database.read() as session:
        rows = session.scalars(select(InstanceRow)).all()
    return {row.sop_instance_uid: archive.objects.read(row.object_key, start=row.data_offset) for row in rows}


def test_dcmtk_receives_what_is_sent_as_it_is_stored(archive: Archive, tmp_path: Path) -> None:
    waiting = stored(archive, tmp_path, [part10(instance) for instance in ct_series(slices=5)])
    with storescp(tmp_path / "received") as destination:
        answers = list(send(destination, waiting, calling="KAHUA", originator=Originator(ae_title="WS", message_id=7)))
    assert [answer.status for answer in answers] == [0] * 5
    assert [answer.instance for answer in answers] == waiting
    received = {data_set_of(path) for path in (tmp_path / "received").iterdir()}
    assert received == set(held(archive).values())


def test_pdus_are_no_longer_than_the_peer_takes_them(archive: Archive, tmp_path: Path) -> None:
    waiting = stored(archive, tmp_path, [part10(instance) for instance in ct_series(slices=2)])
    with storescp(tmp_path / "received", "--max-pdu", "4096") as destination:
        assert all(answer.is_stored for answer in send(destination, waiting, calling="KAHUA"))
    assert {data_set_of(path) for path in (tmp_path / "received").iterdir()} == set(held(archive).values())


def test_all_transfer_syntaxes_of_the_shared_data_reach_another_archive(
    archive: Archive, receiver: tuple[Receiver, Archive]
) -> None:
    folder = shared_data()
    if folder is None:
        pytest.skip("needs the shared test data")
    for path in sorted((folder / "transfer_syntaxes").rglob("*.dcm")):
        with suppress(DicomRefused):  # some samples lack a UID: the tests of broken files look at those
            archive.store_file("main", path, Origin(door="import", sender="test"))
    server, other = receiver
    destination = Destination(ae_title="KAHUA", host=server.address[0], port=server.address[1])
    answers = list(send(destination, instances(archive), calling="SENDER"))
    assert len(answers) > 5
    assert all(answer.is_stored for answer in answers)
    assert held(other) == held(archive)


def test_more_kinds_than_fit_into_one_association_go_in_several(receiver: tuple[Receiver, Archive]) -> None:
    server, other = receiver
    destination = Destination(ae_title="KAHUA", host=server.address[0], port=server.address[1])
    waiting = []
    for number in range(150):
        (instance,) = ct_series(slices=1, seed=f"kind {number}", rows=8, columns=8)
        instance.SOPClassUID = f"1.2.3.{number + 1}"
        data = data_set_bytes(instance)
        waiting.append(
            Outgoing(
                sop_class_uid=instance.SOPClassUID,
                sop_instance_uid=instance.SOPInstanceUID,
                transfer_syntax_uid=EXPLICIT,
                data=lambda data=data: iter([data[:3], b"", data[3:]]),
            )
        )
    assert [answer.status for answer in send(destination, waiting, calling="SENDER")] == [0] * 150
    assert len(held(other)) == 150


def test_what_the_peer_does_not_take_is_told_and_the_rest_is_sent(archive: Archive, tmp_path: Path) -> None:
    (image,) = ct_series(slices=1)
    (private,) = ct_series(slices=1, seed="private")
    private.SOPClassUID = "1.2.3.4"
    waiting = stored(archive, tmp_path, [part10(private), part10(image)])
    with storescp(tmp_path / "received") as destination:
        refused, sent = send(destination, waiting, calling="KAHUA")
    assert (refused.status, refused.is_stored) == (0x0122, False)
    assert sent.is_stored


def test_an_instance_that_was_removed_meanwhile_fails_alone(archive: Archive, tmp_path: Path) -> None:
    waiting = stored(archive, tmp_path, [part10(instance) for instance in ct_series(slices=2)])
    with archive.database.read() as session:
        key = session.scalars(select(InstanceRow.object_key).order_by(InstanceRow.id)).first()
    archive.objects.delete(str(key))
    with storescp(tmp_path / "received") as destination:
        assert [answer.is_stored for answer in send(destination, waiting, calling="KAHUA")] == [False, True]


def test_nobody_there_is_said_with_name_and_place() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        destination = Destination(ae_title="GONE", host="127.0.0.1", port=free.getsockname()[1])
    with pytest.raises(PeerUnavailable, match=rf"GONE at 127.0.0.1, port {destination.port} cannot be reached"):
        list(send(destination, [some_instance()], calling="KAHUA"))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"", "connection lost"),
        (ABORT, "aborted by the peer"),
        (b"\3\0\0\0\0\4\0\1\1\3", "it does not know this site's AE title"),
        (b"\3\0\0\0\0\4\0\1\1\7", "it has another AE title"),
        (b"\3\0\0\0\0\4\0\2\3\2", "it is busy"),
        (b"\3\0\0\0\0\4\0\\9\\9\\9", "it gives no reason"),
        (RELEASE_ANSWER, "breaks the protocol"),
        (b"\2\0\xff\xff\xff\xff", "breaks the protocol"),
        (b"\2\0\0\0\0\4\0\0\0\0", "breaks the protocol"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "breaks the protocol"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # the peer's own, when we hang up
def test_whatever_a_peer_answers_to_the_request_is_told_in_words(answer: bytes, sentence: str) -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)
        if answer:
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    with fake_peer(script) as destination, pytest.raises(PeerUnavailable, match=sentence):
        list(send(destination, [some_instance()], calling="KAHUA"))


def test_a_peer_that_goes_away_within_an_object_is_an_error(receiver: tuple[Receiver, Archive]) -> None:
    server, _ = receiver

    def broken() -> Iterator[bytes]:
        yield bytes(100_000)
        server.stop()
        for _ in range(1000):
            yield bytes(100_000)

    destination = Destination(ae_title="KAHUA", host=server.address[0], port=server.address[1])
    instance = Outgoing(sop_class_uid=CT, sop_instance_uid="1.2.3", transfer_syntax_uid=EXPLICIT, data=broken)
    with pytest.raises(PeerUnavailable, match="KAHUA at"):
        list(send(destination, [instance], calling="SENDER"))


def test_an_error_while_reading_aborts_the_association(receiver: tuple[Receiver, Archive]) -> None:
    server, other = receiver

    def broken() -> Iterator[bytes]:
        yield bytes(100_000)
        raise OSError("the disk is broken")

    destination = Destination(ae_title="KAHUA", host=server.address[0], port=server.address[1])
    instance = Outgoing(sop_class_uid=CT, sop_instance_uid="1.2.3", transfer_syntax_uid=EXPLICIT, data=broken)
    with pytest.raises(OSError, match="the disk is broken"):
        list(send(destination, [instance], calling="SENDER"))
    assert not held(other)


def test_pynetdicom_keeps_its_association_when_it_sends_in_chunks(
    receiver: tuple[Receiver, Archive], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_config, "STORE_SEND_CHUNKED_DATASET", True)
    server, other = receiver
    entity = AE(ae_title="PYNETDICOM")
    entity.add_requested_context(CTImageStorage, EXPLICIT)
    files = []
    for number, instance in enumerate(ct_series(slices=20, rows=256, columns=256)):
        files.append(tmp_path / f"{number}.dcm")
        files[-1].write_bytes(part10(instance))
    for _ in range(3):
        association = entity.associate(*server.address, ae_title="KAHUA")
        assert association.is_established
        for file in files:
            status = association.send_c_store(file)
            if "Status" not in status:
                pytest.skip("pynetdicom's own thread has taken the answer, as it does now and then on a busy machine")
            assert status.Status == 0
        association.release()
        assert association.is_released
    assert held(other) == {dcmread(file).SOPInstanceUID: data_set_of(file) for file in files}


def some_instance() -> Outgoing:
    return Outgoing(
        sop_class_uid=CT, sop_instance_uid="1.2.3", transfer_syntax_uid=EXPLICIT, data=lambda: iter([bytes(100)])
    )


def data_set_of(path: Path) -> bytes:
    with path.open("rb") as file:
        offset = read_file_meta(file).data_offset
    return path.read_bytes()[offset:]
