"""A presentation state is applied as its author saw the image."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.sequence import Sequence as Items

from kahua.dicom.pixels import read_frame
from kahua.dicom.places import places
from kahua.dicom.presentation import Target, draw_states, present
from kahua.testing.factory import ct_series, part10
from kahua.testing.states import area, item, presentation_state, reference

SIDE = 64


@pytest.fixture(scope="module")
def image() -> Dataset:
    return ct_series(rows=SIDE, columns=SIDE)[2]


def shown(image: Dataset, size: int = SIDE, **attributes: Any) -> np.ndarray:
    state = presentation_state([image], **attributes)
    target = Target(uid=str(image.SOPInstanceUID), frame=0)
    return present(read_frame(image, 0), image, state, target, size=size).astype(int)


def table(entries: np.ndarray, *, first: int = 0, bits: int = 16) -> Items:
    made = Dataset()
    made.add_new("LUTDescriptor", "US", [len(entries) & 0xFFFF, first, bits])
    made.add_new("LUTData", "OW", entries.astype("<u2").tobytes())
    made.ModalityLUTType = "US"
    return Items([made])


STATES: dict[str, dict[str, Any]] = {
    "window": {},
    "inverse": {"PresentationLUTShape": "INVERSE"},
    "table": {"PresentationLUTShape": None, "PresentationLUTSequence": table(np.arange(4096)[::-1] * 16)},
    "rotated": {"ImageRotation": 90},
    "upside down": {"ImageRotation": 180},
    "rotated the other way": {"ImageRotation": 270},
    "mirrored": {"ImageHorizontalFlip": "Y"},
    "rotated and mirrored": {"ImageRotation": 90, "ImageHorizontalFlip": "Y"},
}


@pytest.mark.skipif(shutil.which("dcmp2pgm") is None, reason="DCMTK's dcmp2pgm is not installed")
@pytest.mark.parametrize("name", STATES)
def test_a_state_shows_what_dcmtk_shows_of_it(tmp_path: Path, image: Dataset, name: str) -> None:
    state = presentation_state([image], **STATES[name])
    if state.get("PresentationLUTShape") is None:
        del state.PresentationLUTShape
    (tmp_path / "image.dcm").write_bytes(part10(image))
    (tmp_path / "state.dcm").write_bytes(part10(state))
    command = ["dcmp2pgm", "-p", "state.dcm", "image.dcm", "out.pgm"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = np.asarray(Image.open(tmp_path / "out.pgm")).astype(int)
    found = shown(image, **STATES[name])
    assert found.shape == (*expected.shape, 3)
    assert np.abs(found[..., 0] - expected).max() <= 1


def test_what_the_image_says_of_its_values_does_not_count(image: Dataset) -> None:
    other = Dataset()
    other.update(image)
    other.RescaleIntercept, other.WindowCenter, other.PhotometricInterpretation = "500", "-99", "MONOCHROME1"
    np.testing.assert_array_equal(shown(other), shown(image))


def test_a_window_for_another_image_is_not_applied(image: Dataset) -> None:
    for_other = item(WindowCenter="900", WindowWidth="10")
    for_other.ReferencedImageSequence = Items([item(ReferencedSOPInstanceUID="1.2.3", ReferencedSOPClassUID="1.2")])
    for_this = item(WindowCenter="40", WindowWidth="400")
    for_this.ReferencedImageSequence = Items([reference(image)])
    np.testing.assert_array_equal(shown(image, SoftcopyVOILUTSequence=Items([for_other, for_this])), shown(image))


def test_the_displayed_area_is_cut_out(image: Dataset) -> None:
    part = shown(image, size=16, DisplayedAreaSelectionSequence=Items([area(17, 25, 32, 40)]))
    np.testing.assert_array_equal(part, shown(image)[24:40, 16:32])


def test_an_area_beyond_the_image_is_black_there_and_an_endless_one_is_the_whole_image(image: Dataset) -> None:
    part = shown(image, size=80, DisplayedAreaSelectionSequence=Items([area(-15, 1, 64, 80)]))
    np.testing.assert_array_equal(part[:64, 16:], shown(image))
    assert part[64:].max() == 0
    endless = shown(image, DisplayedAreaSelectionSequence=Items([area(-(2**31), 1, 2**31 - 1, 64)]))
    np.testing.assert_array_equal(endless, shown(image))


@pytest.mark.parametrize(
    "shutter",
    [
        {
            "ShutterShape": "RECTANGULAR",
            "ShutterLeftVerticalEdge": 20,
            "ShutterRightVerticalEdge": 44,
            "ShutterUpperHorizontalEdge": 20,
            "ShutterLowerHorizontalEdge": 44,
        },
        {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": [32, 32], "RadiusOfCircularShutter": 12},
        {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": [20, 20, 20, 44, 44, 44, 44, 20]},
    ],
)
def test_a_shutter_covers_what_lies_outside(image: Dataset, shutter: dict[str, Any]) -> None:
    found, whole = shown(image, ShutterPresentationValue=0x8000, **shutter), shown(image)
    np.testing.assert_array_equal(found[28:36, 28:36], whole[28:36, 28:36])
    assert (found[:18] == 128).all()
    assert (found[:, 46:] == 128).all()


def annotated(image: Dataset, *, order: int = 1, turns: int = 0, **graphic: Any) -> np.ndarray:
    """Show an image with one red graphic."""
    layer = item(GraphicLayer="RED", GraphicLayerOrder=order)
    layer.GraphicLayerRecommendedDisplayCIELabValue = [34885, 53485, 50171]
    objects = item(GraphicLayer="RED", GraphicObjectSequence=Items([item(GraphicDimensions=2, **graphic)]))
    return shown(
        image,
        size=256,
        ImageRotation=90 * turns,
        GraphicLayerSequence=Items([layer]),
        GraphicAnnotationSequence=Items([objects]),
    )


def red(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give rows and columns of red pixels, as shares of the picture."""
    rows, columns = np.nonzero((picture[..., 0] - picture[..., 1] > 80) & (picture[..., 0] - picture[..., 2] > 80))
    return rows / picture.shape[0], columns / picture.shape[1]


def test_graphics_lie_where_they_belong(image: Dataset) -> None:
    line = {"GraphicType": "POLYLINE", "GraphicAnnotationUnits": "PIXEL", "GraphicData": [8, 16, 24, 16]}
    rows, columns = red(annotated(image, **line))
    assert abs(rows - 0.25).max() < 0.02
    assert (abs(columns.min() - 0.125), abs(columns.max() - 0.375)) < (0.02, 0.02)


def test_graphics_turn_with_the_image_but_not_those_of_the_display(image: Dataset) -> None:
    line = {"GraphicType": "POLYLINE", "GraphicAnnotationUnits": "PIXEL", "GraphicData": [8, 16, 24, 16]}
    rows, columns = red(annotated(image, turns=1, **line))
    assert abs(columns - 0.75).max() < 0.02
    assert (abs(rows.min() - 0.125), abs(rows.max() - 0.375)) < (0.02, 0.02)
    line = {"GraphicType": "POLYLINE", "GraphicAnnotationUnits": "DISPLAY", "GraphicData": [0.125, 0.25, 0.375, 0.25]}
    rows, columns = red(annotated(image, turns=1, **line))
    assert abs(rows - 0.25).max() < 0.02


def test_circles_and_ellipses_are_round(image: Dataset) -> None:
    circle = {"GraphicType": "CIRCLE", "GraphicAnnotationUnits": "PIXEL", "GraphicData": [32, 32, 32, 48]}
    rows, columns = red(annotated(image, **circle))
    distances = np.hypot(rows - 0.5, columns - 0.5)
    assert abs(distances - 0.25).max() < 0.02
    ellipse = {"GraphicType": "ELLIPSE", "GraphicAnnotationUnits": "PIXEL"}
    rows, columns = red(annotated(image, GraphicData=[8, 32, 56, 32, 32, 24, 32, 40], GraphicFilled="Y", **ellipse))
    assert abs(len(rows) / 256**2 - np.pi * 0.375 * 0.125) < 0.01


@pytest.mark.parametrize("data", [[], [1], [float("nan")] * 4, [1e300, -1e300, 5, 5], [0] * 50_001])
@pytest.mark.parametrize("kind", ["POLYLINE", "ELLIPSE", "CIRCLE", "POINT", "SPIRAL"])
def test_graphics_without_sense_do_no_harm(image: Dataset, kind: str, data: list[float]) -> None:
    annotated(image, GraphicType=kind, GraphicAnnotationUnits="PIXEL", GraphicData=data)


def test_text_is_written(image: Dataset) -> None:
    text = item(
        UnformattedTextValue="Nodule\n12 mm",
        BoundingBoxAnnotationUnits="DISPLAY",
        BoundingBoxTopLeftHandCorner=[0.5, 0.5],
        BoundingBoxBottomRightHandCorner=[0.9, 0.7],
    )
    objects = item(GraphicLayer="A", TextObjectSequence=Items([text]))
    changed = shown(image, size=256, GraphicAnnotationSequence=Items([objects])) - shown(image, size=256)
    rows, columns = np.nonzero(np.abs(changed).max(axis=2) > 60)
    assert len(rows) > 50
    assert (rows.min() / 256 >= 0.5, columns.min() / 256 >= 0.49) == (True, True)


def test_a_series_of_states_is_drawn_on_the_images_that_are_here(tmp_path: Path) -> None:
    image = ct_series(slices=3, rows=SIDE, columns=SIDE)
    for number, instance in enumerate(image):
        (tmp_path / f"{number}").write_bytes(part10(instance))
    here = places([tmp_path / "0", tmp_path / "2"])
    drawn = draw_states([presentation_state(image)], here, most=16)
    assert len(drawn.pictures) == 2
    assert drawn.pictures[0].shape == (768, 768, 3)
    assert "not here" in draw_states([presentation_state(image)], [], most=16).note


def test_a_state_of_a_whole_series_is_pictured_by_an_image_that_is_not_dark(tmp_path: Path) -> None:
    image = ct_series(slices=5, rows=SIDE, columns=SIDE)
    for number, instance in enumerate(image):
        (tmp_path / f"{number}").write_bytes(part10(instance))
    drawn = draw_states([presentation_state(image)], places(sorted(tmp_path.iterdir())), most=16)
    assert drawn.pictures[0].max() == 0, "the first slice is air"
    assert drawn.pictures[drawn.best].mean() > 20
