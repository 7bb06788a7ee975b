"""PostgreSQL is away for a while under query, retrieval and commitment: true statuses, and all goes on by itself."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)
from sqlalchemy import select
from tests.integration.peers.servers import undisturbed

from kahua.access import ensure_project, entries
from kahua.site import Site
from kahua.store import Origin, PeerFacts, add_peer
from kahua.store.dimse import Receiver
from kahua.store.tables import CommitmentRow
from kahua.testing.factory import ct_series, part10
from kahua.testing.postgresql import PostgresServer, lacking, postgres_server
from kahua.testing.site import temporary_site

CT = ct_series(slices=3)

#: What a query says, a retrieval, and a request for commitment, while the database is away (PS3.4 tables C.4-1 to
#: C.4-3, PS3.7 C.4.2).
FIND_FAILS, RETRIEVAL_FAILS, COMMITMENT_FAILS = 0xA700, 0xA701, 0x0213


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """Start a server of its own, which may be stopped."""
    if reason := lacking():
        pytest.skip(reason)
    with postgres_server() as server:
        yield server


@pytest.fixture
def site(tmp_path: Path, server: PostgresServer) -> Iterator[Site]:
    with server.migrated_database() as url:
        site = temporary_site(tmp_path, database_url=url, dicom_port=0)
        yield site
        site.close()
        if server.process is None or server.process.poll() is not None:  # a test that failed has left it so
            server.start()


class Viewer:
    """A peer with one association for everything, and one for what is moved to it."""

    def __init__(self, site: Site) -> None:
        self.got: list[str] = []
        self.reported = threading.Event()
        self.before_first: Callable[[], None] = lambda: None
        entity = AE(ae_title="VIEWER")
        entity.add_supported_context(CTImageStorage)
        self._server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, self._keep)])
        assert self._server is not None
        with site.database.write() as session:
            project = ensure_project(session, name="main").id
            here = {"ae_title": "VIEWER", "host": "127.0.0.1", "port": self._server.server_address[1]}
            add_peer(
                session,
                project_id=project,
                name="viewer",
                facts=PeerFacts(**here, networks=("127.0.0.0/8",), may_query=True, deidentify=False),
            )
        self.site, self.project = site, project

    def _keep(self, event: evt.Event) -> int:
        if not self.got:
            self.before_first()
        self.got.append(event.request.AffectedSOPInstanceUID)
        return 0

    def _report(self, _event: evt.Event) -> tuple[int, None]:
        self.reported.set()
        return 0, None

    def close(self) -> None:
        assert self._server is not None
        self._server.shutdown()

    def associate(self, address: tuple[str, int]) -> Any:
        entity = AE(ae_title="VIEWER")
        for context in (
            StudyRootQueryRetrieveInformationModelFind,
            StudyRootQueryRetrieveInformationModelMove,
            StudyRootQueryRetrieveInformationModelGet,
            StorageCommitmentPushModel,
            Verification,
        ):
            entity.add_requested_context(context)
        entity.add_requested_context(CTImageStorage, "1.2.840.10008.1.2.1")
        return entity.associate(
            *address,
            ae_title="KAHUA",
            ext_neg=[build_role(CTImageStorage, scp_role=True)],
            evt_handlers=[(evt.EVT_C_STORE, self._keep), (evt.EVT_N_EVENT_REPORT, self._report)],
        )


@pytest.fixture
def viewer(site: Site) -> Iterator[Viewer]:
    viewer = Viewer(site)
    yield viewer
    viewer.close()


@pytest.fixture
def receiver(site: Site, viewer: Viewer, tmp_path: Path) -> Iterator[Receiver]:
    """Start the receiver of a site that has a study."""
    for instance in CT:
        (tmp_path / "one.dcm").write_bytes(part10(instance))
        site.archive.store_file(viewer.project, tmp_path / "one.dcm", Origin(door="import", sender="test"))
    receiver = site.receiver()
    receiver.start()
    yield receiver
    receiver.stop()


def statuses(viewer: Viewer, association: Any) -> tuple[int, int, int, int]:
    """Query, move, get and ask for commitment; give the last status of each."""
    wanted = Dataset()
    wanted.QueryRetrieveLevel, wanted.StudyInstanceUID = "STUDY", CT[0].StudyInstanceUID
    request = Dataset()
    request.TransactionUID = generate_uid()
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CT[0].SOPClassUID, CT[0].SOPInstanceUID
    request.ReferencedSOPSequence = [item]
    with undisturbed(association):
        *_, (found, _) = association.send_c_find(wanted, StudyRootQueryRetrieveInformationModelFind)
        *_, (moved, _) = association.send_c_move(wanted, "VIEWER", StudyRootQueryRetrieveInformationModelMove)
        *_, (got, _) = association.send_c_get(wanted, StudyRootQueryRetrieveInformationModelGet)
        asked, _ = association.send_n_action(request, 1, StorageCommitmentPushModel, "1.2.840.10008.1.20.1.1")
    if asked.Status == 0:
        assert viewer.reported.wait(20), "the report comes on the same association"
        viewer.reported.clear()
        with undisturbed(association):
            assert association.send_c_echo().Status == 0, "by now this site has heard that the report was taken"
    return found.Status, moved.Status, got.Status, asked.Status


def open_commitments(site: Site) -> int:
    with site.database.read() as session:
        return len(session.scalars(select(CommitmentRow).where(CommitmentRow.not_before.is_not(None))).all())


def test_an_association_outlives_the_database(
    site: Site, server: PostgresServer, viewer: Viewer, receiver: Receiver
) -> None:
    association = viewer.associate(receiver.address)
    try:
        assert association.is_established
        assert statuses(viewer, association) == (0, 0, 0, 0)
        assert (open_commitments(site), len(viewer.got)) == (0, 2 * len(CT))
        server.stop()
        assert statuses(viewer, association) == (FIND_FAILS, RETRIEVAL_FAILS, RETRIEVAL_FAILS, COMMITMENT_FAILS)
        assert len(viewer.got) == 2 * len(CT), "nothing leaves without a word in the audit log"
        refused = viewer.associate(receiver.address)
        assert (refused.is_established, refused.is_rejected) == (False, True)
        server.start()
        assert statuses(viewer, association) == (0, 0, 0, 0)
        assert len(viewer.got) == 4 * len(CT)
    finally:
        association.release()
    with site.database.read() as session:
        acts = [entry.action for entry in entries(session)]
    assert (acts.count("series.retrieved"), acts.count("retrieval.finished")) == (4, 4)


@pytest.mark.parametrize(
    "model", [StudyRootQueryRetrieveInformationModelMove, StudyRootQueryRetrieveInformationModelGet]
)
def test_a_database_that_goes_away_under_a_retrieval_changes_no_answer(
    site: Site, server: PostgresServer, viewer: Viewer, receiver: Receiver, model: str
) -> None:
    """What leaves is in the audit log before it leaves; that the end is not, the peer need not know."""
    association = viewer.associate(receiver.address)
    wanted = Dataset()
    wanted.QueryRetrieveLevel, wanted.StudyInstanceUID = "STUDY", CT[0].StudyInstanceUID
    viewer.before_first = server.stop
    try:
        with undisturbed(association):
            if model == StudyRootQueryRetrieveInformationModelGet:
                answers = association.send_c_get(wanted, model)
            else:
                answers = association.send_c_move(wanted, "VIEWER", model)
            *_, (last, _) = answers
            assert (last.Status, len(viewer.got)) == (0, len(CT))
            assert association.send_c_echo().Status == 0, "there was one last answer"
            server.start()
            *_, (found, _) = association.send_c_find(wanted, StudyRootQueryRetrieveInformationModelFind)
        assert found.Status == 0
    finally:
        association.release()
    with site.database.read() as session:
        newest = entries(session)[0]
    assert (newest.action, newest.details["instances"]) == ("series.retrieved", len(CT))
