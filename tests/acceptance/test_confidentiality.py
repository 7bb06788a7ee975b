"""A project that wants no names: set in the browser, and true for what a scanner sends afterwards."""

from playwright.sync_api import Page, expect

from kahua.testing.factory import ct_series, mr_series

from .peers import dcmtk, write_files
from .running import Client, RunningSite, wait_for

NAME, PATIENT = "Quillfeather^Ottoline", "PAT-778899"


def test_what_arrives_in_a_project_without_names_has_none(site: RunningSite, client: Client, signed_in: Page) -> None:
    assert client.http.post("/api/projects", json={"name": "nameless"}).status_code == 201
    project = client.of_project("nameless")
    signed_in.goto(f"{site.url}/projects/nameless/confidentiality")
    expect(signed_in.get_by_role("button", name="Save")).to_be_disabled()
    signed_in.get_by_label("De-identify everything that comes in").check()
    signed_in.get_by_label("Device").check()
    signed_in.get_by_role("button", name="Save").click()
    expect(signed_in.get_by_text("it holds from now on")).to_be_visible()
    signed_in.reload()
    expect(signed_in.get_by_label("De-identify everything that comes in")).to_be_checked()
    expect(signed_in.get_by_text("Retain Device Identity Option")).to_be_visible()

    folder = site.folder.parent / "nameless"
    sent = [*ct_series(slices=2, patient_name=NAME, patient_id=PATIENT), *mr_series(slices=2, patient_id=PATIENT)]
    dcmtk("storescu", site, write_files(folder, sent), "-R", called="kp-nameless")
    series = wait_for(lambda: [item for item in project.series() if item["instance_count"] == 2][1:], "both series")
    assert series
    found = project.http.get("/dicom-web/nameless/instances", params={"includefield": "all"})
    assert len(found.json()) == 4
    assert PATIENT not in found.text
    assert "Quillfeather" not in found.text
    assert {item["patient_id"] for item in project.series()} != {PATIENT}
    assert len({item["patient_id"] for item in project.series()}) == 1
