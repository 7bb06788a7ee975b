"""All files of the shared test data, by every door: each is stored as it is, or refused for a reason that is told."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from kahua.testing import shared_data

from .conftest import client_of
from .outcomes import (
    DOORS,
    LOOKED_AT,
    READER,
    STORED,
    Group,
    address_of,
    data_set_by_wado,
    data_sets_by_get,
    instances,
    value,
)
from .running import Client, RunningSite, wait_for

DATA = shared_data()

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "outcomes.md"

HEAD = """# What becomes of real files

Every file of the test data, by each of three doors, as `tests/acceptance/test_outcomes.py` finds it: broken files each
into a project of their own, the others folder by folder. What is stored comes out again by WADO-RS and C-GET with the
data set that went in, byte for byte; what is refused is told in words, and in quarantine where it was DICOM at all.
Folders are brought in by `kahua import`, single files by upload. In brackets is the status of C-STORE and the Failure
Reason of STOW-RS. "Not for a sender": the file does not say what it is, so no sender can propose it. "Said" is what
import, previews and validation (its errors) tell.

| data | files | C-STORE | STOW-RS | import | said |
|---|---|---|---|---|---|
"""

pytestmark = [
    pytest.mark.skipif(DATA is None, reason="the folder shared/data is not here"),
    pytest.mark.timeout(900),  # the first test waits for all 855 files three times
]


def groups_of(data: Path) -> list[Group]:
    folders = sorted(path for path in data.iterdir() if path.is_dir() and path.name != "broken")
    places = [*folders, *sorted((data / "broken").iterdir())]
    return [Group(str(place.relative_to(data)), number, place) for number, place in enumerate(places)]


@pytest.fixture(scope="module")
def site(start_site: Callable[..., RunningSite]) -> RunningSite:
    return start_site()


@pytest.fixture(scope="module")
def client(site: RunningSite) -> Iterator[Client]:
    client = client_of(site)
    yield client
    client.http.close()


@pytest.fixture(scope="module")
def administrator(site: RunningSite) -> Iterator[httpx.Client]:
    """Give a session of the administrator: peers are added by persons only."""
    with httpx.Client(base_url=site.url) as browser:
        answer = browser.post("/api/sign-in/link", json={"token": site.first_link.partition("#token=")[2]})
        browser.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        yield browser


@pytest.fixture(scope="module")
def groups(site: RunningSite, client: Client) -> list[Group]:
    groups = groups_of(DATA or Path())
    for door in sorted(DOORS, key=lambda door: door != LOOKED_AT):
        for group in groups:
            group.send(door, site, client)
    return groups


@pytest.fixture(scope="module")
def examined(client: Client, groups: list[Group]) -> list[Group]:
    """The same after the worker has looked at everything, with what it says."""
    for group in groups:
        for series in derived(client, group):
            group.findings |= {series["preview"]["note"]} - {""} | errors_of(client, group, series)
    return groups


@pytest.mark.parametrize("door", DOORS)
def test_what_is_stored_comes_out_as_it_went_in(client: Client, groups: list[Group], door: str) -> None:
    for group in groups:
        project, data_sets = group.project(door), group.data_sets()
        rows = instances(client, project)
        assert 0 <= group.outcomes[door][STORED] - len(rows) <= 2, f"{group.name} holds some files twice, not many"
        for row in rows:
            assert data_set_by_wado(client, address_of(project, row)) in data_sets, (group.name, row)


def test_c_get_gives_the_same(
    site: RunningSite, client: Client, administrator: httpx.Client, groups: list[Group]
) -> None:
    reader = {"name": "reader", "ae_title": READER, "host": "127.0.0.1", "port": 104}
    for group in groups:
        project = group.project("C-STORE")
        rows = instances(client, project)
        if not rows or "broken" in group.name:
            continue
        rights = {"may_query": True, "deidentify": False}
        added = administrator.post(f"/api/projects/{project}/peers", json=reader | rights)
        assert added.status_code == 201, added.text
        got = data_sets_by_get(site, group, {value(row, "0020000D") for row in rows})
        assert sorted(got) == sorted(value(row, "00080018") for row in rows)
        assert set(got.values()) <= group.data_sets(), group.name


def test_everything_derived_is_there_or_says_why_not(client: Client, examined: list[Group]) -> None:
    for group in examined:
        for series in derived(client, group):
            assert series["preview"]["url"] or series["preview"]["note"], (group.name, series["id"])
            look_at(client, group, series)


def derived(client: Client, group: Group) -> list[dict[str, Any]]:
    """Wait until the worker has looked at every series of a group; list them."""
    mine = client.of_project(group.project(LOOKED_AT))

    def done() -> list[list[dict[str, Any]]] | None:
        items = mine.series()
        waiting = [item for item in items if "pending" in (item["preview"]["state"], item["validation"])]
        return None if waiting else [items]

    (items,) = wait_for(done, f"pictures and badges of {group.name}", seconds=300)
    return list(items)


def errors_of(client: Client, group: Group, series: dict[str, Any]) -> set[str]:
    """What validation calls an error, in words."""
    if series["validation"] != "errors":
        return set()
    report = client.of_project(group.project(LOOKED_AT)).get(f"series/{series['id']}/validation")
    found = {finding["sentence"] for finding in report["findings"] if finding["severity"] == "error"}
    assert found, series["id"]
    return found


def look_at(client: Client, group: Group, series: dict[str, Any]) -> None:
    """Ask for all that is made of a series and its first instance: it comes, or a problem says why it does not."""
    project = group.project(LOOKED_AT)
    place = f"/dicom-web/{project}/studies/{series['study_uid']}/series/{series['series_uid']}"
    (first,) = client.http.get(f"{place}/instances", params={"limit": 1}).json()
    instance = address_of(project, first)
    for address in (f"{place}/thumbnail", f"{place}/rendered", f"{instance}/rendered", f"{instance}/thumbnail"):
        answer = client.http.get(address)
        assert answer.status_code in (200, 404, 406, 415, 422), (group.name, address, answer.text)
        assert answer.is_success or len(answer.json()["detail"]) > 10, (group.name, address, answer.text)
    for address in (f"{place}/metadata", f"{instance}/metadata"):
        assert client.http.get(address).status_code == 200, (group.name, address)


def test_the_page_tells_what_became_of_each(examined: list[Group], tmp_path: Path) -> None:
    written = tmp_path / PAGE.name
    written.write_text(HEAD + "".join(map(row_of, examined)))
    assert PAGE.read_text() == written.read_text(), f"what becomes of files has changed; the page is now {written}"


def row_of(group: Group) -> str:
    counts = (
        ", ".join(f"{number} {outcome}" for outcome, number in sorted(group.outcomes[door].items())) for door in DOORS
    )
    said = " ".join(sorted(finding.replace("|", "\\|") for finding in group.findings))
    return f"| `{group.name}` | {len(group.files)} | {' | '.join(counts)} | {said} |\n"
