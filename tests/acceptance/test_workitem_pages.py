"""The worklist in the browser: ordered from series, followed to its results, cancelled with a reason."""

import pytest
from playwright.sync_api import Page, expect

from kahua.store.workitems.documents import words
from kahua.testing.factory import mr_series
from kahua.testing.workitems import new_workitem, state

from .peers import send
from .running import Client, RunningSite

UPS = "/dicom-web/main/workitems"
LOCK = "2.25.77"


@pytest.mark.usefixtures("workflow")
def test_series_are_put_on_the_worklist_and_their_results_shown(
    site: RunningSite, client: Client, signed_in: Page
) -> None:
    ids = []
    for name in ("LISTED-1", "LISTED-2"):
        series = mr_series(slices=4, rows=64, columns=64, seed=name, patient_id=name, patient_name=f"Doe^{name}")
        send(site, series)
        ids.append(client.wait_for_series(series[0].SeriesInstanceUID, preview=True, instances=4)["id"])
    page = signed_in
    page.goto(f"{site.url}/projects/main/workflows/thresholding/bright?series={','.join(ids)}")
    page.get_by_role("button", name="Put on the worklist …").click()
    dialog = page.get_by_role("dialog", name="Put on the worklist")
    expect(dialog).to_contain_text("One workitem for each patient")
    dialog.get_by_role("textbox", name="Label").fill("Bright spots tonight")
    dialog.get_by_text("High", exact=True).click()
    dialog.get_by_role("button", name="Order", exact=True).click()
    page.wait_for_url("**/projects/main/workitems")
    expect(page.get_by_role("link", name="Bright spots tonight")).to_have_count(2)
    page.goto(f"{site.url}/projects/main/workitems?label=spots+TONIGHT&state=COMPLETED")
    expect(page.get_by_role("link", name="Bright spots tonight")).to_have_count(2, timeout=120_000)
    page.get_by_role("row", name="LISTED-1").get_by_role("link").click()
    expect(page.get_by_role("heading", name="Bright spots tonight")).to_be_visible()
    made = page.get_by_role("region", name="What came of it")
    expect(made.get_by_role("link")).to_have_count(2 + 1)
    expect(made).to_contain_text("SEG")
    expect(page.get_by_role("region", name="To work on").locator("img")).to_be_visible()
    expect(page.get_by_role("region", name="History").get_by_role("listitem")).to_have_count(3)
    page.get_by_role("link", name="Show the run").click()
    page.wait_for_url("**/runs/*")


def test_a_wish_to_cancel_is_told_to_who_performs_it(
    site: RunningSite, client: Client, signed_in: Page, complaints: list[str]
) -> None:
    label = {"t00741204": words("LO", "Read by somebody else")}
    for uid in ("2.25.501", "2.25.502"):
        assert client.http.post(f"{UPS}?{uid}", json=new_workitem(**label)).status_code == 201
    assert client.http.put(f"{UPS}/2.25.502/state", json=state("IN PROGRESS", LOCK)).status_code == 200
    page = signed_in
    page.goto(f"{site.url}/projects/main/workitems/2.25.501")
    cancel(page, "Ordered twice")
    expect(page.get_by_role("status")).to_contain_text("Ordered twice")
    expect(page.get_by_role("button", name="Cancel …")).to_have_count(0)
    page.goto(f"{site.url}/projects/main/workitems/2.25.502")
    cancel(page, "Wrong patient")
    expect(page.get_by_role("dialog")).to_contain_text("is not subscribed to it and cannot be told")
    assert complaints.pop().endswith("409 (Conflict)")
    assert client.http.post(f"{UPS}/2.25.502/subscribers/READER").status_code == 201
    page.get_by_role("button", name="Cancel it").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("status")).to_contain_text("Cancellation was asked for: Wrong patient")
    expect(page.get_by_role("region", name="History")).to_contain_text("Cancellation requested")


def cancel(page: Page, reason: str) -> None:
    """Ask for the end of the workitem that is shown."""
    page.get_by_role("button", name="Cancel …").click()
    page.get_by_role("textbox", name="Reason").fill(reason)
    page.get_by_role("button", name="Cancel it").click()
