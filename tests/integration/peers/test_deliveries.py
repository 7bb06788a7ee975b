"""Series sent to a real Orthanc, as stored and de-identified, by each way."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydicom
import pytest

from kahua import datasets
from kahua.access import ensure_project, entries
from kahua.errors import InvalidInput, NotFound
from kahua.site import Site
from kahua.store import Origin, PeerFacts, add_peer, change_peer, find_peer, pseudonyms_of
from kahua.store.remote.deliveries import DELIVERIES
from kahua.store.remote.orders import Progress
from kahua.store.remote.tables import DeliveryRow
from kahua.testing.factory import ct_series, part10
from kahua.testing.site import temporary_site

from .servers import AE_TITLE, PASSWORD, USER, Orthanc, orthanc

pytestmark = pytest.mark.elsewhere


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """Give an Orthanc to which things are sent."""
    with orthanc(tmp_path_factory.mktemp("receiving")) as server:
        yield server


@pytest.fixture
def site(tmp_path: Path, backends: dict[str, Any]) -> Iterator[Site]:
    site = temporary_site(tmp_path, **backends)
    yield site
    site.close()


@pytest.fixture(params=["dicomweb", "dimse"])
def facts(request: pytest.FixtureRequest, site: Site, pacs: Orthanc) -> PeerFacts:
    """Give how Orthanc is called."""
    if request.param == "dicomweb":
        return PeerFacts(kind="dicomweb", url=pacs.url, user_name=USER, secret=site.vault.lock(PASSWORD))
    return PeerFacts(ae_title=AE_TITLE, host="127.0.0.1", port=pacs.dicom_port)


def keep(site: Site, folder: Path, seed: str) -> tuple[str, list[pydicom.Dataset]]:
    """Keep a series in the project ``main``; give its id and its instances."""
    instances = ct_series(slices=3, seed=seed, patient_id=f"PATIENT-{seed}", patient_name="Planted^Name")
    with site.database.write() as session:
        project = ensure_project(session, name="main").id
    for number, instance in enumerate(instances):
        path = folder / f"{number}.dcm"
        path.write_bytes(part10(instance))
        series = site.archive.store_file(project, path, Origin(door="import", sender="test")).series_id
    return series, instances


def send(site: Site, facts: PeerFacts, **what: object) -> Progress[DeliveryRow]:
    with site.database.write() as session:
        project = ensure_project(session, name="main").id
        peer = add_peer(session, project_id=project, name="pacs", facts=facts)
        delivery = datasets.start_delivery(session, peer=peer, actor="ada", **what)  # type: ignore[arg-type]
    work(site)
    with site.database.read() as session:
        return DELIVERIES.progress(session, DELIVERIES.find(session, project, delivery.id))


def work(site: Site) -> None:
    deliverer = site.deliverer()
    while deliverer.step():
        pass


def test_a_series_goes_as_it_is_stored(site: Site, facts: PeerFacts, pacs: Orthanc, tmp_path: Path) -> None:
    series, instances = keep(site, tmp_path, f"as-stored-{facts.kind}")
    progress = send(site, replace(facts, deidentify=False), series=[series])
    assert (progress.order.state, progress.instances["sent"], progress.instances["failed"]) == ("done", 3, 0)
    for instance in instances:
        there = pydicom.dcmread(io.BytesIO(pacs.file(instance.SOPInstanceUID)))
        assert (there.PatientName, there.PixelData) == (instance.PatientName, instance.PixelData)


def test_a_series_goes_de_identified(site: Site, facts: PeerFacts, pacs: Orthanc, tmp_path: Path) -> None:
    seed = f"treated-{facts.kind}"
    _, instances = keep(site, tmp_path, seed)
    before = set(pacs.instances())
    progress = send(site, facts, study_uid=str(instances[0].StudyInstanceUID))
    assert (progress.order.state, progress.instances["sent"], progress.instances["held_back"]) == ("done", 3, 0)
    arrived = set(pacs.instances()) - before
    with site.database.write() as session:
        pseudonyms = pseudonyms_of(session, progress.order.project_id)
    assert arrived == {pseudonyms.uid(str(instance.SOPInstanceUID)) for instance in instances}
    for uid in arrived:
        content = pacs.file(uid)
        assert b"Planted" not in content
        assert seed.encode() not in content
    with site.database.read() as session:
        acts = {entry.action: entry for entry in entries(session, project_id=progress.order.project_id)}
    assert acts["series.sent"].details["deidentified"] is True
    assert acts["delivery.finished"].details["sent"] == 3
    assert [path for path in site.archive.staging.folder.iterdir() if path.name.startswith("export-")] == []


def test_what_a_peer_may_only_have_de_identified_does_not_go_otherwise(
    site: Site, facts: PeerFacts, pacs: Orthanc, tmp_path: Path
) -> None:
    """The administrator decides while the delivery waits."""
    series, _ = keep(site, tmp_path, f"late-{facts.kind}")
    before = pacs.instances()
    with site.database.write() as session:
        project = ensure_project(session, name="main").id
        peer = add_peer(session, project_id=project, name="pacs", facts=replace(facts, deidentify=False))
        delivery = datasets.start_delivery(session, peer=peer, actor="ada", series=[series])
        change_peer(session, project_id=project, name="pacs", facts=facts)
    work(site)
    with site.database.read() as session:
        (item,) = DELIVERIES.items(session, DELIVERIES.find(session, project, delivery.id), limit=9)
    assert item.state == "failed"
    assert pacs.instances() == before


def test_a_peer_that_is_not_there_is_tried_again(site: Site, tmp_path: Path) -> None:
    series, _ = keep(site, tmp_path, "nowhere")
    progress = send(site, PeerFacts(ae_title="NOBODY", host="127.0.0.1", port=1, deidentify=False), series=[series])
    assert (progress.order.state, progress.items) == ("active", {"waiting": 1})


def test_series_of_another_project_cannot_be_sent(site: Site, tmp_path: Path) -> None:
    series, _ = keep(site, tmp_path, "mine")
    with site.database.write() as session:
        other = ensure_project(session, name="other").id
        add_peer(session, project_id=other, name="pacs", facts=PeerFacts(ae_title="A", host="127.0.0.1", port=1))
        peer = find_peer(session, other, "pacs")
        with pytest.raises(NotFound):
            datasets.start_delivery(session, peer=peer, actor="ada", series=[series])
        with pytest.raises(InvalidInput):
            datasets.start_delivery(session, peer=peer, actor="ada")
