"""The worker makes pictures of what came in; what cannot be shown says why and disturbs nothing."""

import io
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset
from sqlalchemy import select

from kahua.database import deliver_events
from kahua.dicom import transfer_syntaxes
from kahua.dicom.segmentation import SegmentLabel, build_segmentation
from kahua.events import SeriesReceived
from kahua.store import Archive, Origin, SeriesRow, remove_series
from kahua.store.pictures import previews
from kahua.store.pictures.decoders import Decoders
from kahua.store.pictures.previews import Derivation
from kahua.testing import phantom, shared_data
from kahua.testing.factory import ct_series, part10, picture
from kahua.testing.states import presentation_state

ORIGIN = Origin(door="upload", sender="test")


def keep(archive: Archive, folder: Path, *files: bytes, project: str = "main") -> str:
    """Store files as one group; return the id of their series."""
    paths = [folder / f"{number}.in" for number in range(len(files))]
    for path, file in zip(paths, files, strict=True):
        path.write_bytes(file)
    results = archive.store_files(project, paths, ORIGIN)
    (series_id,) = {result.series_id for result in results}  # type: ignore[union-attr]
    return series_id


@pytest.fixture(scope="module", autouse=True)
def _end_of_drawing() -> Iterator[None]:
    yield
    _drawers().close()


@cache
def _drawers() -> Decoders:
    return Decoders("kahua.store.pictures.drawing", most=1)


def derivation(archive: Archive) -> Derivation:
    return Derivation(
        database=archive.database,
        objects=archive.objects,
        staging=archive.staging.folder,
        budget=archive.limits.budget,
        drawers=_drawers(),
    )


def derive(archive: Archive) -> None:
    """Deliver all events, as the worker does."""
    deliver_events(archive.database, derivation(archive).subscriptions())
    assert list(archive.staging.folder.iterdir()) == []


def row(archive: Archive, series_id: str) -> SeriesRow:
    with archive.database.read() as session:
        return session.scalars(select(SeriesRow).where(SeriesRow.id == series_id)).one()


def shown(archive: Archive, key: str | None) -> np.ndarray:
    assert key is not None
    image = Image.open(io.BytesIO(archive.objects.read(key)))
    assert image.format == "WEBP"
    return np.asarray(image.convert("RGB"), dtype=int)


def colourful(picture_: np.ndarray) -> float:
    """Share of the pixels that are clearly not grey."""
    return float((np.ptp(picture_, axis=2) > 60).mean())


def segmentation(sources: Sequence[Dataset]) -> Dataset:
    labels = (phantom.labels((len(sources), 32, 32)) >= 3).astype(np.uint16)
    return build_segmentation(
        sources,
        labels,
        [SegmentLabel(label=1, name="Brain", color="#ff0000")],
        series_uid="1.2.840.1.1",
        algorithm_name="test",
        algorithm_version="1",
        description="Brain",
    )


def test_a_series_gets_a_preview_and_a_filmstrip(archive: Archive, tmp_path: Path) -> None:
    series_id = keep(archive, tmp_path, *map(part10, ct_series(slices=20)))
    assert row(archive, series_id).preview_state == "pending"
    derive(archive)
    found = row(archive, series_id)
    assert (found.preview_state, found.preview_note) == ("ready", "")
    assert found.derived_revision == found.revision
    preview = shown(archive, found.preview_key)
    assert 32 <= max(preview.shape[:2]) <= 512
    assert preview.std() > 20
    strip = shown(archive, found.filmstrip_key)
    assert strip.shape[1] == 16 * strip.shape[0]


def test_only_the_last_of_many_events_makes_pictures(archive: Archive, tmp_path: Path) -> None:
    for instance in ct_series(slices=3):
        series_id = keep(archive, tmp_path, part10(instance))
    handler = derivation(archive)
    handler.on_received(SeriesReceived(project_id="main", series_id=series_id, revision=1))
    assert row(archive, series_id).preview_state == "pending"
    handler.on_received(SeriesReceived(project_id="main", series_id=series_id, revision=3))
    assert (row(archive, series_id).preview_state, row(archive, series_id).derived_revision) == ("ready", 3)


def test_a_late_instance_renews_the_pictures(archive: Archive, tmp_path: Path) -> None:
    first, *others = ct_series(slices=4)
    series_id = keep(archive, tmp_path, part10(first))
    derive(archive)
    before = row(archive, series_id)
    keep(archive, tmp_path, *map(part10, others))
    derive(archive)
    after = row(archive, series_id)
    assert after.preview_key != before.preview_key
    archive.collect()
    assert before.preview_key is not None
    assert not archive.objects.exists(before.preview_key)
    assert shown(archive, after.preview_key).any()


def test_a_segmentation_is_drawn_on_its_image(archive: Archive, tmp_path: Path) -> None:
    images = ct_series(slices=6)
    keep(archive, tmp_path, *map(part10, images))
    series_id = keep(archive, tmp_path, part10(segmentation(images)))
    derive(archive)
    found = row(archive, series_id)
    assert found.preview_state == "ready"
    preview = shown(archive, found.preview_key)
    assert colourful(preview) > 0.1
    assert ((np.ptp(preview, axis=2) < 30) & (preview.max(axis=2) > 100)).any(), "nothing of the image is seen"


def test_a_segmentation_that_came_first_is_drawn_again_on_its_image(archive: Archive, tmp_path: Path) -> None:
    images = ct_series(slices=6)
    series_id = keep(archive, tmp_path, part10(segmentation(images)))
    derive(archive)
    alone = row(archive, series_id)
    assert (alone.preview_state, colourful(shown(archive, alone.preview_key)) > 0.1) == ("ready", True)
    keep(archive, tmp_path, *map(part10, images))
    derive(archive)
    assert row(archive, series_id).preview_key != alone.preview_key


def test_a_presentation_state_shows_its_image_as_soon_as_it_is_there(archive: Archive, tmp_path: Path) -> None:
    images = ct_series(slices=3)
    series_id = keep(archive, tmp_path, part10(presentation_state(images, PresentationLUTShape="INVERSE")))
    derive(archive)
    alone = row(archive, series_id)
    assert (alone.preview_state, alone.preview_note) == (
        "none",
        "The image that this presentation state shows is not here.",
    )
    image_id = keep(archive, tmp_path, *map(part10, images))
    derive(archive)
    inverted, image = (shown(archive, row(archive, each).preview_key) for each in (series_id, image_id))
    assert (inverted[0, 0].min(), image[0, 0].max()) == (255, 0)


def test_news_told_again_still_reaches_what_waits_for_the_image(archive: Archive, tmp_path: Path) -> None:
    images = ct_series(slices=6)
    series_id = keep(archive, tmp_path, part10(segmentation(images)))
    derive(archive)
    alone = row(archive, series_id).preview_key
    image_id = keep(archive, tmp_path, *map(part10, images))
    derivation(archive).derive("main", image_id)  # here the worker died, and the event is delivered once more
    derivation(archive).on_received(SeriesReceived(project_id="main", series_id=image_id, revision=1))
    assert row(archive, series_id).preview_key != alone


def test_nothing_is_drawn_on_an_image_of_another_project(archive: Archive, tmp_path: Path) -> None:
    images = ct_series(slices=6)
    series_id = keep(archive, tmp_path, part10(segmentation(images)))
    derive(archive)
    alone = row(archive, series_id).preview_key
    keep(archive, tmp_path, *map(part10, images), project="other")
    derive(archive)
    derivation(archive).derive("main", series_id)
    assert row(archive, series_id).preview_key == alone


def test_two_patients_under_one_series_uid_have_each_their_own_picture(archive: Archive, tmp_path: Path) -> None:
    ids = []
    for patient, value in (("A", 0), ("B", 4000)):
        (image,) = ct_series(slices=1, PatientID=patient, SOPInstanceUID=f"1.2.840.7.{value + 1}")
        image.StudyInstanceUID, image.SeriesInstanceUID = "1.2.840.7.7", "1.2.840.7.8"
        image.PixelData = np.full((32, 32), value, np.uint16).tobytes()
        ids.append(keep(archive, tmp_path, part10(image)))
    derive(archive)
    first, second = (row(archive, series_id) for series_id in ids)
    assert (first.instance_count, second.instance_count) == (1, 1)
    assert shown(archive, first.preview_key).max() < 30
    assert shown(archive, second.preview_key).min() > 225
    assert first.metadata_key != second.metadata_key


@pytest.mark.parametrize("image_first", [True, False])
def test_a_dose_is_drawn_on_the_image_in_its_frame_of_reference(
    archive: Archive, tmp_path: Path, *, image_first: bool
) -> None:
    images = ct_series(slices=4)
    grid = picture(np.full((4, 16, 16), 500, np.uint16), seed="dose", Modality="RTDOSE")
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID", "ImagePositionPatient", "ImageOrientationPatient"):
        setattr(grid, keyword, images[0][keyword].value)
    grid.PatientID, grid.PixelSpacing, grid.GridFrameOffsetVector = images[0].PatientID, [7.5, 7.5], [0, 3, 6, 9]
    for files in [images, [grid]] if image_first else [[grid], images]:
        series_id = keep(archive, tmp_path, *map(part10, files))
        derive(archive)
        if files == [grid]:
            dose_id = series_id
    found = row(archive, dose_id)
    assert (found.preview_state, found.preview_note) == ("ready", "")
    assert 0.05 < colourful(shown(archive, found.preview_key)) < 0.6


def test_what_has_no_picture_says_so(archive: Archive, tmp_path: Path) -> None:
    (state,) = ct_series(slices=1, Modality="PR", SOPClassUID="1.2.840.10008.5.1.4.1.1.11.1")
    for keyword in ("PixelData", "Rows", "Columns"):
        delattr(state, keyword)
    series_id = keep(archive, tmp_path, part10(state))
    derive(archive)
    found = row(archive, series_id)
    assert (found.preview_state, found.preview_key) == ("none", None)
    assert "presentation state" in found.preview_note
    assert found.metadata_key is not None


def test_pixels_that_cannot_be_decoded_fail_alone(archive: Archive, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 4000, (16, 24), dtype=np.uint16)
    damaged = bytearray(part10(picture(noise, seed="damaged"), transfer_syntaxes.JPEG_LS_LOSSLESS))
    start = damaged.index(b"\xff\xd8\xff") + 3
    damaged[start : start + 60] = b"\x55" * 60
    bad = keep(archive, tmp_path, bytes(damaged))
    good = keep(archive, tmp_path, *map(part10, ct_series(slices=2)))
    derive(archive)
    assert row(archive, bad).preview_state == "failed"
    assert row(archive, bad).preview_note
    assert row(archive, bad).metadata_key is not None
    assert row(archive, good).preview_state == "ready"


def test_pictures_that_take_too_long_are_given_up(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "SECONDS", 0.001)
    series_id = keep(archive, tmp_path, *map(part10, ct_series(slices=16, rows=512, columns=512)))
    derive(archive)
    found = row(archive, series_id)
    assert found.preview_state == "failed"
    assert "longer" in found.preview_note


def test_a_series_that_is_gone_is_left_alone(archive: Archive, tmp_path: Path) -> None:
    series_id = keep(archive, tmp_path, part10(ct_series(slices=1)[0]))
    with archive.database.write() as session:
        remove_series(session, "main", series_id)
    derive(archive)
    derivation(archive).derive("main", series_id)
    assert list(archive.orphans()) == []


@pytest.mark.skipif(shared_data() is None, reason="the folder shared/data is not here")
@pytest.mark.parametrize("name", ["rows_60000.dcm", "bad_jpeg_stream.dcm", "no_pixeldata.dcm", "hostile_strings.dcm"])
def test_a_hostile_file_never_takes_the_worker_with_it(archive: Archive, tmp_path: Path, name: str) -> None:
    folder = shared_data()
    assert folder is not None
    series_id = keep(archive, tmp_path, (folder / "broken" / name).read_bytes())
    derive(archive)
    expected = {"no_pixeldata.dcm": "none", "hostile_strings.dcm": "ready"}.get(name, "failed")
    assert row(archive, series_id).preview_state == expected, row(archive, series_id).preview_note
