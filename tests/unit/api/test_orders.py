"""Pulls and deliveries over HTTP: how far they are, item by item, as a table, cancelled and tried again."""

import csv
import io
from pathlib import Path

import pytest
from fastapi import FastAPI

from kahua.access import Role, entries, find_project
from kahua.site import Site
from kahua.store import Origin, PeerFacts, add_peer, delete_series
from kahua.testing.factory import ct_series, part10
from kahua.testing.site import TestClient, add_person, browser

pytestmark = pytest.mark.elsewhere

STUDY = "1.2.826.0.1.3680043.8.498.1"


@pytest.fixture
def project(site: Site, application: FastAPI) -> str:
    """Give the id of a project with a peer on which nobody listens."""
    assert application
    add_person(site.database, "carla", ward=Role.CURATOR)
    with site.database.write() as session:
        row = find_project(session, "ward")
        assert row is not None
        add_peer(session, project_id=row.id, name="pacs", facts=PeerFacts(ae_title="PACS", host="127.0.0.1", port=1))
        return row.id


@pytest.fixture
def carla(application: FastAPI, project: str) -> TestClient:
    assert project
    return browser(application, "carla")


def keep(site: Site, project: str, folder: Path) -> str:
    path = folder / "one.dcm"
    path.write_bytes(part10(ct_series(slices=1)[0]))
    return site.archive.store_file(project, path, Origin(door="import", sender="test")).series_id


def start(carla: TestClient, kind: str, site: Site, project: str, folder: Path) -> str:
    body = {"peer": "pacs"} | (
        {"wishes": [{"study_uid": STUDY}]} if kind == "pulls" else {"series": [keep(site, project, folder)]}
    )
    answer = carla.post(f"/api/projects/ward/{kind}", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_a_series_that_is_sent_is_told_as_people_know_it_as_long_as_it_is_there(
    carla: TestClient, site: Site, project: str, tmp_path: Path
) -> None:
    order = start(carla, "deliveries", site, project, tmp_path)
    at = f"/api/projects/ward/deliveries/{order}"
    (item,) = carla.get(f"{at}/items").json()["items"]
    (shown,) = item["series"]
    assert (shown["id"], shown["modality"]) == (item["series_id"], "CT")
    assert shown["patient_id"]
    assert "series" not in carla.get(f"{at}/items.csv").text.splitlines()[0].split(",")
    with site.database.write() as session:
        delete_series(session, project, item["series_id"], actor="carla", keep=True)
    assert carla.get(f"{at}/items").json()["items"][0]["series"] == []


@pytest.mark.parametrize("kind", ["pulls", "deliveries"])
def test_an_order_is_shown_cancelled_and_tried_again(
    carla: TestClient, site: Site, project: str, tmp_path: Path, kind: str
) -> None:
    order = start(carla, kind, site, project, tmp_path)
    at = f"/api/projects/ward/{kind}/{order}"
    assert carla.get(at).json()["items"] == {"waiting": 1}
    assert [item["id"] for item in carla.get(f"/api/projects/ward/{kind}").json()["items"]] == [order]
    assert carla.post(f"{at}/cancel").json()["state"] == "cancelled"
    assert carla.post(f"{at}/cancel").status_code == 409
    again = carla.post(f"{at}/retry").json()
    assert (again["state"], again["items"]) == ("active", {"waiting": 1})
    with site.database.read() as session:
        acts = [entry.action for entry in entries(session, project_id=project)][:2]
    word = kind.removesuffix("s").removesuffix("ie") + ("y" if kind == "deliveries" else "")
    assert acts == [f"{word}.retried", f"{word}.cancelled"]


@pytest.mark.parametrize("kind", ["pulls", "deliveries"])
def test_what_became_of_each_item_is_a_table_too(
    carla: TestClient, site: Site, project: str, tmp_path: Path, kind: str
) -> None:
    order = start(carla, kind, site, project, tmp_path)
    (item,) = carla.get(f"/api/projects/ward/{kind}/{order}/items").json()["items"]
    answer = carla.get(f"/api/projects/ward/{kind}/{order}/items.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert f"{order}.csv" in answer.headers["content-disposition"]
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["id"], row["state"]) == (str(item["id"]), "waiting")
    assert set(row) == set(item) - {"series"}
