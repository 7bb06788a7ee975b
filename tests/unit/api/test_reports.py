"""Asked for what is rendered of objects without pixels, the site sends words, pages, or what was drawn on an image."""

import io

import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image
from pydicom import Dataset
from pydicom.sequence import Sequence as Items

from kahua.database import deliver_events
from kahua.dicom.xml_reading import read_native_xml
from kahua.site import Site
from kahua.testing.factory import ct_series, part10
from kahua.testing.site import TestClient, program
from kahua.testing.structures import structure_set

from .test_dicomweb import address_of, get, stow

BASIC_TEXT = "1.2.840.10008.5.1.4.1.1.88.11"
ECG = "1.2.840.10008.5.1.4.1.1.9.1.1"

EVIL = '<script>alert(1)</script> & "more"\nof it'


@pytest.fixture
def client(application: FastAPI) -> TestClient:
    return program(application, "curator")


def item(kind: str, meaning: str, **attributes: object) -> Dataset:
    name, dataset = Dataset(), Dataset()
    name.CodeValue, name.CodingSchemeDesignator, name.CodeMeaning = "1", "99TEST", meaning
    dataset.ValueType, dataset.ConceptNameCodeSequence = kind, Items([name])
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def object_of_study(sop_class: str, modality: str, content: Dataset) -> Dataset:
    """Give an object in the study of an image, with content of its own."""
    image = ct_series(slices=1)[0]
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "PatientID"):
        setattr(content, keyword, image[keyword].value)
    content.PatientName, content.SpecificCharacterSet = "Müller^Änne^^Dr.", "ISO_IR 192"
    content.SOPClassUID, content.Modality = sop_class, modality
    return content


@pytest.fixture
def report(client: TestClient) -> Dataset:
    """A report that is here: a finding within a section, and who observed it."""
    section = item("CONTAINER", "Findings", ContentSequence=Items([item("TEXT", "Finding", TextValue=EVIL)]))
    person = item("PNAME", "Observer", PersonName="Curie^Marie")
    content = item("CONTAINER", "Chest & lungs", ContentSequence=Items([person, section]))
    content.CompletionFlag = "COMPLETE"
    made = object_of_study(BASIC_TEXT, "SR", content)
    stow(client, part10(made))
    return made


@pytest.mark.parametrize("accept", ["*/*", "text/html", "text/html,application/xml;q=0.9,image/webp,*/*;q=0.8"])
def test_report_is_a_page_without_markup_of_its_author(client: TestClient, report: Dataset, accept: str) -> None:
    answer = get(client, f"{address_of(report)}/rendered", accept)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<h1>Chest &amp; lungs</h1>" in answer.text
    assert "<li>Finding: &lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;more&quot; of it" in answer.text
    assert "<script" not in answer.text
    assert "sandbox" in answer.headers["content-security-policy"]


def test_report_says_whose_it_is_and_who_observed(client: TestClient, report: Dataset) -> None:
    answer = get(client, f"{address_of(report)}/rendered", "text/plain")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    lines = answer.text.splitlines()
    assert lines[0] == "Chest & lungs"
    assert {"Patient: Dr. Änne Müller", f"Patient ID: {report.PatientID}", "State: Complete"} <= set(lines)
    assert {"Observer: Marie Curie", "Findings"} <= set(lines)
    assert '  Finding: <script>alert(1)</script> & "more" of it' in lines


def test_report_as_xml_is_its_data_set(client: TestClient, report: Dataset) -> None:
    answer = get(client, f"{address_of(report)}/rendered", "text/xml")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    read = Dataset.from_json(read_native_xml(answer.content))
    assert read.PatientName == report.PatientName
    assert read.ContentSequence[1].ContentSequence[0].TextValue == EVIL


def test_whoever_wants_a_picture_gets_that_of_a_page(client: TestClient, report: Dataset) -> None:
    answer = get(client, f"{address_of(report)}/rendered?viewport=256,256", "image/png")
    picture = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert picture.shape == (256, 256, 3)
    assert picture.max() > 150


def test_report_has_no_second_frame_and_no_rich_text(client: TestClient, report: Dataset) -> None:
    assert get(client, f"{address_of(report)}/frames/2/rendered", "image/png").status_code == 404
    refused = get(client, f"{address_of(report)}/rendered", "text/rtf")
    assert refused.status_code == 406
    assert "text/html" in refused.text


def test_series_and_study_of_reports_alone_are_the_first_of_them(client: TestClient, report: Dataset) -> None:
    study = f"/dicom-web/liver/studies/{report.StudyInstanceUID}"
    for address in (study, f"{study}/series/{report.SeriesInstanceUID}"):
        assert "Chest &amp; lungs" in get(client, f"{address}/rendered", "text/html").text


def test_report_by_uri_is_a_page_too(client: TestClient, report: Dataset) -> None:
    uids = {"studyUID": "StudyInstanceUID", "seriesUID": "SeriesInstanceUID", "objectUID": "SOPInstanceUID"}
    named = {name: report[keyword].value for name, keyword in uids.items()}
    answer = client.get("/dicom-web/liver/wado", params={"requestType": "WADO", **named})
    assert answer.headers["content-type"].startswith("text/html")


def test_waveform_is_a_picture(client: TestClient) -> None:
    group, channel = Dataset(), Dataset()
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = 1, 500
    group.SamplingFrequency, group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 500, 16, "SS"
    group.ChannelDefinitionSequence = Items([channel])
    group.add_new("WaveformData", "OW", np.sin(np.arange(500) / 20).astype("<i2").tobytes())
    content = Dataset()
    content.WaveformSequence = Items([group])
    made = object_of_study(ECG, "ECG", content)
    stow(client, part10(made))
    answer = get(client, f"{address_of(made)}/rendered", "image/jpeg")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert Image.open(io.BytesIO(answer.content)).width == 768
    assert get(client, f"{address_of(made)}/rendered", "text/html").status_code == 406


def test_contours_are_drawn_on_their_image(client: TestClient, site: Site) -> None:
    images = ct_series(slices=3)
    structures = structure_set(images, images[1:2])
    stow(client, *map(part10, images), part10(structures))
    assert get(client, f"{address_of(structures)}/rendered", "image/png").status_code == 404, "not drawn yet"
    deliver_events(site.database, site.derivation().subscriptions())
    series = address_of(structures).rpartition("/instances/")[0]
    for address in (address_of(structures), series):
        answer = get(client, f"{address}/rendered", "image/png")
        picture = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB")).astype(int)
        assert (np.ptp(picture, axis=2) > 100).any(), "magenta on grey"
    small = get(client, f"{address_of(structures)}/rendered?viewport=32,32", "image/png")
    assert max(Image.open(io.BytesIO(small.content)).size) == 32


def test_what_has_no_picture_says_why(client: TestClient, site: Site) -> None:
    plan = object_of_study("1.2.840.10008.5.1.4.1.1.481.5", "RTPLAN", Dataset())
    stow(client, part10(plan))
    deliver_events(site.database, site.derivation().subscriptions())
    answer = get(client, f"{address_of(plan)}/rendered", "*/*")
    assert (answer.status_code, "see its doses" in answer.text) == (404, True)
