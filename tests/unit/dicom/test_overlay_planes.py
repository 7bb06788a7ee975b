"""Overlay planes lie where they belong: on the image that was asked for with them, and in presentation states."""

from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file

from kahua.dicom.overlay_planes import active_overlays, overlay_mask, overlay_masks
from kahua.dicom.pixels import read_frame
from kahua.dicom.presentation import Target, present
from kahua.testing.factory import ct_series
from kahua.testing.states import item, presentation_state

SIDE = 32


def with_plane(dataset: Dataset, bits: np.ndarray, *, group: int = 0x6000, **attributes: Any) -> Dataset:
    """Give a data set a plane, shape (rows, columns), or of several frames."""
    frames = bits if bits.ndim == 3 else bits[None]
    values = {
        0x10: ("US", attributes.get("rows", frames.shape[1])),
        0x11: ("US", frames.shape[2]),
        0x15: ("IS", len(frames)),
        0x40: ("CS", "G"),
        0x50: ("SS", attributes.get("origin", [1, 1])),
        0x51: ("US", attributes.get("first", 1)),
        0x100: ("US", 1),
        0x102: ("US", 0),
        0x3000: ("OW", np.packbits(frames.astype(np.uint8).reshape(-1), bitorder="little").tobytes()),
    }
    for number, (vr, value) in values.items():
        dataset.add_new((group, number), vr, value)
    return dataset


def test_a_plane_of_a_real_scanner_is_that_which_pydicom_reads() -> None:
    path = get_testdata_file("examples_overlay.dcm")
    if path is None:
        pytest.skip("pydicom's examples_overlay.dcm is not here")
    image = dcmread(path)
    found = overlay_masks(image, (image.Rows, image.Columns))
    assert found is not None
    assert found.any()
    np.testing.assert_array_equal(found, image.overlay_array(0x6000) > 0)


@pytest.mark.parametrize(
    ("origin", "seen"),
    [
        ([1, 1], (slice(0, 3), slice(0, 5))),
        ([3, 4], (slice(2, 5), slice(3, 8))),
        ([0, -1], (slice(0, 2), slice(0, 3))),
        ([SIDE, SIDE], (slice(SIDE - 1, SIDE), slice(SIDE - 1, SIDE))),
        ([SIDE + 1, 1], (slice(0, 0), slice(0, 0))),
        ([-9, 1], (slice(0, 0), slice(0, 0))),
    ],
)
def test_a_plane_lies_where_its_origin_says(origin: list[int], seen: tuple[slice, slice]) -> None:
    wanted = np.zeros((SIDE, SIDE), bool)
    wanted[seen] = True
    found = overlay_mask(with_plane(Dataset(), np.ones((3, 5)), origin=origin), 0x6000, (SIDE, SIDE))
    np.testing.assert_array_equal(found, wanted)


def test_a_plane_of_several_frames_lies_over_those_that_it_names() -> None:
    frames = np.zeros((2, 5, 5))
    frames[0, 1, 2] = frames[1, 3, 3] = 1
    dataset = with_plane(Dataset(), frames, first=2)
    places = [overlay_mask(dataset, 0x6000, (5, 5), frame=frame) for frame in range(4)]
    assert places[0] is None
    assert places[3] is None
    assert [np.argwhere(mask).tolist() for mask in places[1:3] if mask is not None] == [[[1, 2]], [[3, 3]]]


@pytest.mark.parametrize("rows", [0, 400, 65535])
def test_a_damaged_plane_is_left_out(rows: int) -> None:
    assert overlay_mask(with_plane(Dataset(), np.ones((3, 5)), rows=rows), 0x6000, (SIDE, SIDE)) is None


def test_several_planes_are_one() -> None:
    left, right = np.eye(SIDE), np.eye(SIDE)[::-1]
    dataset = with_plane(with_plane(Dataset(), left), right, group=0x6002)
    np.testing.assert_array_equal(overlay_masks(dataset, (SIDE, SIDE)), (left + right) > 0)


@pytest.mark.parametrize("is_of_state", [True, False])
def test_a_state_shows_the_planes_that_it_activates(is_of_state: bool) -> None:
    image = ct_series(rows=SIDE, columns=SIDE)[2]
    layers = [item(GraphicLayer="BLUE", GraphicLayerOrder=1, GraphicLayerRecommendedDisplayGrayscaleValue=0x8000)]
    state = presentation_state([image], GraphicLayerSequence=layers)
    plane = np.zeros((SIDE, SIDE))
    plane[4:8, 10:20] = 1
    before = present(read_frame(image, 0), image, state, Target(uid=str(image.SOPInstanceUID), frame=0), size=SIDE)
    with_plane(state if is_of_state else image, plane)
    with_plane(image, np.ones((SIDE, SIDE)), group=0x6004)  # which nobody activates
    state.add_new((0x6000, 0x1001), "CS", "BLUE")
    assert list(active_overlays(state)) == [(0x6000, "BLUE")]
    found = present(read_frame(image, 0), image, state, Target(uid=str(image.SOPInstanceUID), frame=0), size=SIDE)
    assert (found[plane > 0] == 0x80).all()
    np.testing.assert_array_equal(found[plane == 0], before[plane == 0])


def test_a_bitmap_shutter_covers_what_it_marks() -> None:
    image = ct_series(rows=SIDE, columns=SIDE)[2]
    state = presentation_state(
        [image], ShutterShape="BITMAP", ShutterOverlayGroup=0x6002, ShutterPresentationValue=0x4000
    )
    target = Target(uid=str(image.SOPInstanceUID), frame=0)
    cover = np.ones((SIDE, SIDE))
    cover[8:20, 8:20] = 0
    plain = presentation_state([image])
    found = present(read_frame(image, 0), image, with_plane(state, cover, group=0x6002), target, size=SIDE)
    whole = present(read_frame(image, 0), image, plain, target, size=SIDE)
    assert (found[cover > 0] == 0x40).all()
    np.testing.assert_array_equal(found[cover == 0], whole[cover == 0])
