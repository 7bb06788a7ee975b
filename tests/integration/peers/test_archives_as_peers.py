"""Archives that others wrote as clients and as servers of this site: Orthanc and DCMTK's dcmqrscp."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from kahua import datasets
from kahua.access import ensure_project
from kahua.database import now
from kahua.site import Site
from kahua.store import Origin, Peer, PeerFacts, add_peer
from kahua.store.dimse import Receiver
from kahua.store.remote.source import StudyQuery
from kahua.store.tables import CommitmentRow
from kahua.testing.factory import ct_series, part10
from kahua.testing.serving import free_port
from kahua.testing.site import temporary_site

from .servers import PASSWORD, USER, Orthanc, orthanc, running, tool, wait_for

CT = ct_series(slices=3, patient_id="P-1", patient_name="Doe^Jane")
THERE = ct_series(slices=2, seed="there", patient_id="P-2", patient_name="Roe^Richard")
STUDY, SERIES = str(CT[0].StudyInstanceUID), str(CT[0].SeriesInstanceUID)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    (tmp_path / "site").mkdir()
    site = temporary_site(tmp_path / "site", dicom_port=0)
    for number, instance in enumerate(CT):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(part10(instance))
        site.archive.store_file(project_of(site), path, Origin(door="import", sender="test"))
    yield site
    site.close()


@pytest.fixture
def receiver(site: Site) -> Iterator[Receiver]:
    receiver = site.receiver()
    receiver.start()
    yield receiver
    receiver.stop()


@pytest.fixture
def pacs(site: Site, receiver: Receiver, tmp_path: Path) -> Iterator[Orthanc]:
    """Give an Orthanc that knows this site, and that this site knows."""
    with orthanc(tmp_path / "orthanc", receiver_port=receiver.address[1]) as server:
        know(site, "ORTHANC", server.dicom_port)
        yield server


@pytest.fixture
def archive_of_dcmtk(site: Site, receiver: Receiver, tmp_path: Path) -> Iterator[Peer]:
    folder, port = tmp_path / "dcmqrscp", free_port()
    (folder / "DCMQR").mkdir(parents=True)
    (folder / "dcmqrscp.cfg").write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        f"HostTable BEGIN\nkahua = (KAHUA, 127.0.0.1, {receiver.address[1]})\n"
        f"main = (kp-main, 127.0.0.1, {receiver.address[1]})\nHostTable END\n"
        "VendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nDCMQR {folder / 'DCMQR'} RW (200, 1024mb) ANY\nAETable END\n"
    )
    with running([tool("dcmqrscp"), "-c", str(folder / "dcmqrscp.cfg")], folder / "log"):
        wait_for(port)
        yield know(site, "DCMQR", port)


def project_of(site: Site) -> str:
    with site.database.write() as session:
        return str(ensure_project(session, name="main").id)


def know(site: Site, title: str, port: int, **facts: Any) -> Peer:
    known = PeerFacts(ae_title=title, host="127.0.0.1", port=port, may_query=True, deidentify=False, **facts)
    with site.database.write() as session:
        return add_peer(session, project_id=project_of(site), name=title.lower(), facts=known)


def call(server: Orthanc, method: str, path: str, body: object = None) -> Any:
    url = f"http://127.0.0.1:{server.http_port}{path}"
    answer = httpx.request(method, url, json=body, auth=(USER, PASSWORD), timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_orthanc_finds_and_moves_what_is_here(pacs: Orthanc) -> None:
    call(pacs, "POST", "/modalities/kahua/echo", {})
    question = {"Level": "Study", "Query": {"PatientID": "P-1", "PatientName": "doe*", "StudyDescription": ""}}
    query = call(pacs, "POST", "/modalities/kahua/query", question)["Path"]
    assert call(pacs, "GET", f"{query}/answers") == ["0"]
    (found,) = call(pacs, "GET", f"{query}/answers?expand&simplify")
    assert (found["StudyInstanceUID"], found["PatientName"]) == (STUDY, "Doe^Jane")
    call(pacs, "POST", f"{query}/retrieve", {"TargetAet": "ORTHANC", "Synchronous": True})
    assert pacs.instances() == sorted(str(each.SOPInstanceUID) for each in CT)


def test_orthanc_stores_here_and_is_committed_to(site: Site, pacs: Orthanc) -> None:
    """It ends the association at once: the report comes on one that this site opens."""
    pacs.keep(THERE)
    study = call(pacs, "GET", "/studies")
    done = call(pacs, "POST", "/modalities/kahua/store", {"Resources": study, "Synchronous": True})
    assert (done["InstancesCount"], done["FailedInstancesCount"]) == (2, 0)
    wanted = [[str(each.SOPClassUID), str(each.SOPInstanceUID)] for each in THERE]
    asked = call(pacs, "POST", "/modalities/kahua/storage-commitment", {"DicomInstances": wanted})["Path"]
    with site.database.write() as session:
        session.execute(update(CommitmentRow).values(not_before=now() - timedelta(seconds=1)))
    site.reporter().report_due()
    until(lambda: call(pacs, "GET", asked)["Status"] != "Pending")
    report = call(pacs, "GET", asked)
    assert (report["Status"], len(report["Success"]), report["Failures"]) == ("Success", 2, [])


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_dcmqrscp_takes_gives_and_moves(site: Site, archive_of_dcmtk: Peer, tmp_path: Path) -> None:
    with site.database.write() as session:
        datasets.start_delivery(session, peer=archive_of_dcmtk, actor="ada", study_uid=STUDY)
    deliverer = site.deliverer()
    while deliverer.step():
        pass
    source = site.calls.source(archive_of_dcmtk)
    source.verify()
    (study,) = source.find_studies(StudyQuery(patient_id="P-1"))
    assert (study.study_uid, study.patient_name) == (STUDY, "Doe^Jane")
    for modality, found in (("CT", [study]), ("US", [])):  # which it does not look for itself, nor says so
        assert source.find_studies(StudyQuery(patient_id="P-1", modality=modality)) == found
    (series,) = source.find_series(STUDY)
    assert series.series_uid == SERIES
    folder = tmp_path / "got"
    folder.mkdir()
    assert len(list(source.retrieve(STUDY, SERIES, folder))) == len(CT)


def test_dcmqrscp_is_filled_by_a_move_from_here(receiver: Receiver, archive_of_dcmtk: Peer, tmp_path: Path) -> None:
    """`movescu` has a study sent to it; then it gives it to `getscu`, its pixels as they are."""
    keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={STUDY}")
    asked = ["movescu", "-S", "-aet", "DCMQR", "-aec", "kp-main", "-aem", "DCMQR", *keys, *map(str, receiver.address)]
    folder = tmp_path / "got"
    folder.mkdir()
    there = ("127.0.0.1", str(archive_of_dcmtk.port))
    given = ["getscu", "-S", "+B", "-aec", "DCMQR", "-od", str(folder), *keys, *there]
    for name, *options in (asked, given):
        done = subprocess.run([tool(name), *options], capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
    size = len(CT[0].PixelData)
    assert sorted(path.read_bytes()[-size:] for path in folder.iterdir()) == sorted(each.PixelData for each in CT)


def test_the_applications_of_pynetdicom_ask_and_get(site: Site, receiver: Receiver, tmp_path: Path) -> None:
    know(site, "READER", free_port())
    folder = tmp_path / "got"
    folder.mkdir()
    for name, *options in (
        ("echoscu",),
        ("findscu", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={STUDY}", "-w"),
        ("getscu", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={STUDY}", "-od", str(folder)),
    ):
        command = [sys.executable, "-m", "pynetdicom", name, *map(str, receiver.address), "-aet", "READER", *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert len([*tmp_path.glob("rsp*.dcm")]) == 1
    assert len([*folder.iterdir()]) == len(CT)


def test_the_applications_of_pynetdicom_store_here_and_have_it_moved(
    site: Site, receiver: Receiver, tmp_path: Path
) -> None:
    """`storescu` stores, `movescu` has a study sent to its own `storescp`."""
    destination = free_port()
    know(site, "READER", free_port())
    know(site, "STORESCP", destination)
    for number, instance in enumerate(THERE):
        (tmp_path / f"there{number}.dcm").write_bytes(part10(instance))
        pynetdicom("storescu", receiver, "-aec", "kp-main", str(tmp_path / f"there{number}.dcm"))
    folder = tmp_path / "moved"
    folder.mkdir()
    keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={THERE[0].StudyInstanceUID}")
    with running(
        [sys.executable, "-m", "pynetdicom", "storescp", str(destination), "-od", str(folder)],
        tmp_path / "storescp.log",
    ):
        wait_for(destination)
        pynetdicom("movescu", receiver, "-S", *keys, "-aem", "STORESCP")
    assert len([*folder.iterdir()]) == len(THERE)


def test_pynetdicoms_archive_takes_is_asked_and_gives(site: Site, tmp_path: Path) -> None:
    """`qrscp` as a destination and as a source."""
    port = free_port()
    keeping = ("--database-location", str(tmp_path / "qrscp.sqlite"), "--instance-location", str(tmp_path / "qrscp"))
    archive = know(site, "QRSCP", port, retrieve="get")
    command = [sys.executable, "-m", "pynetdicom", "qrscp", "--port", str(port), "-aet", "QRSCP", *keeping]
    with running(command, tmp_path / "qrscp.log"):
        wait_for(port)
        with site.database.write() as session:
            datasets.start_delivery(session, peer=archive, actor="ada", study_uid=STUDY)
        deliverer = site.deliverer()
        while deliverer.step():
            pass
        source = site.calls.source(archive)
        (study,) = source.find_studies(StudyQuery(patient_id="P-1"))
        assert (study.study_uid, study.patient_name) == (STUDY, "Doe^Jane")
        (tmp_path / "got").mkdir()
        assert len(list(source.retrieve(STUDY, SERIES, tmp_path / "got"))) == len(CT)


def pynetdicom(name: str, receiver: Receiver, *options: str) -> None:
    """Run one of its applications against this site."""
    command = [sys.executable, "-m", "pynetdicom", name, *map(str, receiver.address), "-aet", "READER", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr


def test_termscu_does_not_end_this_site(receiver: Receiver) -> None:
    """Its SOP class, Shutdown, is of DCMTK alone: nobody may end a site from afar."""
    host, port = receiver.address
    subprocess.run([tool("termscu"), host, str(port)], capture_output=True, timeout=60, check=False)
    done = subprocess.run([tool("echoscu"), host, str(port)], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
