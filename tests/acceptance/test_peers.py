"""Another archive, added, tested and searched in the browser: here it is another project of the same site."""

from playwright.sync_api import Page, expect

from kahua.testing.factory import mr_series, part10

from .conftest import forget_refusals
from .running import Client, RunningSite


def test_an_archive_is_added_tested_and_searched(
    site: RunningSite, client: Client, signed_in: Page, complaints: list[str]
) -> None:
    for name in ("archive", "ward"):
        assert client.http.post("/api/projects", json={"name": name}).status_code == 201
    (instance,) = mr_series(slices=1, seed="elsewhere", patient_id="ELSEWHERE-1", patient_name="Doe^Elsa")
    assert client.of_project("archive").upload("one.dcm", part10(instance)).json()["accepted"] == 1

    page = signed_in
    page.goto(f"{site.url}/projects/ward/peers")
    expect(page.get_by_text("No other archive is known here yet")).to_be_visible()
    page.get_by_role("button", name="Add a peer").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("archive")
    form.get_by_text("DICOMweb", exact=True).click()
    form.get_by_label("Address").fill(f"{site.url}/dicom-web/archive")
    form.get_by_label("Password or token").fill("wrong")
    form.get_by_role("button", name="Add the peer").click()
    expect(form).to_be_hidden()

    page.get_by_role("button", name="Test").click()
    expect(page.get_by_role("alert")).to_be_visible()
    forget_refusals(complaints, 502)
    page.get_by_role("button", name="Change archive").click()
    token = client.http.headers["Authorization"].removeprefix("Bearer ")
    page.get_by_role("dialog").get_by_label("Password or token").fill(token)
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Test").click()
    expect(page.get_by_text("It answers")).to_be_visible()

    page.get_by_role("link", name="archive").click()
    page.get_by_label("Patient ID").fill("ELSEWHERE*")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("Doe, Elsa")).to_be_visible()
    expect(page.get_by_role("cell", name="nothing")).to_be_visible()
    page.get_by_role("button", name="Bring in").click()
    expect(page.get_by_text("Brought in: 1 instance")).to_be_visible()
    assert [item["patient_id"] for item in client.of_project("ward").series()] == ["ELSEWHERE-1"]
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("cell", name="all of it")).to_be_visible()
    page.get_by_label("Patient ID").fill("NOBODY")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("The peer has no such study")).to_be_visible()
