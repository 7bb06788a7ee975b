"""Storage commitment with pynetdicom as the one who asks, on the same association and on another."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel
from sqlalchemy import func, select, update

from kahua.database import now
from kahua.settings import Settings
from kahua.store import Archive, InstanceRow, MemoryData, Origin, Policy, pseudonyms_of, set_policy
from kahua.store.dimse import Destination, Receiver, Reporter, Route
from kahua.store.tables import CommitmentRow
from kahua.testing.archive import archive_in
from kahua.testing.factory import ct_series, data_set_bytes, mr_series, part10

INSTANCE = "1.2.840.10008.1.20.1.1"

#: A thread of pynetdicom fails where it aborts an association on which it has a report to answer.
pytestmark = [
    pytest.mark.elsewhere,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]
CT, MR = ct_series(slices=3), mr_series(slices=1)


@pytest.fixture
def archive(tmp_path: Path, backends: dict[str, Any]) -> Iterator[Archive]:
    with archive_in(tmp_path, **backends) as archive:
        for project, instances in (("main", CT), ("other", MR)):
            for instance in instances:
                path = tmp_path / "one.dcm"
                path.write_bytes(part10(instance))
                archive.store_file(project, path, Origin(door="import", sender="test"))
        yield archive


@pytest.fixture
def receiver(tmp_path: Path, archive: Archive) -> Iterator[Receiver]:
    settings = Settings(data_dir=tmp_path, dicom_port=0)
    receiver = Receiver(
        settings,
        archive,
        lambda caller: Route(project_id="main", peer="" if caller.calling == "STRANGER" else caller.calling),
    )
    receiver.start()
    yield receiver
    receiver.stop()


class Reports:
    """What pynetdicom was told."""

    def __init__(self, status: int = 0) -> None:
        self.status = status
        self.told: list[tuple[int, Dataset]] = []
        self.came = threading.Event()

    def handle(self, event: evt.Event) -> tuple[int, None]:
        self.told.append((event.event_type, event.event_information))
        self.came.set()
        return self.status, None


def ask(receiver: Receiver, reports: Reports | None, request: Dataset, calling: str = "SCANNER", **options: int) -> int:
    """Ask for commitment; wait for the report on the same association if there is somebody to take it."""
    entity = AE(ae_title=calling)
    entity.add_requested_context(StorageCommitmentPushModel)
    handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, reports.handle)] if reports else []
    association = entity.associate(*receiver.address, ae_title="KAHUA", evt_handlers=handlers)
    assert association.is_established
    status, _ = association.send_n_action(request, options.get("action", 1), StorageCommitmentPushModel, INSTANCE)
    if reports:
        assert reports.came.wait(20)
        association.release()
    else:
        association.abort()
    return int(status.Status)


def request(*instances: Dataset, **changes: str) -> Dataset:
    asked = Dataset()
    asked.TransactionUID = generate_uid()
    asked.ReferencedSOPSequence = []
    for instance in instances:
        item = Dataset()
        item.ReferencedSOPClassUID = changes.get("sop_class", instance.SOPClassUID)
        item.ReferencedSOPInstanceUID = instance.SOPInstanceUID
        asked.ReferencedSOPSequence.append(item)
    return asked


def open_rows(archive: Archive) -> int:
    with archive.database.read() as session:
        statement = select(func.count()).select_from(CommitmentRow).where(CommitmentRow.not_before.is_not(None))
        return int(session.execute(statement).scalar_one())


def test_commitment_is_reported_on_the_same_association(receiver: Receiver, archive: Archive) -> None:
    reports, asked = Reports(), request(*CT)
    assert ask(receiver, reports, asked) == 0
    receiver.stop()
    ((kind, told),) = reports.told
    assert kind == 1
    assert told.TransactionUID == asked.TransactionUID
    assert told.RetrieveAETitle == "KAHUA"
    assert [each.ReferencedSOPInstanceUID for each in told.ReferencedSOPSequence] == [
        each.SOPInstanceUID for each in CT
    ]
    assert "FailedSOPSequence" not in told
    assert open_rows(archive) == 0
    with archive.database.read() as session:
        assert session.scalars(select(CommitmentRow.items)).all() == [[]]


def test_only_what_is_really_there_is_committed(receiver: Receiver, archive: Archive) -> None:
    with archive.database.read() as session:
        row = session.scalars(select(InstanceRow).where(InstanceRow.sop_instance_uid == CT[1].SOPInstanceUID)).one()
    archive.objects.delete(row.object_key)
    reports = Reports()
    ask(receiver, reports, request(CT[0], CT[1], MR[0]))
    ((kind, told),) = reports.told
    assert kind == 2
    assert [each.ReferencedSOPInstanceUID for each in told.ReferencedSOPSequence] == [CT[0].SOPInstanceUID]
    failed = {each.ReferencedSOPInstanceUID: each.FailureReason for each in told.FailedSOPSequence}
    assert failed == {CT[1].SOPInstanceUID: 0x0112, MR[0].SOPInstanceUID: 0x0112}


def test_another_sop_class_is_a_conflict(receiver: Receiver) -> None:
    reports = Reports()
    ask(receiver, reports, request(CT[0], sop_class="1.2.840.10008.5.1.4.1.1.4"))
    ((kind, told),) = reports.told
    assert (kind, told.FailedSOPSequence[0].FailureReason) == (2, 0x0119)


@pytest.mark.parametrize(
    ("asked", "action", "status"), [(request(), 1, 0x0115), (Dataset(), 1, 0x0115), (request(CT[0]), 2, 0x0123)]
)
def test_what_is_no_request_for_commitment_is_refused(
    receiver: Receiver, archive: Archive, asked: Dataset, action: int, status: int
) -> None:
    asked.SpecificCharacterSet = "ISO_IR 100"
    assert ask(receiver, None, asked, action=action) == status
    assert open_rows(archive) == 0


@contextmanager
def listening(reports: Reports) -> Iterator[Destination]:
    """Listen for reports, as a scanner does that has closed its own association."""
    entity = AE(ae_title="SCANNER")
    entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, reports.handle)])
    assert server is not None
    yield Destination(ae_title="SCANNER", host="127.0.0.1", port=server.server_address[1])
    server.shutdown()


def reporter(archive: Archive, destination: Destination | None) -> Reporter:
    directory = {("main", "SCANNER"): destination}
    return Reporter(archive.database, archive.objects, lambda *key: directory.get(key), security=None)


def let_time_pass(archive: Archive) -> None:
    with archive.database.write() as session:
        session.execute(
            update(CommitmentRow)
            .where(CommitmentRow.not_before.is_not(None))
            .values(not_before=now() - timedelta(seconds=1))
        )


def test_a_peer_that_has_gone_is_told_on_another_association(receiver: Receiver, archive: Archive) -> None:
    asked = request(*CT)
    ask(receiver, None, asked)
    reports = Reports()
    with listening(reports) as destination:
        assert reporter(archive, destination).report_due() == 0
        let_time_pass(archive)
        assert reporter(archive, destination).report_due() == 1
        assert reporter(archive, destination).report_due() == 0
    ((kind, told),) = reports.told
    assert (kind, told.TransactionUID, len(told.ReferencedSOPSequence)) == (1, asked.TransactionUID, 3)
    assert open_rows(archive) == 0


@pytest.mark.parametrize("kind", ["unknown", "away", "refusing"])
def test_a_report_that_nobody_takes_is_kept_and_tried_again(receiver: Receiver, archive: Archive, kind: str) -> None:
    ask(receiver, None, request(CT[0]))
    reports = Reports(status=0x0110 if kind == "refusing" else 0)
    with listening(reports) as destination:
        wrong = {"unknown": None, "away": Destination(ae_title="SCANNER", host="127.0.0.1", port=1)}
        let_time_pass(archive)
        assert reporter(archive, wrong.get(kind, destination)).report_due() == 0
        assert open_rows(archive) == 1
        reports.status = 0
        let_time_pass(archive)
        assert reporter(archive, destination).report_due() == 1
    assert open_rows(archive) == 0


def test_a_report_is_given_up_after_a_week(receiver: Receiver, archive: Archive) -> None:
    ask(receiver, None, request(CT[0]))
    let_time_pass(archive)
    with archive.database.write() as session:
        session.execute(update(CommitmentRow).values(created_at=now() - timedelta(days=8)))
    assert reporter(archive, None).report_due() == 0
    assert open_rows(archive) == 0


def test_nobody_is_committed_to_what_was_de_identified_and_no_original_uid_is_kept(
    receiver: Receiver, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who deletes the original because of a commitment would lose it: only a treated copy is here."""
    monkeypatch.setattr("kahua.store.ingest.arrivals.POLICY_SECONDS", 0)
    arriving = ct_series(slices=1, seed="arriving")[0]
    with archive.database.write() as session:
        set_policy(session, "main", Policy(on_arrival=True), actor="test")
        treated = pseudonyms_of(session, "main").uid(str(arriving.SOPInstanceUID))
    data = data_set_bytes(arriving)
    archive.store_dataset(
        "main",
        sop_class_uid=arriving.SOPClassUID,
        sop_instance_uid=arriving.SOPInstanceUID,
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        data=MemoryData(memoryview(data)),
        origin=Origin(door="dimse", sender="SCANNER"),
    )
    with archive.database.read() as session:
        assert treated in session.scalars(select(InstanceRow.sop_instance_uid)).all()
    reports = Reports()
    ask(receiver, reports, request(arriving))
    ((kind, told),) = reports.told
    assert kind == 2
    assert [(each.ReferencedSOPInstanceUID, each.FailureReason) for each in told.FailedSOPSequence] == [
        (arriving.SOPInstanceUID, 0x0112)
    ]
    with archive.database.read() as session:
        assert session.scalars(select(CommitmentRow)).all() == []


def test_of_strangers_nothing_is_kept(receiver: Receiver, archive: Archive) -> None:
    reports = Reports()
    ask(receiver, reports, request(CT[0]), calling="STRANGER")
    assert reports.told[0][0] == 1
    assert open_rows(archive) == 0
