"""What a project decides about identity, over HTTP."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from pydicom import Dataset, dcmread

from kahua.access import entries, find_project
from kahua.errors import HeldBack
from kahua.site import Site
from kahua.store import Accepted, Origin
from kahua.testing.factory import ct_series, part10, picture
from kahua.testing.site import browser

ADDRESS = "/api/projects/liver/confidentiality"


def test_project_begins_with_the_basic_profile_on_the_way_out(application: FastAPI) -> None:
    found = browser(application, "viewer").get(ADDRESS).json()
    assert (found["on_arrival"], found["dates"], found["keep"]) == (False, "shift", [])
    assert [code["value"] for code in found["codes"]] == ["113100", "113103", "113104", "113107"]


def test_decision_stays_and_is_in_the_audit_log(application: FastAPI, site: Site) -> None:
    wanted = {"on_arrival": True, "dates": "remove", "keep": ["device", "uids"], "faces": "hold"}
    browser(application, "manager").put(ADDRESS, json=wanted)
    found = browser(application, "viewer").get(ADDRESS).json()
    assert {name: found[name] for name in wanted} == wanted
    with site.database.read() as session:
        entry = entries(session, limit=1)[0]
    assert (entry.actor, entry.action) == ("manager", "confidentiality.changed")
    assert entry.details["before"]["on_arrival"] is False
    assert entry.details["after"]["profile"]["retain_uids"] is True


def test_projects_decide_apart(application: FastAPI) -> None:
    browser(application, "manager").put(ADDRESS, json={"on_arrival": True})
    assert browser(application, "ada").get("/api/projects/brain/confidentiality").json()["on_arrival"] is False


def test_unknown_choices_are_refused(application: FastAPI) -> None:
    client = browser(application, "manager")
    for wrong in ({"on_arrival": True, "keep": ["names"]}, {"on_arrival": True, "faces": "blur"}, {"dates": "shift"}):
        assert client.put(ADDRESS, json=wrong).status_code == 400


PASSPHRASE = "correct horse battery"
REIDENTIFICATIONS = "/api/projects/liver/reidentifications"
TEMPLATE = {
    "name": "acme-banner",
    "modality": "US",
    "manufacturer": "Acme",
    "rows": 40,
    "columns": 48,
    "areas": [{"left": 0, "top": 0, "width": 48, "height": 8}],
}


def bring(site: Site, instance: Dataset, folder: Path) -> Accepted:
    """Bring an instance into the project."""
    with site.database.read() as session:
        project = find_project(session, "liver").id
    path = folder / "incoming.dcm"
    path.write_bytes(part10(instance))
    return site.archive.store_file(project, path, Origin(door="upload", sender="test"))


def scan() -> Dataset:
    pixels = np.full((40, 48), 9, np.uint8)
    return picture(pixels, Modality="US", Manufacturer="ACME", PatientName="Quillfeather^Ottoline")


@pytest.fixture
def confidential(application: FastAPI) -> FastAPI:
    """Give the application; its project de-identifies arrivals."""
    browser(application, "manager").put(ADDRESS, json={"on_arrival": True})
    return application


def test_sealed_patient_is_found_with_the_passphrase(confidential: FastAPI, site: Site, tmp_path: Path) -> None:
    client = browser(confidential, "manager")
    assert client.put(f"{ADDRESS}/seal", json={"passphrase": "short"}).status_code == 400
    assert client.put(f"{ADDRESS}/seal", json={"passphrase": PASSPHRASE}).status_code == 204
    assert client.put(f"{ADDRESS}/seal", json={"passphrase": PASSPHRASE}).status_code == 409
    (image,) = ct_series(slices=1, patient_id="PAT-778899", patient_name="Quillfeather^Ottoline")
    accepted = bring(site, image, tmp_path)
    pseudonym = client.get(f"/api/projects/liver/series/{accepted.series_id}").json()["patient_id"]
    assert client.get(ADDRESS).json()["sealed_patients"] == 1
    asked = {"pseudonyms": [pseudonym], "reason": "An incidental finding."}
    assert client.post(REIDENTIFICATIONS, json=asked).json() == []
    wrong = client.post(REIDENTIFICATIONS, json={**asked, "passphrase": "wrong horse battery"})
    assert wrong.status_code == 400
    with site.database.read() as session:
        failed = entries(session, limit=1)[0]
    (found,) = client.post(REIDENTIFICATIONS, json={**asked, "passphrase": PASSPHRASE}).json()
    assert (found["patient_id"], found["patient_name"]) == ("PAT-778899", "Quillfeather^Ottoline")
    assert (failed.action, failed.actor) == ("patient.reidentification-failed", "manager")
    with site.database.read() as session:
        written = json.dumps([entry.details for entry in entries(session)])
    assert "PAT-778899" not in written
    assert "horse" not in written


def test_pseudonym_of_an_export_leads_through_the_seal(confidential: FastAPI, site: Site, tmp_path: Path) -> None:
    client = browser(confidential, "manager")
    client.put(f"{ADDRESS}/seal", json={"passphrase": PASSPHRASE})
    accepted = bring(site, ct_series(slices=1, patient_id="PAT-778899")[0], tmp_path)
    exported = client.get("/api/projects/liver/exports", params={"series": accepted.series_id}).content
    start = exported.index(b"DICM") - 128
    outer = dcmread(io.BytesIO(exported[start:]), stop_before_pixels=True).PatientID
    asked = {"pseudonyms": [outer], "reason": "An incidental finding.", "passphrase": PASSPHRASE}
    (found,) = client.post(REIDENTIFICATIONS, json=asked).json()
    assert (found["pseudonym"], found["patient_id"]) == (outer, "PAT-778899")


def test_forgotten_patients_are_gone_for_good(confidential: FastAPI, site: Site, tmp_path: Path) -> None:
    client = browser(confidential, "manager")
    client.put(f"{ADDRESS}/seal", json={"passphrase": PASSPHRASE})
    bring(site, ct_series(slices=1)[0], tmp_path)
    assert client.delete(f"{ADDRESS}/seal").status_code == 204
    assert client.delete(f"{ADDRESS}/seal").status_code == 404
    assert client.get(ADDRESS).json()["sealed_patients"] == 0


def test_held_object_is_looked_at_and_released(confidential: FastAPI, site: Site, tmp_path: Path) -> None:
    with pytest.raises(HeldBack):
        bring(site, scan(), tmp_path)
    client = browser(confidential, "manager")
    quarantine = "/api/projects/liver/quarantine"
    (item,) = client.get(quarantine).json()["items"]
    seen = dcmread(io.BytesIO(client.get(f"{quarantine}/{item['id']}/object").content))
    assert seen.PatientName != "Quillfeather^Ottoline"
    released = client.post(f"{quarantine}/{item['id']}/release").json()
    assert released["sop_instance_uid"] == seen.SOPInstanceUID
    assert client.get(quarantine).json()["items"] == []
    assert client.get(f"/api/projects/liver/series/{released['series']}").status_code == 200
    with site.database.read() as session:
        assert entries(session, limit=1)[0].action == "quarantine.released"


def test_template_of_the_site_lets_scans_in(confidential: FastAPI, site: Site, tmp_path: Path) -> None:
    administrator = browser(confidential, "ada")
    assert administrator.post("/api/pixel-templates", json=TEMPLATE).status_code == 201
    assert administrator.post("/api/pixel-templates", json=TEMPLATE).status_code == 409
    listed = administrator.get("/api/pixel-templates").json()["items"]
    assert [item["name"] for item in listed if not item["is_example"]] == ["acme-banner"]
    accepted = bring(site, scan(), tmp_path)
    exported = browser(confidential, "manager").get(
        "/api/projects/liver/exports", params={"series": accepted.series_id, "deidentify": "false"}
    )
    start = exported.content.index(b"DICM") - 128
    stored = dcmread(io.BytesIO(exported.content[start:]))
    assert not stored.pixel_array[:8].any()
    assert stored.pixel_array[8:].all()
    assert administrator.delete("/api/pixel-templates/acme-banner").status_code == 204
    assert administrator.delete("/api/pixel-templates/acme-banner").status_code == 404


@pytest.mark.parametrize(
    "wrong", [{"rows": 0}, {"areas": []}, {"modality": ""}, {"manufacturer": ""}, {"name": "No Name"}, {"colour": 1}]
)
def test_template_that_says_too_little_is_refused(application: FastAPI, wrong: dict[str, object]) -> None:
    answer = browser(application, "ada").post("/api/pixel-templates", json={**TEMPLATE, **wrong})
    assert answer.status_code == 400
