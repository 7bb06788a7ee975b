"""Images leave the site: through the browser, and by a client that hangs up."""

import io
import json
import zipfile
from pathlib import Path

import psutil
from playwright.sync_api import Page

from kahua.testing.factory import ct_series, part10

from .conftest import Client, RunningSite
from .running import wait_for

#: More than the buffers between a server and its client hold.
LARGE = {"slices": 60, "rows": 512, "columns": 512}


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
    running = [child.pid for child in children if "kahua.store.deidentify" in " ".join(child.cmdline())]
    return [*running, *(site.folder / "staging").glob("export-*")]


def test_client_that_hangs_up_leaves_nothing_behind(site: RunningSite, client: Client) -> None:
    series = bring_in(client, seed="hang up", **LARGE)
    with client.http.stream("GET", "/api/projects/main/exports", params={"series": series}) as answer:
        next(answer.iter_raw())
        assert traces(site)
    wait_for(lambda: not traces(site), "the end of the export", seconds=20)


def test_gallery_downloads_without_names(client: Client, site: RunningSite, signed_in: Page, tmp_path: Path) -> None:
    bring_in(client, seed="take me", patient_id="PAT-778899", patient_name="Quillfeather^Ottoline", slices=3)
    signed_in.goto(f"{site.url}/projects/main/datasets?q=PatientID%3APAT-778899")
    signed_in.get_by_role("button", name="Download").click()
    with signed_in.expect_download() as begun:
        signed_in.get_by_role("menuitem", name="De-identified").click()
    out = tmp_path / "out.zip"
    begun.value.save_as(out)
    with zipfile.ZipFile(out) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        content = b"".join(archive.read(name) for name in archive.namelist())
    assert manifest["totals"]["instances"] == 3
    assert b"Quillfeather" not in content
    assert b"PAT-778899" not in content
