"""Which images of a study are offered to be seen in one view."""

from typing import Any

import pytest
from fastapi import FastAPI
from pydicom import Dataset

from kahua.testing.factory import ct_series, mr_series, part10
from kahua.testing.site import browser, program

from .test_dicomweb import stow

pytestmark = pytest.mark.elsewhere

SERIES = "/api/projects/liver/series"


def tracer(image: list[Dataset], **attributes: Any) -> list[Dataset]:
    """Return a PET that lies in the same frame of reference as an image."""
    frame = image[0].FrameOfReferenceUID
    return mr_series(
        seed="tracer", **{"Modality": "PT", "FrameOfReferenceUID": frame, "SeriesDescription": "PET"} | attributes
    )


def offered(application: FastAPI, *series: list[Dataset]) -> dict[str, list[str]]:
    """Store series; give the descriptions of those that are offered with each, by its own."""
    curator = program(application, "curator")
    for instance in (each for one in series for each in one):
        assert stow(curator, part10(instance)).is_success
    client = browser(application, "viewer")
    items = client.get(SERIES).json()["items"]
    details = [client.get(f"{SERIES}/{item['id']}").json() for item in items]
    return {
        detail["description"]: [fusion["series"]["description"] for fusion in detail["fusions"]] for detail in details
    }


@pytest.mark.parametrize(("make", "functional"), [(ct_series, "PT"), (ct_series, "NM"), (mr_series, "PT")])
def test_tracer_and_anatomy_are_offered_with_each_other(application: FastAPI, make: Any, functional: str) -> None:
    image = make(SeriesDescription="Where")
    found = offered(application, image, tracer(image, Modality=functional))
    assert found == {"PET": ["Where"], "Where": ["PET"]}


def test_viewer_is_told_of_both_and_of_no_other_series(application: FastAPI) -> None:
    image = ct_series(SeriesDescription="Where")
    offered(application, image, tracer(image))
    client = browser(application, "viewer")
    (item,) = client.get(SERIES, params={"modality": "CT"}).json()["items"]
    (fusion,) = client.get(f"{SERIES}/{item['id']}").json()["fusions"]
    both = f"{image[0].SeriesInstanceUID}%2C{fusion['series']['series_uid']}"
    study = image[0].StudyInstanceUID
    assert fusion["viewer_url"] == f"/ohif/tmtv/liver?StudyInstanceUIDs={study}&SeriesInstanceUIDs={both}"


@pytest.mark.parametrize(
    "attributes",
    [{"FrameOfReferenceUID": "1.2.3"}, {"FrameOfReferenceUID": ""}, {"Modality": "MR"}, {"patient_id": "OTHER"}],
)
def test_nothing_is_offered_that_lies_elsewhere_or_shows_the_same(
    application: FastAPI, attributes: dict[str, str]
) -> None:
    image = ct_series(SeriesDescription="Where")
    assert offered(application, image, tracer(image, **attributes)) == {"PET": [], "Where": []}


def test_localizer_is_not_offered(application: FastAPI) -> None:
    """Two slices are no volume."""
    image = ct_series(SeriesDescription="Where", slices=2)
    assert offered(application, image, tracer(image)) == {"PET": [], "Where": []}
