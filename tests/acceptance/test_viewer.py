"""What the viewer shows of each kind of series, and what the page says of those of which it shows nothing."""

import io
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import FrameLocator, Locator, Page, expect
from pydicom import Dataset, dcmread

from kahua.dicom.segmentation import SegmentLabel, build_segmentation
from kahua.testing.factory import ct_series, mr_series, part10, picture
from kahua.testing.films import film
from kahua.testing.slides import CORNER, TISSUE, slide
from kahua.testing.states import presentation_state
from kahua.testing.structures import structure_set

from .conftest import forget_viewer
from .running import Client, RunningSite, wait_for

#: The only slices of a head on which something is marked: neither the first nor the one in the middle.
SLICES, MARKED = 10, slice(6, 8)

MAGENTA, GREY = (255, 0, 255), (128, 128, 128)
#: Most of each frame of a film.
BEHIND_THE_BAR = (40, 40, 40)

#: OHIF and its images take this long at most on a slow machine.
VIEWER_SECONDS = 60

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")

#: Opens the page of a series.
OpenPage = Callable[[dict[str, Any]], Page]


@pytest.fixture(scope="module")
def viewed(client: Client) -> Client:
    """Give a client of a project that has nothing but what is viewed here."""
    assert client.http.post("/api/projects", json={"name": "viewed"}).status_code == 201
    return client.of_project("viewed")


@pytest.fixture
def open_page(site: RunningSite, signed_in: Page) -> OpenPage:
    """Give what opens the page of a series."""

    def open_page(series: dict[str, Any]) -> Page:
        signed_in.goto(f"{site.url}/projects/viewed/series/{series['id']}")
        return signed_in

    return open_page


def bring_in(client: Client, *files: bytes) -> dict[str, Any]:
    """Upload objects; give the series of the first as its page knows it once all have their pictures."""
    uids = []
    for content in files:
        assert client.upload("one.dcm", content).is_success
        uids.append(dcmread(io.BytesIO(content), stop_before_pixels=True).SeriesInstanceUID)
    items = [client.wait_for_series(uid, preview=True, instances=uids.count(uid)) for uid in dict.fromkeys(uids)]
    series: dict[str, Any] = client.get(f"series/{items[0]['id']}")
    return series


def head(name: str) -> list[Dataset]:
    """Return a CT of a patient of its own."""
    return ct_series(slices=SLICES, rows=64, columns=64, seed=name, patient_id=name, SeriesDescription=name)


def squares(image: list[Dataset]) -> Dataset:
    """Return a segmentation: a magenta square on each marked slice."""
    labels = np.zeros((len(image), image[0].Rows, image[0].Columns), np.uint8)
    labels[MARKED, 16:48, 16:48] = 1
    return build_segmentation(
        image,
        labels,
        [SegmentLabel(label=1, name="Square", color="#ff00ff")],
        series_uid=f"{image[0].SeriesInstanceUID}.1",
        description="Squares",
        algorithm_name="square",
        algorithm_version="1",
    )


def structures(image: list[Dataset]) -> Dataset:
    """Return a structure set: a magenta square on each marked slice."""
    return structure_set(image, image[MARKED], color=MAGENTA, seed="structures over a head")


def video_of(patient_id: str, study_uid: str) -> bytes:
    """Return a video in a study of a patient."""
    file = dcmread(io.BytesIO(film()))
    file.PatientID, file.StudyInstanceUID = patient_id, study_uid
    file.SeriesInstanceUID = file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = f"{study_uid}.9"
    written = io.BytesIO()
    file.save_as(written)
    return written.getvalue()


def viewer_of(page: Page) -> Page | FrameLocator:
    """Give the viewer, alone or within the page of a series."""
    return page if "/ohif/" in page.url else page.frame_locator("iframe")


def picture_of(page: Page) -> NDArray[Any]:
    """Picture of what the viewer shows, as it looks now."""
    pane = viewer_of(page).locator('[data-cy="viewport-pane"]').first
    picture = Image.open(io.BytesIO(pane.screenshot(timeout=VIEWER_SECONDS * 1000)))
    return np.asarray(picture.convert("RGB"), dtype=int)


def share_of(page: Page, color: tuple[int, int, int], tolerance: int) -> float:
    """Share of what the viewer shows that has this colour, more or less."""
    return float(np.mean(np.abs(picture_of(page) - color).max(axis=2) < tolerance))


def wait_for_color(page: Page, color: tuple[int, int, int], *, share: float, tolerance: int = 60) -> None:
    """Wait until the viewer shows a colour; it must not raise an alarm, then or when all is loaded."""
    wait_for(lambda: share_of(page, color, tolerance) > share, f"the colour {color}", seconds=VIEWER_SECONDS)
    page.wait_for_load_state("networkidle")
    expect_no_alarm(page)


def expect_no_alarm(page: Page) -> None:
    """The viewer says of nothing that it failed."""
    viewer = viewer_of(page)
    expect(viewer.get_by_text("Something went wrong")).to_have_count(0)
    expect(viewer.locator('[data-sonner-toast][data-type="error"]')).to_have_count(0)


@needs_ffmpeg
def test_a_ct_opens_without_alarm_beside_a_video_and_a_presentation_state(viewed: Client, open_page: OpenPage) -> None:
    image = head("MIXED")[3:6]
    state = part10(presentation_state(image, seed="state of a head"))
    page = open_page(bring_in(viewed, *map(part10, image), state, video_of("MIXED", image[0].StudyInstanceUID)))
    wait_for_color(page, GREY, share=0.05)


@needs_ffmpeg
def test_a_whole_study_plays_its_video(viewed: Client, site: RunningSite, signed_in: Page) -> None:
    image = head("WHOLE")[3:6]
    study = image[0].StudyInstanceUID
    bring_in(viewed, *map(part10, image), video_of("WHOLE", study))
    signed_in.goto(f"{site.url}/ohif/viewer/viewed?StudyInstanceUIDs={study}&initialSeriesInstanceUID={study}.9")
    wait_for_color(signed_in, BEHIND_THE_BAR, share=0.5, tolerance=12)


@pytest.mark.parametrize("overlay", [squares, structures])
def test_what_is_laid_over_a_ct_opens_where_there_is_something_of_it(
    viewed: Client, open_page: OpenPage, complaints: list[str], overlay: Callable[[list[Dataset]], Dataset]
) -> None:
    image = head(f"UNDER-{overlay.__name__}")
    page = open_page(bring_in(viewed, *map(part10, image), part10(overlay(image))))
    wait_for_color(page, MAGENTA, share=0.0005, tolerance=100)  # less than the grey beneath it
    forget_viewer(complaints)


def test_a_slide_is_shown(viewed: Client, open_page: OpenPage) -> None:
    page = open_page(bring_in(viewed, *map(part10, slide())))
    wait_for_color(page, TISSUE, share=0.1)
    wait_for_color(page, CORNER, share=0.01)


def test_a_tracer_is_laid_over_the_ct_from_the_page_of_either(
    viewed: Client, open_page: OpenPage, complaints: list[str]
) -> None:
    image = head("FUSED")
    frame = image[0].FrameOfReferenceUID
    tracer = mr_series(seed="tracer", slices=SLICES, patient_id="FUSED", Modality="PT", FrameOfReferenceUID=frame)
    page = open_page(bring_in(viewed, *map(part10, image), *map(part10, tracer)))
    page.get_by_role("button", name="PET over CT").click()
    panes = viewer_of(page).locator('[data-cy="viewport-pane"]')
    expect(panes).to_have_count(10, timeout=VIEWER_SECONDS * 1000)
    wait_for(lambda: colourful(panes.nth(6)), "the colours of the tracer over the CT", seconds=VIEWER_SECONDS)
    expect_no_alarm(page)
    assert "fusion=" in page.url
    forget_viewer(complaints)


def colourful(pane: Locator) -> bool:
    """Whether there is more than grey."""
    picture = np.asarray(Image.open(io.BytesIO(pane.screenshot())).convert("RGB"), dtype=int)
    return bool(np.mean(np.ptp(picture, axis=2) > 60) > 0.02)


def test_an_image_in_the_colours_of_a_palette_is_shown(viewed: Client, open_page: OpenPage) -> None:
    palette: dict[str, Any] = {}
    for colour, most in zip(("Red", "Green", "Blue"), MAGENTA, strict=True):
        palette[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        palette[f"{colour}PaletteColorLookupTableData"] = np.full(256, most * 257, "<u2").tobytes()
    image = picture(np.full((64, 64), 9, np.uint8), photometric="PALETTE COLOR", seed="8 bits", **palette)
    page = open_page(bring_in(viewed, part10(image)))
    wait_for_color(page, MAGENTA, share=0.3)


def absent(kind: str) -> bytes:
    """Return an object of which the viewer shows nothing, or but black."""
    match kind:
        case "film":
            return film("mpeg2")
        case "segmentation":
            return part10(squares(head("ABSENT")))
        case _:
            return part10(in_colours_of_a_palette())


def in_colours_of_a_palette() -> Dataset:
    """Return an image in the colours of a palette with an entry for each number of 16 bits."""
    entries = np.arange(1 << 16, dtype="<u2").tobytes()
    palette: dict[str, Any] = {}
    for colour in ("Red", "Green", "Blue"):
        palette[f"{colour}PaletteColorLookupTableDescriptor"] = [0, 0, 16]
        palette[f"{colour}PaletteColorLookupTableData"] = entries
    pixels = np.linspace(0, 0xFFFF, 64 * 64).astype(np.uint16).reshape(64, 64)
    return picture(pixels, photometric="PALETTE COLOR", **palette)


@pytest.mark.parametrize("kind", ["segmentation", "palette", pytest.param("film", marks=needs_ffmpeg)])
def test_where_the_viewer_shows_nothing_the_page_shows_the_picture_and_says_so(
    viewed: Client, open_page: OpenPage, kind: str
) -> None:
    series = bring_in(viewed, absent(kind))
    assert series["viewer_url"] is None
    page = open_page(series)
    said = series["preview"]["note"] or "The viewer does not show this kind of series: this is its picture."
    expect(page.locator("figcaption")).to_have_text(said)
    expect(page.locator("iframe, video")).to_have_count(0)
    expect(page.get_by_role("link", name="Viewer alone")).to_have_count(0)
