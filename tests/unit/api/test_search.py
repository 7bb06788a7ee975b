"""Searches over HTTP: in JSON and in XML, with the attributes asked for, and refused in words."""

import email
from typing import Any
from xml.etree import ElementTree

import pytest
from fastapi import FastAPI

from kahua.testing.factory import ct_series, part10
from kahua.testing.site import TestClient, program

pytestmark = pytest.mark.elsewhere

BASE = "/dicom-web/liver"
XML_PARTS = 'multipart/related; type="application/dicom+xml"'


@pytest.fixture
def client(application: FastAPI) -> TestClient:
    client = program(application, "manager")
    for instance in ct_series(slices=2, patient_name="Ä<b>&^Jörg", OperatorsName="Läufer^Ute"):
        answer = client.post(f"{BASE}/studies", content=part10(instance), headers={"Content-Type": "application/dicom"})
        assert answer.status_code == 200
    return client


def documents(answer: Any) -> list[ElementTree.Element]:
    assert answer.status_code == 200, answer.text
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    parts = email.message_from_bytes(head + answer.content).get_payload()
    assert {part.get_content_type() for part in parts} == {"application/dicom+xml"}
    return [ElementTree.fromstring(part.get_payload(decode=True)) for part in parts]  # noqa: S314


@pytest.mark.parametrize(("level", "count"), [("studies", 1), ("series", 1), ("instances", 2)])
def test_rows_are_answered_in_xml_to_who_asks_for_it(client: TestClient, level: str, count: int) -> None:
    found = documents(client.get(f"{BASE}/{level}", headers={"Accept": XML_PARTS}))
    assert len(found) == count
    names = {"n": "http://dicom.nema.org/PS3.19/models/NativeDICOM"}
    family = found[0].find(".//n:DicomAttribute[@tag='00100010']//n:FamilyName", names)
    assert family is not None
    assert family.text == "Ä<b>&"


@pytest.mark.parametrize("accept", ["application/dicom+json", "application/json", "*/*", f"{XML_PARTS};q=0.1, */*"])
def test_rows_are_answered_in_json_otherwise(client: TestClient, accept: str) -> None:
    answer = client.get(f"{BASE}/studies", headers={"Accept": accept})
    assert answer.headers["content-type"] == "application/dicom+json"
    assert answer.json()[0]["00100010"]["Value"] == [{"Alphabetic": "Ä<b>&^Jörg"}]


def test_the_form_may_be_asked_for_in_the_address(client: TestClient) -> None:
    assert len(documents(client.get(f"{BASE}/studies", params={"accept": XML_PARTS}))) == 1


def test_no_other_form_is_answered(client: TestClient) -> None:
    answer = client.get(f"{BASE}/studies", headers={"Accept": "text/csv"})
    assert answer.status_code == 406
    assert "application/dicom+json" in answer.text


def test_attributes_beyond_the_index_are_matched_and_answered(client: TestClient) -> None:
    (row,) = client.get(f"{BASE}/series?OperatorsName=laufer*&includefield=OperatorsName").json()
    assert row["00081070"]["Value"] == [{"Alphabetic": "Läufer^Ute"}]
    assert client.get(f"{BASE}/series?OperatorsName=nobody").json() == []


@pytest.mark.parametrize(
    "query", ["PatientID=%2A%2A%2A%2A%2A%2A%2A%2A%2A%2A%2Aa", "StudyDate=1-2-3", "a.b.c=1", "Shoesize=44"]
)
def test_what_has_no_meaning_is_refused_in_words(client: TestClient, query: str) -> None:
    answer = client.get(f"{BASE}/studies?{query}")
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid-input"


def test_a_warning_tells_that_there_is_more(client: TestClient) -> None:
    assert "Warning" not in client.get(f"{BASE}/instances?limit=2").headers
    answer = client.get(f"{BASE}/instances?limit=1")
    assert answer.headers["Warning"].startswith("299 kahua: There are additional results")


def test_a_warning_tells_what_was_ignored(client: TestClient) -> None:
    plain = client.get(f"{BASE}/studies?StudyDate=19990101-")
    answer = client.get(f"{BASE}/studies?StudyDate=19990101-&TimezoneOffsetFromUTC=%2B0200")
    assert answer.json() == plain.json()
    assert "Warning" not in plain.headers
    assert answer.headers["Warning"].startswith("299 kahua: TimezoneOffsetFromUTC is ignored")
