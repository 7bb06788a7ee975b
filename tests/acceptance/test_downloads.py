"""Images leave the site: through the browser, and by a client that hangs up."""

import io
import json
import os
import zipfile
from pathlib import Path

import psutil
from playwright.sync_api import Download, Page, expect

from kahua.testing.factory import ct_series, part10

from .conftest import Client, RunningSite
from .running import wait_for

#: More than the buffers between a server and its client hold, however well it is packed: it is noise.
LARGE = {"slices": 60, "rows": 512, "columns": 512, "PixelData": os.urandom(2 * 512 * 512)}


def bring_in(client: Client, **options: object) -> str:
    """Upload a series; give its id."""
    images = ct_series(**options)  # type: ignore[arg-type]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for number, image in enumerate(images):
            file.writestr(f"{number}.dcm", part10(image))
    answer = client.upload("images.zip", archive.getvalue())
    assert answer.is_success, answer.text
    return str(client.wait_for_series(images[0].SeriesInstanceUID, instances=len(images))["id"])


def traces(site: RunningSite) -> list[object]:
    """Find what an export needs while it lasts: its processes and its folder."""
    assert site.process
    children = psutil.Process(site.process.pid).children(recursive=True)
    running = [child.pid for child in children if "kahua.store.confidentiality.deidentify" in words(child)]
    return [*running, *(site.folder / "staging").glob("export-*")]


def words(process: psutil.Process) -> list[str]:
    """Command of a process; none of one that has just ended."""
    try:
        return process.cmdline()
    except (psutil.ZombieProcess, psutil.NoSuchProcess):
        return []


def test_client_that_hangs_up_leaves_nothing_behind(site: RunningSite, client: Client) -> None:
    series = bring_in(client, seed="hang up", **LARGE)
    with client.http.stream("GET", "/api/projects/main/exports", params={"series": series}) as answer:
        pieces = answer.iter_raw()  # kept: whoever lets go of it hangs up
        next(pieces)
        assert traces(site)
    wait_for(lambda: not traces(site), "the end of the export")


def test_gallery_downloads_as_the_project_says_or_as_is_chosen(
    client: Client, site: RunningSite, signed_in: Page, tmp_path: Path
) -> None:
    client.http.post("/api/projects", json={"name": "outgoing"})
    outgoing = client.of_project("outgoing")
    bring_in(outgoing, seed="profile", patient_id="PAT-PROFILE", slices=3)
    said = site.kahua(*("project", "confidentiality", "set", "outgoing", "--dates", "remove", "--keep", "institution"))
    assert said.returncode == 0, said.stderr
    signed_in.goto(f"{site.url}/projects/outgoing/datasets")

    signed_in.get_by_role("button", name="Download").click()
    usual = signed_in.get_by_role("menuitem", name="De-identified Pseudonyms, and no dates. Stays: institution.")
    with signed_in.expect_download() as begun:
        usual.click()
    assert profile_of(begun.value, tmp_path / "usual.zip") == ("remove", True)

    signed_in.get_by_role("button", name="Download").click()
    signed_in.get_by_role("menuitem", name="De-identified in another way").click()
    form = signed_in.get_by_role("dialog")
    expect(form.get_by_label("Institution")).to_be_checked()
    expect(form.get_by_label("Remove them")).to_be_checked()
    form.get_by_label("Institution").uncheck()
    form.get_by_role("radio", name="Move them", exact=True).check()
    with signed_in.expect_download() as begun:
        form.get_by_role("button", name="Download").click()
    assert profile_of(begun.value, tmp_path / "own.zip") == ("shift", False)


def profile_of(download: Download, out: Path) -> tuple[str, bool]:
    """Read of the manifest of a download what became of dates, and whether the institution stayed."""
    download.save_as(out)
    with zipfile.ZipFile(out) as archive:
        profile = json.loads(archive.read("manifest.json"))["profile"]
    return profile["dates"], profile["retain_institution"]


def test_gallery_downloads_without_names(client: Client, site: RunningSite, signed_in: Page, tmp_path: Path) -> None:
    bring_in(client, seed="take me", patient_id="PAT-778899", patient_name="Quillfeather^Ottoline", slices=3)
    signed_in.goto(f"{site.url}/projects/main/datasets?q=PatientID%3APAT-778899")
    signed_in.get_by_role("button", name="Download").click()
    with signed_in.expect_download() as begun:
        signed_in.get_by_role("menuitem", name="De-identified Pseudonyms").click()
    out = tmp_path / "out.zip"
    begun.value.save_as(out)
    with zipfile.ZipFile(out) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        content = b"".join(archive.read(name) for name in archive.namelist())
    assert manifest["totals"]["instances"] == 3
    assert b"Quillfeather" not in content
    assert b"PAT-778899" not in content
