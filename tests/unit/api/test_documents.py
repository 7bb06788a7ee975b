"""An encapsulated document is saved as its author wrote it."""

import io

import pypdfium2
import pytest
from fastapi import FastAPI
from PIL import Image
from pydicom import Dataset

from kahua.dicom import uid_from
from kahua.dicom.uids import ENCAPSULATED_PDF, ENCAPSULATED_STORAGE
from kahua.testing.factory import ct_series, part10
from kahua.testing.site import TestClient, program

from .test_dicomweb import address_of, get, stow

CONTENT = b"%PDF-1.7\nA letter of two lines,\nand an even number of bytes\n"


@pytest.fixture
def client(application: FastAPI) -> TestClient:
    return program(application, "curator")


@pytest.fixture
def letter(client: TestClient) -> Dataset:
    """An encapsulated PDF that is here."""
    image = ct_series(slices=1)[0]
    document = Dataset()
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "PatientID", "PatientName"):
        setattr(document, keyword, image[keyword].value)
    document.SOPClassUID, document.Modality = ENCAPSULATED_PDF, "DOC"
    document.MIMETypeOfEncapsulatedDocument, document.EncapsulatedDocument = "application/pdf", CONTENT
    stow(client, part10(document))
    return document


@pytest.mark.parametrize("accept", ["*/*", "application/pdf", "image/jpeg;q=0.5, application/pdf"])
def test_document_is_saved_and_not_opened(client: TestClient, letter: Dataset, accept: str) -> None:
    answer = get(client, f"{address_of(letter)}/rendered", accept)
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "application/pdf", CONTENT)
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_part_of_a_document_is_sent(client: TestClient, letter: Dataset) -> None:
    answer = client.get(f"{address_of(letter)}/rendered", headers={"Range": "bytes=1-3"})
    assert (answer.status_code, answer.content) == (206, b"PDF")


def test_who_wants_a_picture_gets_the_first_page_or_learns_why_not(client: TestClient, letter: Dataset) -> None:
    damaged = get(client, f"{address_of(letter)}/rendered", "image/jpeg")
    assert (damaged.status_code, "damaged" in damaged.text) == (422, True)
    document, made = pypdfium2.PdfDocument.new(), io.BytesIO()
    document.new_page(300, 500)
    document.save(made)
    letter.SOPInstanceUID, letter.EncapsulatedDocument = uid_from("page"), made.getvalue()
    stow(client, part10(letter))
    answer = get(client, f"{address_of(letter)}/rendered", "image/png")
    assert Image.open(io.BytesIO(answer.content)).size == (461, 768)


@pytest.mark.parametrize(("last", "kind", "ending"), [(2, "text/xml", "xml"), (3, "model/stl", "stl")])
def test_documents_of_other_kinds_are_saved_too(
    client: TestClient, letter: Dataset, last: int, kind: str, ending: str
) -> None:
    letter.SOPClassUID, letter.SOPInstanceUID = f"{ENCAPSULATED_STORAGE}{last}", uid_from(kind)
    letter.MIMETypeOfEncapsulatedDocument = kind
    stow(client, part10(letter))
    answer = get(client, f"{address_of(letter)}/rendered", "*/*")
    assert (answer.headers["content-type"].split(";")[0], answer.content) == (kind, CONTENT)
    assert answer.headers["content-disposition"] == f'attachment; filename="{letter.SOPInstanceUID}.{ending}"'
    assert "download" in get(client, f"{address_of(letter)}/rendered", "image/png").text


def test_document_is_no_video(client: TestClient, letter: Dataset) -> None:
    assert get(client, f"{address_of(letter)}/rendered", "video/mp4").status_code == 406


def test_series_tells_where_its_documents_are(client: TestClient, letter: Dataset) -> None:
    (item,) = client.get("/api/projects/liver/series").json()["items"]
    series = client.get(f"/api/projects/liver/series/{item['id']}").json()
    assert series["document_urls"] == [f"{address_of(letter)}/rendered"]


def test_image_has_no_document(client: TestClient) -> None:
    (image,) = ct_series(slices=1)
    stow(client, part10(image))
    (item,) = client.get("/api/projects/liver/series").json()["items"]
    assert client.get(f"/api/projects/liver/series/{item['id']}").json()["document_urls"] == []
