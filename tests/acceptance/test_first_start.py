"""The first minutes with a new site."""

import re
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from kahua.testing.factory import ct_series

from .conftest import PASSWORD, StartSite, client_of, forget_refusals
from .peers import send
from .running import RunningSite, kill, wait_for


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

    page.goto(f"{site.url}/projects/main")
    page.get_by_role("textbox", name="Name").fill("admin")
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/projects/main")
    forget_refusals(complaints)


def test_what_a_site_writes_is_not_for_other_users_of_the_machine(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)  # as an administrator makes it
    site = RunningSite(folder).start()
    try:
        send(site, ct_series(slices=1, seed="not for others"))
        client = client_of(site)
        client.wait_for_series(ct_series(slices=1, seed="not for others")[0].SeriesInstanceUID, preview=True)
        client.http.close()
        open_to_others = [path for path in folder.rglob("*") if path.lstat().st_mode & 0o007 and not path.is_symlink()]
    finally:
        site.stop()
    assert open_to_others == []


def test_a_second_start_keeps_what_was_there_and_prints_no_link_once_there_is_a_password(
    start_site: StartSite,
) -> None:
    site = start_site()
    with httpx.Client(base_url=site.url) as person:
        answer = person.post("/api/sign-in/link", json={"token": site.first_link.partition("#token=")[2]})
        headers = {"X-CSRF-Token": answer.json()["csrf_token"]}
        assert person.put("/api/me/password", json={"new": PASSWORD}, headers=headers).is_success
        assert person.post("/api/projects", json={"name": "liver"}, headers=headers).is_success
    site.stop()
    site.start()
    assert "#token=" not in site.output.read_text()
    assert "liver" in site.kahua("project", "list", "--json").stdout
    assert httpx.post(f"{site.url}/api/sign-in", json={"name": "admin", "password": PASSWORD}).is_success


def test_a_part_that_dies_is_started_again(start_site: StartSite) -> None:
    site = start_site()
    before = site.parts()
    kill(before["web"])
    wait_for(lambda: site.parts()["web"] != before["web"], "another web process")
    assert httpx.get(f"{site.url}/readyz").is_success
    assert "The part web ended" in site.output.read_text()
    assert site.parts() | {"web": 0} == before | {"web": 0}, "the other parts were left alone"
