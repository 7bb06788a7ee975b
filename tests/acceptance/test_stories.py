"""What people do on a site all day, in a browser and from a scanner."""

import gzip
import io
import re
import zipfile
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import FrameLocator, Locator, Page, expect
from pydicom import Dataset

from kahua.testing import phantom
from kahua.testing.factory import mr_series, part10

from .conftest import forget_refusals, forget_viewer
from .peers import dcmtk, send, write_files
from .running import Client, RunningSite, wait_for

SLICES = 8

#: OHIF and its images take this long at most on a slow machine, in milliseconds.
VIEWER_MILLISECONDS = 90_000


def head(name: str) -> list[Dataset]:
    """Return a head MR of a patient of its own."""
    return mr_series(
        slices=SLICES, rows=64, columns=64, seed=name, patient_id=name, SeriesDescription=f"Head of {name}"
    )


def tile(page: Page, series: list[Dataset]) -> Locator:
    """Tile of a series in the gallery."""
    return page.get_by_role("gridcell").filter(has_text=series[0].SeriesDescription)


@pytest.mark.parametrize(("program", "options"), [("storescu", ["-R"]), ("dcmsend", ["-dn"])])
def test_what_a_scanner_sends_appears_in_the_gallery_with_a_picture_and_in_its_dataset(
    site: RunningSite, client: Client, signed_in: Page, tmp_path: Path, program: str, options: list[str]
) -> None:
    series = head(f"SCANNED-{program}")
    dcmtk(program, site, write_files(tmp_path / "files", series), *options, dataset=f"from-{program}")
    item = client.wait_for_series(series[0].SeriesInstanceUID, preview=True, instances=SLICES)
    assert item["preview"]["state"] == "ready"
    wait_for(
        lambda: [one["id"] for one in client.series(dataset=f"from-{program}")] == [item["id"]], "the dataset's series"
    )

    signed_in.goto(f"{site.url}/projects/main/datasets?dataset=from-{program}")
    expect(signed_in.get_by_role("gridcell")).to_have_count(1)
    expect(tile(signed_in, series)).to_contain_text(f"{SLICES} instances")
    wait_for(lambda: width_of(tile(signed_in, series).locator("img").first) > 1, "the picture")


def width_of(picture: Locator) -> int:
    """Width of a picture as it was decoded; 0 before it is loaded."""
    width: int = picture.evaluate("image => image.naturalWidth")
    return width


def test_a_zip_of_dicom_and_a_nifti_volume_are_uploaded_in_the_browser(
    site: RunningSite, client: Client, signed_in: Page
) -> None:
    series = head("ZIPPED")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for number, instance in enumerate(series):
            file.writestr(f"study/{number}.dcm", part10(instance))
    volume = nibabel.Nifti1Image(phantom.mr((20, 32, 32)).T, np.diag([3.0, 3.0, 3.0, 1.0]))
    signed_in.goto(f"{site.url}/projects/main/datasets")
    with signed_in.expect_file_chooser() as chooser:
        signed_in.get_by_role("button", name="Upload").click()
    chooser.value.set_files(
        [
            {"name": "study.zip", "mimeType": "application/zip", "buffer": archive.getvalue()},
            {"name": "volume.nii.gz", "mimeType": "application/gzip", "buffer": gzip.compress(volume.to_bytes())},
        ]
    )
    dialog = signed_in.get_by_role("dialog", name="Upload finished")
    expect(dialog).to_be_visible(timeout=60_000)
    expect(dialog).to_contain_text(f"{SLICES} instances in 1 series.")
    expect(dialog).to_contain_text("20 instances in 1 series.")
    dialog.get_by_role("button", name="Close").last.click()
    expect(tile(signed_in, series)).to_be_visible()
    item = client.wait_for_series(series[0].SeriesInstanceUID, instances=SLICES)
    assert (item["modality"], item["patient_id"]) == ("MR", "ZIPPED")


def test_a_dataset_is_made_from_what_is_selected(site: RunningSite, client: Client, signed_in: Page) -> None:
    chosen, left = head("CHOSEN"), head("LEFT")
    send(site, [*chosen, *left])
    item = client.wait_for_series(chosen[0].SeriesInstanceUID, instances=SLICES)
    signed_in.goto(f"{site.url}/projects/main/datasets?q=CHOSEN")
    tile(signed_in, chosen).click()
    signed_in.get_by_role("button", name="Add to dataset").click()
    signed_in.get_by_role("menuitem", name="New dataset").click()
    signed_in.get_by_role("textbox", name="Name").fill("chosen-heads")
    signed_in.get_by_role("button", name="Make the dataset").click()
    wait_for(
        lambda: "chosen-heads" in [one["name"] for one in client.get("datasets")["items"]], "the dataset that was made"
    )
    assert [one["id"] for one in client.series(dataset="chosen-heads")] == [item["id"]]


def test_a_workflow_is_started_followed_and_its_result_opens_over_the_image(
    site: RunningSite, client: Client, workflow: str, signed_in: Page, tmp_path: Path, complaints: list[str]
) -> None:
    series = head("RUN")
    send(site, series, dataset="to-run")
    source = client.wait_for_series(series[0].SeriesInstanceUID, preview=True, instances=SLICES)
    wait_for(lambda: client.series(dataset="to-run"), "the dataset")

    start_in_browser(signed_in, site, workflow)
    run = follow(signed_in, client)
    assert run["parameters"] == {"level": 400, "pause": 1}

    signed_in.get_by_role("link", name="Bright", exact=True).click()
    signed_in.wait_for_url("**/series/*")
    signed_in.goto(f"{site.url}/projects/main/series/{source['id']}")
    expect(signed_in.get_by_role("tab", name="Results (2)")).to_be_visible()
    look_at_viewer(signed_in, tmp_path)
    forget_viewer(complaints)


def start_in_browser(page: Page, site: RunningSite, workflow: str) -> None:
    """Fill the form of the workflow and start it on the dataset."""
    page.goto(f"{site.url}/projects/main/workflows/{workflow}?dataset=to-run")
    page.get_by_role("textbox", name="Level").fill("400")
    page.get_by_role("textbox", name="Pause").fill("1")
    page.get_by_role("button", name="Start 1 job").click()
    page.wait_for_url("**/runs/*")


def follow(page: Page, client: Client) -> dict[str, Any]:
    """Watch the run until it is done, and look at the log of its step."""
    run_id = re.sub(r".*/runs/(\w+).*", r"\1", page.url)
    page.get_by_role("button", name=re.compile("mark$")).click()
    log = page.get_by_role("log")
    expect(log).to_contain_text("Marking what is brighter than 400.", timeout=60_000)
    expect(log).to_contain_text(re.compile(r"Marked \d+ voxels\."), timeout=60_000)
    expect(page.get_by_text("Succeeded", exact=True).first).to_be_visible(timeout=60_000)
    expect(page.get_by_role("cell", name=re.compile(r"\d+ ml"))).to_be_visible(timeout=60_000)
    run = client.wait_for_run(run_id)
    assert run["state"] == "succeeded"
    assert {task["state"] for job in run["jobs"] for task in job["tasks"]} == {"succeeded"}
    return run


def look_at_viewer(page: Page, folder: Path) -> None:
    """See the segmentation in OHIF: its label in the panel, its colour over the image."""
    viewer = page.frame_locator("iframe")
    expect(viewer.locator("canvas").first).to_be_visible(timeout=VIEWER_MILLISECONDS)
    viewer.locator('[data-cy^="panelSegmentation"]').first.click(timeout=VIEWER_MILLISECONDS)
    expect(viewer.get_by_text("Bright matter").first).to_be_visible(timeout=VIEWER_MILLISECONDS)
    wait_for(lambda: orange_share(viewer, folder / "viewer.png") > 0.01, "the colour of the segment", seconds=60)
    page.screenshot(path=folder / "page.png")


def orange_share(viewer: FrameLocator, file: Path) -> float:
    """Share of the picture that has the colour of the segment, with the grey of the image beneath or not."""
    viewer.locator('[data-cy="viewport-pane"]').first.screenshot(path=file)
    red, green, blue = np.moveaxis(np.asarray(Image.open(file).convert("RGB"), dtype=int), 2, 0)
    return float(np.mean((red > green + 30) & (green > blue + 30)))


def test_who_has_signed_out_sees_nothing_any_more(site: RunningSite, signed_in: Page, complaints: list[str]) -> None:
    signed_in.get_by_role("button", name=re.compile("account")).click()
    signed_in.get_by_role("menuitem", name="Sign out").click()
    signed_in.wait_for_url("**/sign-in")
    cookies = {cookie["name"] for cookie in signed_in.context.cookies()}
    assert "kahua_session" not in cookies
    signed_in.goto(f"{site.url}/projects/main/datasets")
    signed_in.wait_for_url("**/sign-in?next=*")
    expect(signed_in.get_by_role("button", name="Sign in")).to_be_visible()
    forget_refusals(complaints)
