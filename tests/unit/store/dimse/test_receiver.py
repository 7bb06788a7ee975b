"""What a sender sends arrives, byte for byte, or the sender is told why not."""

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset
from sqlalchemy import select

from kahua.database import EventRow
from kahua.errors import MisconfiguredSite
from kahua.settings import Settings
from kahua.store import Archive, InstanceRow, QuarantineRow
from kahua.store.dimse import Receiver, Route
from kahua.testing.factory import ct_series, data_set_bytes, part10, picture

from .raw import ABORT, ACCEPT, CT, EXPLICIT, REJECT, RELEASE, RELEASED, connected, echo, pdu, store

Address = tuple[str, int]
MakeReceiver = Callable[..., tuple[Receiver, Archive]]


def stored_files(archive: Archive) -> list[bytes]:
    with archive.database.read() as session:
        keys = session.scalars(select(InstanceRow.object_key).order_by(InstanceRow.id)).all()
    return [archive.objects.read(key) for key in keys]


def quarantined(archive: Archive) -> list[QuarantineRow]:
    with archive.database.read() as session:
        return list(session.scalars(select(QuarantineRow)))


def large_picture(*, times: int = 1) -> Dataset:
    """Make a picture of 6 MB, or of so many times that."""
    import numpy as np

    rows = 3000 * times
    return picture(np.arange(rows * 1000, dtype=np.uint16).reshape(rows, 1000))


def test_an_echo_is_answered(address: Address) -> None:
    with connected(address) as peer:
        assert peer.associate()[0] == ACCEPT
        peer.send(echo())
        assert peer.status() == 0
        peer.send(pdu(RELEASE))
        assert peer.receive() == (RELEASED, bytes(4))
        assert peer.receive()[0] == 0


@pytest.mark.parametrize("piece", [16_000, 131_000, 1, 7])
def test_a_data_set_is_stored_however_it_is_cut(address: Address, archive: Archive, piece: int) -> None:
    instance = ct_series(slices=1, rows=8 if piece < 10 else 128, columns=8 if piece < 10 else 128)[0]
    with connected(address) as peer:
        peer.associate()
        peer.send(store(data_set_bytes(instance), instance.SOPInstanceUID, piece=piece))
        assert peer.status() == 0
    assert stored_files(archive) == [part10(instance)]


def test_several_fragments_in_one_pdu_make_one_data_set(address: Address, archive: Archive) -> None:
    instance = ct_series(slices=1)[0]
    pdus = store(data_set_bytes(instance), instance.SOPInstanceUID, piece=300)
    body = b""
    while pdus:
        length = int.from_bytes(pdus[2:6], "big")
        body, pdus = body + pdus[6 : 6 + length], pdus[6 + length :]
    with connected(address) as peer:
        peer.associate()
        peer.send(pdu(4, body))
        assert peer.status() == 0
    assert stored_files(archive) == [part10(instance)]


def test_a_large_object_goes_through_a_file_and_none_is_left(address: Address, archive: Archive) -> None:
    instance = large_picture()
    with connected(address) as peer:
        peer.associate(contexts={3: (instance.SOPClassUID, [EXPLICIT])})
        for _ in range(2):
            peer.send(store(data_set_bytes(instance), instance.SOPInstanceUID, sop_class=instance.SOPClassUID))
            assert peer.status() == 0
    assert stored_files(archive) == [part10(instance)]
    assert list(archive.staging.folder.iterdir()) == []


def test_a_large_object_that_breaks_off_leaves_nothing(received: tuple[Receiver, Archive]) -> None:
    receiver, archive = received
    instance = large_picture()
    with connected(receiver.address) as peer:
        peer.associate(contexts={3: (instance.SOPClassUID, [EXPLICIT])})
        peer.send(store(data_set_bytes(instance), instance.SOPInstanceUID, sop_class=instance.SOPClassUID)[:-1000])
    receiver.stop()
    assert stored_files(archive) == []
    assert list(archive.objects.keys()) == []
    assert list(archive.staging.folder.iterdir()) == []


def test_the_dataset_of_the_sender_is_announced(address: Address, archive: Archive) -> None:
    instance = ct_series(slices=1)[0]
    with connected(address) as peer:
        peer.associate(calling="kp-heads")
        peer.send(store(data_set_bytes(instance), instance.SOPInstanceUID))
        assert peer.status() == 0
    with archive.database.read() as session:
        assert [row.payload["dataset"] for row in session.scalars(select(EventRow))] == ["heads"]
        assert session.scalars(select(InstanceRow)).one().sender == "kp-heads"


def test_an_unknown_called_ae_title_is_rejected_with_that_reason(address: Address) -> None:
    with connected(address) as peer:
        assert peer.associate(called="UNKNOWN") == (REJECT, b"\0\1\1\7")
        assert peer.receive()[0] == 0


@pytest.mark.parametrize(
    ("request_", "answer"),
    [({"version": 2}, b"\0\1\2\2"), ({"application": "1.2.3"}, b"\0\1\1\2")],
)
def test_a_request_of_another_protocol_is_rejected(
    address: Address, request_: dict[str, object], answer: bytes
) -> None:
    with connected(address) as peer:
        assert peer.associate(**request_) == (REJECT, answer)


def test_contexts_are_accepted_for_whatever_can_be_stored(address: Address) -> None:
    proposed = {
        1: (CT, ["1.2.840.10008.1.2.4.80", EXPLICIT]),
        3: ("1.2.840.10008.5.1.4.1.1.999999", [EXPLICIT]),
        5: ("1.3.46.670589.5.0.1", [EXPLICIT]),
        7: ("1.2.840.10008.5.1.4.34.7", [EXPLICIT]),
        9: ("1.2.840.10008.5.1.4.1.2.1.1", [EXPLICIT]),
        11: (CT, []),
        13: ("1.2.840.10008.5.1.4.31", [EXPLICIT]),
    }
    with connected(address) as peer:
        kind, body = peer.associate(contexts=proposed)
    assert kind == ACCEPT
    answers = {}
    place = body.index(b"\x21\0")
    while body[place] == 0x21:
        length = int.from_bytes(body[place + 2 : place + 4], "big")
        answers[body[place + 4]] = (body[place + 6], body[place + 12 : place + 4 + length].decode())
        place += 4 + length
    assert answers[1] == (0, "1.2.840.10008.1.2.4.80")
    assert [result for result, _ in answers.values()] == [0, 0, 0, 0, 1, 4, 3]


def test_broken_data_gets_a_failure_and_the_association_goes_on(address: Address, archive: Archive) -> None:
    good, other = ct_series(slices=2)
    missing = ct_series(slices=1, seed="missing")[0]
    del missing.StudyInstanceUID
    with connected(address) as peer:
        peer.associate()
        peer.send(store(b"no DICOM at all" * 100, "1.2.3"))
        assert peer.status() == 0xC000
        peer.send(store(data_set_bytes(good)[:-100], good.SOPInstanceUID))
        assert peer.status() == 0xC000
        peer.send(store(b"", "1.2.3"))
        assert peer.status() == 0xC000
        peer.send(store(data_set_bytes(missing), missing.SOPInstanceUID))
        assert peer.status() == 0xA900
        peer.send(store(data_set_bytes(good), "1.2.3"))
        assert peer.status() == 0xA900
        peer.send(store(data_set_bytes(good), good.SOPInstanceUID))
        assert peer.status() == 0
        other.SOPInstanceUID = good.SOPInstanceUID
        peer.send(store(data_set_bytes(other), good.SOPInstanceUID))
        assert peer.status() == 0xC000
    assert stored_files(archive) == [part10(good)]
    assert sorted(row.reason_code for row in quarantined(archive)) == [
        "misdeclared-dicom",
        "missing-attribute",
        "sop-instance-conflict",
        "unreadable-dicom",
        "unreadable-dicom",
        "unreadable-dicom",
    ]


def test_a_full_disk_is_said_and_nothing_is_kept(make_receiver: MakeReceiver) -> None:
    receiver, archive = make_receiver(min_free_bytes=10**18)
    small, large = ct_series(slices=1)[0], large_picture()
    with connected(receiver.address) as peer:
        peer.associate(contexts={3: (CT, [EXPLICIT]), 5: (large.SOPClassUID, [EXPLICIT])})
        peer.send(store(data_set_bytes(small), small.SOPInstanceUID))
        assert peer.status() == 0xA700
        peer.send(store(data_set_bytes(large), large.SOPInstanceUID, sop_class=large.SOPClassUID, context_id=5))
        assert peer.status() == 0xA700
    assert list(archive.objects.keys()) == []
    assert list(archive.staging.folder.iterdir()) == []
    assert quarantined(archive) == []


def test_an_object_over_the_limit_gets_an_answer_but_one_without_end_does_not(make_receiver: MakeReceiver) -> None:
    receiver, archive = make_receiver(max_object_bytes=5_000_000)
    large = large_picture()
    with connected(receiver.address) as peer:
        peer.associate(contexts={3: (large.SOPClassUID, [EXPLICIT])})
        peer.send(store(data_set_bytes(large), large.SOPInstanceUID, sop_class=large.SOPClassUID))
        assert peer.status() == 0xC000
        peer.send(store(data_set_bytes(large) * 2, large.SOPInstanceUID, sop_class=large.SOPClassUID))
        assert peer.receive()[0] == ABORT
    assert list(archive.staging.folder.iterdir()) == []


def test_associations_are_limited_by_address_and_a_place_is_free_after_one_ends(make_receiver: MakeReceiver) -> None:
    receiver, _ = make_receiver(dicom_max_associations_per_address=2)
    with connected(receiver.address) as first:
        assert first.associate()[0] == ACCEPT
        with connected(receiver.address) as second, connected(receiver.address) as third:
            assert second.associate()[0] == ACCEPT
            assert third.associate() == (REJECT, b"\0\2\3\2")
            second.send(pdu(RELEASE))
            assert second.receive()[0] == RELEASED
            second.socket.close()
        assert _until_accepted(receiver.address)


def test_associations_are_limited_in_all(make_receiver: MakeReceiver) -> None:
    receiver, _ = make_receiver(dicom_max_associations=1)
    with connected(receiver.address) as first, connected(receiver.address) as second:
        assert first.associate()[0] == ACCEPT
        assert second.associate() == (REJECT, b"\0\2\3\2")


def _until_accepted(address: Address) -> bool:
    for _ in range(100):
        with connected(address) as peer:
            if peer.associate()[0] == ACCEPT:
                return True
        time.sleep(0.05)
    return False


def test_an_idle_association_is_aborted(make_receiver: MakeReceiver) -> None:
    receiver, _ = make_receiver(dicom_idle_seconds=1)
    with connected(receiver.address) as peer:
        peer.associate()
        assert peer.receive() == (ABORT, bytes(4))
        assert peer.receive()[0] == 0


def test_stopping_lets_an_object_arrive_and_aborts_the_idle(received: tuple[Receiver, Archive]) -> None:
    receiver, archive = received
    instance = large_picture(times=4)
    message = store(data_set_bytes(instance), instance.SOPInstanceUID, sop_class=instance.SOPClassUID)
    with connected(receiver.address) as busy, connected(receiver.address) as idle:
        busy.associate(contexts={3: (instance.SOPClassUID, [EXPLICIT])})
        idle.associate()
        busy.send(message[:-500])  # more than is held on the way: some of it has been received
        stopper = threading.Thread(target=receiver.stop)
        stopper.start()
        assert idle.receive()[0] == ABORT
        busy.send(message[-500:])
        assert busy.status() == 0
        assert busy.receive()[0] == ABORT
        idle.socket.close()
        busy.socket.close()
        stopper.join()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(receiver.address)
    assert len(stored_files(archive)) == 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("dicom-")]


def test_a_port_in_use_is_said(received: tuple[Receiver, Archive], tmp_path: Path) -> None:
    receiver, archive = received
    settings = Settings(data_dir=tmp_path, dicom_port=receiver.address[1])
    with pytest.raises(MisconfiguredSite, match="cannot listen"):
        Receiver(settings, archive, lambda *_: Route(project_id="main")).start()


def test_a_route_that_fails_is_a_rejection_for_the_moment(archive: Archive, tmp_path: Path) -> None:
    def broken(*_: str) -> Route:
        raise RuntimeError("the database is gone")

    receiver = Receiver(Settings(data_dir=tmp_path, dicom_port=0), archive, broken)
    receiver.start()
    with connected(receiver.address) as peer:
        assert peer.associate() == (REJECT, b"\0\2\3\1")
        peer.socket.close()
    receiver.stop()


@pytest.mark.parametrize("durability", ["group", "object", "none"])
def test_every_durability_stores_what_it_acknowledges(make_receiver: MakeReceiver, durability: str) -> None:
    receiver, archive = make_receiver(durability=durability)
    series = [ct_series(slices=3, rows=8, columns=8, seed=f"{durability} {number}") for number in range(4)]
    answers: list[int] = []

    def send(instances: list[Dataset]) -> None:
        with connected(receiver.address) as peer:
            peer.associate()
            for instance in instances:
                peer.send(store(data_set_bytes(instance), instance.SOPInstanceUID))
                answers.append(peer.status())

    senders = [threading.Thread(target=send, args=(instances,)) for instances in series]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert answers == [0] * 12
    assert sorted(stored_files(archive)) == sorted(part10(instance) for each in series for instance in each)
