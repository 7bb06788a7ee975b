"""A PACS of which no copy is kept: images are found, opened in the viewer, worked on, and not here afterwards."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import select, update
from tests.integration.peers.servers import PASSWORD, USER, Orthanc, orthanc

from kahua.database import Database, now
from kahua.store import DirectoryStore, InstanceRow
from kahua.store.deletion.removal import collect
from kahua.store.remote.sourced import let_go_due
from kahua.store.remote.tables import SeriesSourceRow
from kahua.testing.factory import mr_series

from .running import Client, RunningSite, wait_for

SLICES = 8

VIEWER_MILLISECONDS = 90_000

HEAD = mr_series(
    slices=SLICES, rows=64, columns=64, seed="AWAY", patient_id="AWAY-1", SeriesDescription="Head that is elsewhere"
)


@pytest.fixture
def pacs(tmp_path: Path) -> Iterator[Orthanc]:
    with orthanc(tmp_path / "orthanc") as server:
        server.keep(HEAD)
        yield server


def let_a_day_pass(site: RunningSite) -> int:
    """Let the time of what is here for a while be over; return how many objects of images are left."""
    database, objects = Database.in_folder(site.folder), DirectoryStore(site.folder / "objects")
    with database.write() as session:
        session.execute(update(SeriesSourceRow).values(fetched_at=now() - timedelta(hours=25)))
    let_go_due(database, most_bytes=10**12)
    collect(database, objects)
    left = images_here(site)
    database.close()
    return left


def images_here(site: RunningSite) -> int:
    """Count the objects of images from the PACS that are in the data folder."""
    database, objects = Database.in_folder(site.folder), DirectoryStore(site.folder / "objects")
    with database.read() as session:
        keys = session.scalars(
            select(InstanceRow.object_key).where(InstanceRow.series_id.in_(select(SeriesSourceRow.series_id)))
        ).all()
    database.close()
    assert len(keys) == SLICES
    return sum(map(objects.exists, keys))


def test_what_is_at_a_pacs_is_opened_and_worked_on_and_does_not_stay(
    site: RunningSite, client: Client, workflow: str, signed_in: Page, pacs: Orthanc, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD)
    said = site.kahua(
        *("peer", "add", "pacs", "--url", pacs.url, "--user", USER),
        *("--secret-file", secret, "--keep-hours", "24"),
    )
    assert said.returncode == 0, said.stderr
    assert site.kahua("pull", "start", "pacs", "--patient-id", "AWAY-1").returncode == 0
    item = client.wait_for_series(HEAD[0].SeriesInstanceUID, preview=True, instances=SLICES)
    wait_for(lambda: client.series(q="AWAY-1")[0]["source"] == "pacs", "the note of its source")
    assert let_a_day_pass(site) == 0

    page = signed_in
    page.goto(f"{site.url}/projects/main/datasets?q=AWAY-1")
    expect(page.get_by_role("gridcell")).to_contain_text("at pacs")
    page.screenshot(path=tmp_path / "gallery.png")
    page.goto(f"{site.url}/projects/main/series/{item['id']}")
    expect(page.get_by_text("at pacs, fetched when they are opened")).to_be_visible()
    viewer = page.frame_locator("iframe")
    expect(viewer.locator("canvas").first).to_be_visible(timeout=VIEWER_MILLISECONDS)

    def shows_a_picture() -> bool:
        viewer.locator('[data-cy="viewport-pane"]').first.screenshot(path=tmp_path / "viewer.png")
        return bool(np.asarray(Image.open(tmp_path / "viewer.png").convert("L")).std() > 10)

    wait_for(shows_a_picture, "the image in the viewer", seconds=60)
    assert images_here(site) == SLICES
    page.goto(f"{site.url}/projects/main")
    assert let_a_day_pass(site) == 0

    run = client.post("runs", {"workflow": workflow, "series": [item["id"]], "parameters": {"level": 400, "pause": 0}})
    assert client.wait_for_run(run["id"])["state"] == "succeeded"
    assert let_a_day_pass(site) == 0
    (again,) = [one for one in client.series(q="AWAY-1") if one["id"] == item["id"]]
    assert (again["is_here"], len(again["results"])) == (False, 2)
    doctor = site.kahua("doctor")
    assert "Every instance has its file" in doctor.stdout, doctor.stdout
