"""A series that was deleted by mistake comes back, and one that was meant goes for good."""

from playwright.sync_api import Page, expect

from kahua.testing.factory import mr_series, part10

from .running import Client, RunningSite


def test_a_deleted_series_is_restored_or_erased_in_the_browser(
    site: RunningSite, client: Client, signed_in: Page
) -> None:
    assert client.http.post("/api/projects", json={"name": "bin"}).status_code == 201
    project = client.of_project("bin")
    for name in ("mistake", "meant"):
        (instance,) = mr_series(slices=1, seed=name, patient_id=f"PATIENT-{name}")
        instance.SeriesDescription = name
        assert project.upload(f"{name}.dcm", part10(instance)).json()["accepted"] == 1

    page = signed_in
    page.goto(f"{site.url}/projects/bin/datasets")
    for name in ("mistake", "meant"):
        page.get_by_role("gridcell", name=name).click(modifiers=["Control"], position={"x": 40, "y": 40})
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert project.series() == []

    page.get_by_role("link", name="Trash").click()
    page.get_by_role("row", name="mistake").get_by_role("button", name="Restore").click()
    expect(page.get_by_text("1 instance restored.")).to_be_visible()
    expect(page.get_by_role("row", name="mistake")).to_be_hidden()
    page.get_by_role("row", name="meant").get_by_role("button", name="Erase now").click()
    page.get_by_role("dialog").get_by_role("button", name="Erase").click()
    expect(page.get_by_text("Nothing was deleted lately")).to_be_visible()
    assert [item["description"] for item in project.series()] == ["mistake"]
