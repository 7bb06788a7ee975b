"""Series go to a peer: chosen and sent in the browser, followed, and tried again when nobody took them."""

from pathlib import Path

from playwright.sync_api import Page, expect

from kahua.testing.factory import mr_series, part10

from .running import Client, RunningSite


def test_series_are_sent_from_the_gallery_and_a_failure_is_told_and_tried_again(
    site: RunningSite, client: Client, signed_in: Page, tmp_path: Path
) -> None:
    for name in ("outward", "receiver"):
        assert client.http.post("/api/projects", json={"name": name}).status_code == 201
    sender, receiver = client.of_project("outward"), client.of_project("receiver")
    for instance in mr_series(slices=2, seed="sent", patient_id="SENT-1", patient_name="Doe^Sentia"):
        assert sender.upload("one.dcm", part10(instance)).json()["accepted"] == 1
    secret = tmp_path / "secret"
    secret.write_text("wrong")
    address = f"{site.url}/dicom-web/receiver"
    said = site.kahua(
        "peer", "add", "archive", "--url", address, "--secret-file", secret, "--as-stored", "--project", "outward"
    )
    assert said.returncode == 0, said.stderr

    page = signed_in
    page.goto(f"{site.url}/projects/outward/transfers?show=deliveries")
    expect(page.get_by_text("Nothing was sent to a peer yet")).to_be_visible()
    page.goto(f"{site.url}/projects/outward/datasets")
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("menuitem", name="archive").click()
    dialog = page.get_by_role("dialog", name="Send 1 series to archive?")
    expect(dialog).to_contain_text("as they are stored, with everything that names the patient")
    dialog.get_by_role("button", name="Send", exact=True).click()
    page.wait_for_url("**/transfers/deliveries/*")
    expect(page.get_by_role("heading", name="To archive")).to_be_visible()
    expect(page.get_by_role("cell", name="0 instances")).to_be_visible()
    expect(page.get_by_role("table")).to_contain_text("401", timeout=30_000)

    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled: 0 of 1 series, 1 cancelled; 0 instances.")).to_be_visible()

    secret.write_text(client.http.headers["Authorization"].removeprefix("Bearer "))
    said = site.kahua("peer", "change", "archive", "--secret-file", secret, "--project", "outward")
    assert said.returncode == 0, said.stderr
    page.get_by_role("button", name="Try again now").click()
    expect(page.get_by_text("Done: 1 of 1 series; 2 instances.")).to_be_visible(timeout=30_000)
    assert [item["patient_id"] for item in receiver.series()] == ["SENT-1"]
    with page.expect_download() as begun:
        page.get_by_role("link", name="Table (CSV)").click()
    begun.value.save_as(tmp_path / "table.csv")
    assert "done" in (tmp_path / "table.csv").read_text()

    page.goto(f"{site.url}/projects/outward/peers")
    page.get_by_role("link", name="Transfers").click()
    page.get_by_text("Sent", exact=True).click()
    expect(page.get_by_role("cell", name="Done", exact=True)).to_be_visible()
    page.set_viewport_size({"width": 768, "height": 900})
    page.evaluate("document.documentElement.setAttribute('data-mantine-color-scheme', 'light')")
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(page.get_by_role("button", name="Try again now")).to_have_count(0)
