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
from kahua.testing.states import presentation_state

from .test_dicomweb import address_of, get, stow

SIDE = 64


@pytest.fixture
def client(application: FastAPI) -> TestClient:
    return program(application, "curator")


@pytest.fixture
def images() -> list[Dataset]:
    return ct_series(slices=3, rows=SIDE, columns=SIDE)


def picture_of(client: TestClient, state: Dataset, query: str = "") -> np.ndarray:
    answer = get(client, f"{address_of(state)}/rendered{query}", "image/png")
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_the_image_is_shown_as_the_state_says(client: TestClient, images: list[Dataset]) -> None:
    state = presentation_state(images, PresentationLUTShape="INVERSE", ImageRotation=90)
    stow(client, part10(state), *map(part10, images))
    target = Target(uid=str(images[0].SOPInstanceUID), frame=0)
    expected = present(read_frame(images[0], 0), images[0], state, target, size=SIDE)
    np.testing.assert_array_equal(picture_of(client, state), expected)
    assert picture_of(client, state, "?viewport=128,128").shape == (128, 128, 3)


def test_the_first_image_that_is_here_is_shown(client: TestClient, images: list[Dataset]) -> None:
    state = presentation_state(images)
    stow(client, part10(state), part10(images[1]))
    target = Target(uid=str(images[1].SOPInstanceUID), frame=0)
    expected = present(read_frame(images[1], 0), images[1], state, target, size=SIDE)
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
