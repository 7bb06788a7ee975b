"""The pages can be used by everybody: axe finds nothing on them, dark or light."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from kahua.store.workitems.documents import sequence
from kahua.testing.factory import mr_series
from kahua.testing.workitems import input_of, new_workitem

from .peers import send
from .running import Client, RunningSite

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"

PAGES = [
    "/projects/main",
    "/projects/main/datasets",
    "/projects/main/quarantine",
    "/projects/main/trash",
    "/projects/main/workflows",
    "/projects/main/workflows/thresholding/bright",
    "/projects/main/runs",
    "/projects/main/peers",
    "/projects/main/transfers",
    "/projects/main/workitems",
    "/projects/main/workitems/2.25.600",
    "/projects/main/confidentiality",
    "/projects/main/members",
    "/site/extensions",
    "/site/people",
    "/me",
]

#: Colours fade into each other for less than this.
SETTLED_MILLISECONDS = 250

pytestmark = pytest.mark.skipif(not AXE.is_file(), reason="needs the packages of web/: make setup")


@pytest.fixture(scope="session")
def something_to_see(site: RunningSite, client: Client, workflow: str) -> str:
    """Give the id of a series that a run has worked on."""
    series = mr_series(slices=4, seed="accessible", patient_id="ACCESSIBLE")
    send(site, series, dataset="accessible")
    item = client.wait_for_series(series[0].SeriesInstanceUID, preview=True, instances=4)
    run = client.post("runs", {"workflow": workflow, "series": [item["id"]]})
    ordered = new_workitem(t00404021=sequence(input_of(series[0].StudyInstanceUID, series[0].SeriesInstanceUID)))
    assert client.http.post("/dicom-web/main/workitems?2.25.600", json=ordered).status_code == 201
    client.upload("broken.dcm", b"this is no DICOM")
    assert client.wait_for_run(run["id"])["state"] == "succeeded"
    return str(item["id"])


def violations(page: Page) -> list[str]:
    """Give what axe finds, in the colours that are set and then, for contrast alone, in the others."""
    page.evaluate(AXE.read_text())  # a script element would be against the site's own policy
    found = page.evaluate("axe.run(document, {iframes: false})")["violations"]
    page.evaluate("document.documentElement.setAttribute('data-mantine-color-scheme', 'light')")
    page.wait_for_timeout(SETTLED_MILLISECONDS)
    found += page.evaluate("axe.run(document, {iframes: false, runOnly: ['color-contrast']})")["violations"]
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]


def test_axe_finds_nothing_on_any_page_dark_or_light(site: RunningSite, something_to_see: str, signed_in: Page) -> None:
    found: dict[str, list[str]] = {}
    signed_in.route("**/ohif/**", lambda route: route.fulfill(body="", content_type="text/html"))
    tabs = [f"/projects/main/series/{something_to_see}?overlay=none&tab={tab}" for tab in ("results", "validation")]
    for path in [*PAGES, *tabs]:
        signed_in.goto(f"{site.url}{path}")
        expect(signed_in.get_by_role("heading", level=1)).to_be_attached()
        signed_in.wait_for_load_state("networkidle")
        assert signed_in.locator("html").get_attribute("data-mantine-color-scheme") == "dark"
        if complaints := violations(signed_in):
            found[path] = complaints
    assert found == {}


def test_axe_finds_nothing_at_the_door(site: RunningSite, page: Page) -> None:
    page.goto(f"{site.url}/sign-in")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert violations(page) == []


def test_on_a_phone_every_page_is_at_hand_or_behind_more(signed_in: Page) -> None:
    signed_in.set_viewport_size({"width": 390, "height": 844})
    pages = signed_in.get_by_role("navigation", name="Pages")
    expect(pages.get_by_role("link")).to_have_text(["Home", "Datasets", "Workflows", "Runs"])
    assert violations(signed_in) == []
    pages.get_by_role("button", name="More").click()
    expect(signed_in.get_by_role("menuitem", name="Extensions")).to_be_in_viewport(ratio=1)
    assert violations(signed_in) == []
    signed_in.get_by_role("menuitem", name="Projects and people").click()
    expect(signed_in.get_by_role("heading", level=1)).to_be_visible()
    signed_in.wait_for_url("**/site/people")
