"""The first minutes with a new site."""

import re

import httpx
from playwright.sync_api import Page, expect

from .conftest import PASSWORD, StartSite


def test_the_first_start_prints_a_link_that_signs_in_once_and_asks_for_a_password(
    start_site: StartSite, page: Page, complaints: list[str]
) -> None:
    site = start_site()
    page.goto(site.first_link)
    expect(page.get_by_role("heading", name="Set your password")).to_be_visible()
    page.get_by_role("textbox", name="New password").fill(PASSWORD)
    page.get_by_role("textbox", name="The same again").fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()
    page.wait_for_url("**/projects/main")

    page.get_by_role("button", name=re.compile("account")).click()
    page.get_by_role("menuitem", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    assert complaints == []

    page.goto("about:blank")
    page.goto(site.first_link)
    expect(page.get_by_text("A link works once and for a limited time.")).to_be_visible()
    assert all("401" in complaint for complaint in complaints)  # the browser tells of every refusal
    complaints.clear()

    page.goto(f"{site.url}/projects/main")
    page.get_by_role("textbox", name="Name").fill("admin")
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/projects/main")


def test_a_second_start_prints_no_link_and_keeps_what_was_there(start_site: StartSite) -> None:
    site = start_site()
    assert site.kahua("project", "add", "liver").returncode == 0
    site.stop()
    site.start()
    assert "#token=" not in site.output.read_text()
    assert "liver" in site.kahua("project", "list", "--json").stdout
    assert httpx.get(f"{site.url}/readyz").is_success
