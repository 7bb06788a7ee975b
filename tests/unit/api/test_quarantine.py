"""What a manager does with objects in quarantine, over HTTP."""

import io
from pathlib import Path

import pytest
from fastapi import FastAPI
from pydicom import Dataset, dcmread

from kahua.access import entries, find_project
from kahua.site import Site
from kahua.store import Accepted, Origin
from kahua.testing.factory import ct_series, part10
from kahua.testing.site import TestClient, browser

pytestmark = pytest.mark.elsewhere

API = "/api/projects/liver"
QUARANTINE = f"{API}/quarantine"


@pytest.fixture
def client(application: FastAPI) -> TestClient:
    return browser(application, "manager")


def bring(site: Site, folder: Path, content: bytes) -> Accepted | Exception:
    """Bring a file into the project."""
    path = folder / "incoming.dcm"
    path.write_bytes(content)
    with site.database.read() as session:
        project = find_project(session, "liver").id
    (result,) = site.archive.store_files(project, [path], Origin(door="upload", sender="test", name="scan.dcm"))
    return result


@pytest.fixture
def conflict(site: Site, tmp_path: Path) -> tuple[Accepted, Dataset]:
    """An instance that is here, and another of its UID that is in quarantine."""
    instance = ct_series(slices=1)[0]
    first = bring(site, tmp_path, part10(instance))
    assert isinstance(first, Accepted)
    instance.PatientComments = "Sent again after a correction."
    assert isinstance(bring(site, tmp_path, part10(instance)), Exception)
    return first, instance


def only(client: TestClient) -> dict[str, str]:
    """Give what is in quarantine."""
    (item,) = client.get(QUARANTINE).json()["items"]
    return dict(item)


def test_object_is_looked_at(client: TestClient, conflict: tuple[Accepted, Dataset], site: Site) -> None:
    answer = client.get(f"{QUARANTINE}/{only(client)['id']}/object")
    assert dcmread(io.BytesIO(answer.content)).PatientComments == conflict[1].PatientComments
    with site.database.read() as session:
        assert entries(session, limit=1)[0].action == "quarantine.read"


def test_conflict_stays_as_long_as_the_first_one_does(client: TestClient, conflict: tuple[Accepted, Dataset]) -> None:
    item = only(client)
    answer = client.post(f"{QUARANTINE}/{item['id']}/release")
    assert (answer.status_code, answer.json()["code"]) == (409, "sop-instance-conflict")
    assert only(client) == item
    assert client.delete(f"{API}/series/{conflict[0].series_id}").status_code == 204
    stored = client.post(f"{QUARANTINE}/{item['id']}/release").json()
    assert client.get(QUARANTINE).json()["items"] == []
    metadata = client.get(
        f"/dicom-web/liver/studies/{conflict[0].study_uid}/series/{conflict[0].series_uid}/metadata"
    ).json()
    assert metadata[0]["00104000"]["Value"] == [conflict[1].PatientComments]
    assert client.get(f"{API}/series/{stored['series']}").json()["instance_count"] == 1


def test_broken_object_is_refused_again_and_stays(client: TestClient, site: Site, tmp_path: Path) -> None:
    bring(site, tmp_path, b"no DICOM at all" * 20)
    item = only(client)
    assert client.post(f"{QUARANTINE}/{item['id']}/release").status_code == 422
    assert only(client) == item


def test_discarded_object_is_gone(client: TestClient, conflict: tuple[Accepted, Dataset], site: Site) -> None:
    item = only(client)
    assert client.delete(f"{QUARANTINE}/{item['id']}").status_code == 204
    assert client.get(QUARANTINE).json()["items"] == []
    assert client.get(f"{QUARANTINE}/{item['id']}/object").status_code == 404
    assert site.archive.collect() == 1
    with site.database.read() as session:
        last = entries(session, limit=1)[0]
    assert (last.actor, last.action, last.subject) == ("manager", "quarantine.discarded", conflict[0].sop_instance_uid)


def test_only_the_reason_is_kept_where_arrivals_are_treated(client: TestClient, site: Site, tmp_path: Path) -> None:
    client.put(f"{API}/confidentiality", json={"on_arrival": True})
    bring(site, tmp_path, b"no DICOM at all" * 20)
    item = only(client)
    for answer in (
        client.get(f"{QUARANTINE}/{item['id']}/object"),
        client.post(f"{QUARANTINE}/{item['id']}/release"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "state-conflict")
        assert "Only the reason" in answer.json()["detail"]
    assert client.delete(f"{QUARANTINE}/{item['id']}").status_code == 204
