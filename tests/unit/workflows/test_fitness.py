import pytest

from kahua.workflows.facts import Slice
from kahua.workflows.fitness import fitting_input, unfit_reasons

from .series import AXIAL, series, slice_at
from .specifications import workflow

SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)


def reasons(*slices: Slice, **changes: object) -> list[str]:
    return unfit_reasons(workflow(), "image", series(*slices, **changes))


def test_an_even_stack_fits_in_any_order() -> None:
    slices = [slice_at(2.0 * i) for i in range(10)]
    assert reasons(*slices) == []
    assert reasons(*reversed(slices)) == []
    assert fitting_input(workflow(), series()) == ("image", [])


def test_another_modality_is_named() -> None:
    assert reasons(modality="CT") == ["The modality is CT; the workflow takes MR."]


def test_too_few_slices_are_counted() -> None:
    assert reasons(slice_at(0), slice_at(1)) == ["The series has 2 slices; the workflow needs at least 3."]


def test_objects_without_pixels_do_not_fit() -> None:
    assert reasons(slice_at(0, rows=None)) == ["The series holds objects that are no images."]


def test_missing_slices_are_counted_and_placed() -> None:
    slices = [slice_at(2.0 * i) for i in range(20) if i not in (5, 6, 12)]
    assert reasons(*slices) == [
        "3 slices are missing, between the slices 5 and 6, 10 and 11. Send the series again.",
    ]


def test_slices_at_one_place_are_several_images() -> None:
    slices = [slice_at(2.0 * (i // 2)) for i in range(10)]
    assert "lie at the same place" in reasons(*slices)[0]


def test_uneven_distances_do_not_fit() -> None:
    slices = [slice_at(2.0 * i + (0.5 if i == 4 else 0)) for i in range(10)]
    assert reasons(*slices) == ["The distance between slices is not even: usually 2.00 mm, differing by up to 0.50 mm."]


def test_rounded_positions_still_fit() -> None:
    assert reasons(*(slice_at(round(0.9375 * i, 2)) for i in range(160))) == []


def test_a_localiser_does_not_fit() -> None:
    slices = [slice_at(2.0 * i, orientation=SAGITTAL if i % 2 else AXIAL) for i in range(6)]
    assert "have 2 orientations, as in a localiser" in reasons(*slices)[0]


def test_slices_of_different_size_do_not_fit() -> None:
    assert "2 different sizes (6×8, 6×9)" in reasons(*(slice_at(i, rows=9 if i == 3 else 8) for i in range(5)))[0]


def test_slices_without_position_do_not_fit() -> None:
    slices = [slice_at(i, position=() if i == 3 else (0.0, 0.0, float(i))) for i in range(5)]
    assert reasons(*slices) == ["1 slice of 5 do not say where in the patient they lie."]


def test_a_tilted_gantry_is_told_with_its_angle() -> None:
    slices = [slice_at(0, position=(0.0, 0.5 * i, 2.0 * i)) for i in range(10)]
    assert reasons(*slices) == ["The slices are tilted against their stack by 14.0° (gantry tilt)."]


def test_an_oblique_stack_without_tilt_fits() -> None:
    orientation = (1.0, 0.0, 0.0, 0.0, 0.8, 0.6)  # normal (0, -0.6, 0.8)
    slices = [slice_at(0, position=(5.0, -0.6 * i, 0.8 * i), orientation=orientation) for i in range(10)]
    assert reasons(*slices) == []


def test_one_multiframe_object_counts_its_frames() -> None:
    assert reasons(slice_at(0, frames=20, position=(), orientation=())) == []


@pytest.mark.parametrize("volume", [False, True])
def test_the_workflow_may_waive_the_volume(volume: bool) -> None:
    inputs = {"image": {"type": "image", "volume": volume}}
    uneven = series(slice_at(0), slice_at(1), slice_at(5))
    assert bool(unfit_reasons(workflow(inputs=inputs), "image", uneven)) is volume
