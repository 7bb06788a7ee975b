"""Asked for a picture, a presentation state shows its image as it says."""

import io

import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image
from pydicom import Dataset

from kahua.dicom.pixels import read_frame
from kahua.dicom.presentation import Target, present
from kahua.testing.factory import ct_series, part10
from kahua.testing.site import TestClient, program
from kahua.testing.states import item, presentation_state, reference

from .test_dicomweb import address_of, get, stow

SIDE = 64


@pytest.fixture
def client(application: FastAPI) -> TestClient:
    return program(application, "curator")


@pytest.fixture
def images() -> list[Dataset]:
    return ct_series(slices=3, rows=SIDE, columns=SIDE)


def target_of(image: Dataset) -> Target:
    return Target(uid=str(image.SOPInstanceUID), frame=0)


def picture_of(client: TestClient, state: Dataset, query: str = "") -> np.ndarray:
    answer = get(client, f"{address_of(state)}/rendered{query}", "image/png")
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_the_image_is_shown_as_the_state_says(client: TestClient, images: list[Dataset]) -> None:
    state = presentation_state(images, PresentationLUTShape="INVERSE", ImageRotation=90)
    stow(client, part10(state), *map(part10, images))
    expected = present(read_frame(images[1], 0), images[1], state, target_of(images[1]), size=SIDE)
    np.testing.assert_array_equal(picture_of(client, state), expected)
    assert picture_of(client, state, "?viewport=128,128").shape == (128, 128, 3)


def test_of_a_series_that_is_named_whole_the_middle_is_shown(client: TestClient) -> None:
    """Its first image is air, and black."""
    images = ct_series(slices=9, rows=SIDE, columns=SIDE)
    state = presentation_state(images)
    stow(client, part10(state), *map(part10, images))
    assert present(read_frame(images[0], 0), images[0], state, target_of(images[0]), size=SIDE).max() < 10
    expected = present(read_frame(images[4], 0), images[4], state, target_of(images[4]), size=SIDE)
    np.testing.assert_array_equal(picture_of(client, state), expected)


def test_an_image_on_which_something_is_written_is_shown(client: TestClient, images: list[Dataset]) -> None:
    note = item(ReferencedImageSequence=[reference(images[2])], GraphicLayer="NOTES", TextObjectSequence=[])
    state = presentation_state(images, GraphicAnnotationSequence=[note])
    stow(client, part10(state), *map(part10, images))
    expected = present(read_frame(images[2], 0), images[2], state, target_of(images[2]), size=SIDE)
    np.testing.assert_array_equal(picture_of(client, state), expected)


def test_an_image_that_is_here_is_shown(client: TestClient, images: list[Dataset]) -> None:
    state = presentation_state(images)
    stow(client, part10(state), part10(images[2]))
    expected = present(read_frame(images[2], 0), images[2], state, target_of(images[2]), size=SIDE)
    np.testing.assert_array_equal(picture_of(client, state), expected)


def test_a_state_without_its_image_says_so(client: TestClient, images: list[Dataset]) -> None:
    state = presentation_state(images)
    stow(client, part10(state))
    answer = get(client, f"{address_of(state)}/rendered", "image/jpeg")
    assert answer.status_code == 404
    assert "not here" in answer.text


def test_who_wants_no_picture_is_told_what_there_is(client: TestClient, images: list[Dataset]) -> None:
    state = presentation_state(images)
    stow(client, part10(state), part10(images[0]))
    answer = get(client, f"{address_of(state)}/rendered", "image/gif")
    assert answer.status_code == 406
    assert "image/jpeg" in answer.text
