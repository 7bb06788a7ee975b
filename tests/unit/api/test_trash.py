"""Deleting over HTTP and DICOMweb, and the way back."""

from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from pydicom import Dataset

from kahua.access import entries, find_project
from kahua.site import Site
from kahua.store import Accepted, Origin
from kahua.testing.factory import ct_series, part10
from kahua.testing.site import TestClient, browser, program

pytestmark = pytest.mark.elsewhere

API = "/api/projects/liver"
WEB = "/dicom-web/liver"


@pytest.fixture
def instances() -> list[Dataset]:
    return ct_series(slices=3)


@pytest.fixture
def series_id(site: Site, instances: list[Dataset], tmp_path: Path) -> str:
    with site.database.read() as session:
        project = find_project(session, "liver")
    paths = [tmp_path / f"{number}.dcm" for number in range(len(instances))]
    for path, instance in zip(paths, instances, strict=True):
        path.write_bytes(part10(instance))
    results = site.archive.store_files(project.id, paths, Origin(door="import", sender="test"))
    return next(result.series_id for result in results if isinstance(result, Accepted))


@pytest.fixture
def client(application: FastAPI, series_id: str) -> TestClient:  # noqa: ARG001 - it must be there
    return program(application, "manager")


def seen(client: TestClient, instances: list[Dataset]) -> dict[str, Any]:
    """What the doors show of a study."""
    uid = instances[0].StudyInstanceUID
    listed = client.get(f"{API}/series").json()
    return {
        "gallery": (len(listed["items"]), listed["total"]),
        "facets": client.get(f"{API}/series/facets").json(),
        "qido": [client.get(f"{WEB}/{level}").json() for level in ("studies", "series", "instances")],
        "metadata": client.get(f"{WEB}/studies/{uid}/metadata").status_code,
        "wado": client.get(f"{WEB}/studies/{uid}").status_code,
    }


NOWHERE = {
    "gallery": (0, {"series": 0, "studies": 0, "patients": 0}),
    "facets": {"modality": [], "body_part": [], "manufacturer": [], "validation": [], "source": []},
    "qido": [[], [], []],
    "metadata": 404,
    "wado": 404,
}


def path_of(level: str, instance: Dataset, series_id: str) -> str:
    study = f"{WEB}/studies/{instance.StudyInstanceUID}"
    return {
        "study": study,
        "series": f"{study}/series/{instance.SeriesInstanceUID}",
        "api": f"{API}/series/{series_id}",
    }[level]


@pytest.mark.parametrize("level", ["study", "series", "api"])
def test_what_is_deleted_is_nowhere_and_comes_back_as_it_was(
    client: TestClient, instances: list[Dataset], series_id: str, level: str
) -> None:
    before = seen(client, instances)
    assert before["wado"] == 200
    assert client.delete(path_of(level, instances[0], series_id)).status_code == 204
    assert seen(client, instances) == NOWHERE
    (item,) = client.get(f"{API}/trash").json()["items"]
    assert (item["instance_count"], item["deleted_by"]) == (3, "manager")
    restored = client.post(f"{API}/trash/{item['id']}/restore").json()
    assert restored == {"series_id": series_id, "restored": 3, "duplicates": 0, "conflicts": 0}
    assert seen(client, instances) == before
    assert client.get(f"{API}/trash").json()["items"] == []


def test_one_instance_is_deleted_and_comes_back(client: TestClient, instances: list[Dataset]) -> None:
    one = instances[1]
    series = f"{WEB}/studies/{one.StudyInstanceUID}/series/{one.SeriesInstanceUID}"
    address = f"{series}/instances/{one.SOPInstanceUID}"
    assert client.get(f"{series}/metadata").status_code == 200
    assert client.delete(address).status_code == 204
    assert client.delete(address).status_code == 404
    assert client.get(address).status_code == 404
    assert one.SOPInstanceUID not in client.get(f"{series}/metadata").text
    assert client.get(f"{WEB}/series").json()[0]["00201209"]["Value"] == [2]
    (item,) = client.get(f"{API}/trash").json()["items"]
    assert client.post(f"{API}/trash/{item['id']}/restore").json()["restored"] == 1
    assert client.get(address).status_code == 200


def test_an_instance_is_not_deleted_under_another_series(client: TestClient, instances: list[Dataset]) -> None:
    study = f"{WEB}/studies/{instances[0].StudyInstanceUID}"
    assert client.delete(f"{study}/series/1.2.3/instances/{instances[0].SOPInstanceUID}").status_code == 404
    assert client.delete(f"{study}/series/1.2.3").status_code == 404
    assert client.delete(f"{WEB}/studies/1.2.3").status_code == 404


def test_only_a_person_lets_go_for_ever(application: FastAPI, site: Site, client: TestClient, series_id: str) -> None:
    client.delete(f"{API}/series/{series_id}")
    (item,) = client.get(f"{API}/trash").json()["items"]
    address = f"{API}/trash/{item['id']}"
    assert client.delete(address).status_code == 403
    person = browser(application, "manager")
    assert person.delete(address).status_code == 204
    assert person.post(f"{address}/restore").status_code == 404
    assert site.archive.collect() == 3
    with site.database.read() as session:
        newest = entries(session, limit=1)[0]
    assert (newest.action, newest.actor, newest.details["instances"]) == ("trash.emptied", "manager", 3)


def test_the_trash_goes_on_page_by_page(client: TestClient, instances: list[Dataset]) -> None:
    for instance in instances[:2]:
        series = f"{WEB}/studies/{instance.StudyInstanceUID}/series/{instance.SeriesInstanceUID}"
        client.delete(f"{series}/instances/{instance.SOPInstanceUID}")
    first = client.get(f"{API}/trash", params={"limit": 1}).json()
    second = client.get(f"{API}/trash", params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert len({first["items"][0]["id"], second["items"][0]["id"]}) == 2
    assert second["next_cursor"] is None


def test_a_person_erases_a_study_after_a_look_at_the_plan(
    application: FastAPI, client: TestClient, instances: list[Dataset]
) -> None:
    study = {"kind": "study", "identifier": instances[0].StudyInstanceUID}
    assert client.post(f"{API}/erasures", json=study).status_code == 403
    person = browser(application, "manager")
    plan = person.post(f"{API}/erasure-plans", json=study).json()
    assert plan["counts"]["instances"] == 3
    assert seen(client, instances)["wado"] == 200
    erasure = person.post(f"{API}/erasures", json=study)
    assert (erasure.status_code, erasure.json()["series"]) == (201, plan["series"])
    assert seen(client, instances) == NOWHERE
    assert client.get(f"{API}/trash").json()["items"] == []
    assert person.post(f"{API}/erasures", json=study).status_code == 404


@pytest.mark.parametrize("identifier", ["", " ", "\0"])
def test_an_empty_identifier_erases_nobody(application: FastAPI, client: TestClient, identifier: str) -> None:
    person = browser(application, "manager")
    answer = person.post(f"{API}/erasures", json={"kind": "patient", "identifier": identifier})
    assert answer.status_code in (400, 422)
    assert client.get(f"{API}/series").json()["total"]["series"] == 1
