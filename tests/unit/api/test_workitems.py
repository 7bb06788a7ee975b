"""Workitems over HTTP: statuses, headers, forms, rights, hostile bodies."""

import json
from typing import Any

import pytest
from fastapi import FastAPI

from kahua.dicom.xml_model import native_xml
from kahua.testing.site import TestClient, browser, program
from kahua.testing.workitems import new_workitem, performed, state, words

pytestmark = pytest.mark.elsewhere

BASE = "/dicom-web/liver/workitems"
UID = "2.25.1001"
LOCK = "2.25.7"
XML = "application/dicom+xml"


@pytest.fixture
def scientist(application: FastAPI) -> TestClient:
    return browser(application, "scientist")


def create(client: TestClient, uid: str = UID, **changes: Any) -> Any:
    answer = client.post(f"{BASE}?{uid}", json=[new_workitem(**changes)])
    assert answer.status_code == 201, answer.text
    return answer


def claim(client: TestClient, uid: str = UID) -> None:
    answer = client.put(f"{BASE}/{uid}/state", json=state("IN PROGRESS", LOCK))
    assert answer.status_code == 200, answer.text


def test_a_workitem_goes_its_whole_way(scientist: TestClient) -> None:
    created = create(scientist)
    assert created.headers["Location"].endswith(f"/dicom-web/liver/workitems/{UID}")
    assert "Warning" not in created.headers
    claim(scientist)
    answer = scientist.post(f"{BASE}/{UID}?transaction-uid={LOCK}", json=performed())
    assert answer.status_code == 200
    assert scientist.put(f"{BASE}/{UID}/state", json=state("COMPLETED", LOCK)).status_code == 200
    retrieved = scientist.get(f"{BASE}/{UID}")
    assert retrieved.headers["content-type"] == "application/dicom+json"
    assert retrieved.json()["00741000"]["Value"] == ["COMPLETED"]
    assert "00081195" not in retrieved.json()


@pytest.mark.parametrize("query", [UID, f"workitem={UID}", f"AffectedSOPInstanceUID={UID}"])
def test_the_uid_may_be_given_in_every_way_that_clients_know(scientist: TestClient, query: str) -> None:
    assert scientist.post(f"{BASE}?{query}", json=new_workitem()).headers["Location"].endswith(f"/{UID}")


@pytest.mark.parametrize("name", ["transaction-uid=", "Transaction-uid=", "TransactionUID=", "transaction=", ""])
def test_the_lock_may_be_given_in_every_way_that_clients_know(scientist: TestClient, name: str) -> None:
    create(scientist)
    claim(scientist)
    assert scientist.post(f"{BASE}/{UID}?{name}{LOCK}", json=performed()).status_code == 200


def test_a_workitem_without_uid_gets_one(scientist: TestClient) -> None:
    address = scientist.post(BASE, json=new_workitem()).headers["Location"]
    assert scientist.get(address).status_code == 200


def test_a_state_that_is_filled_in_is_told(scientist: TestClient) -> None:
    answer = scientist.post(BASE, json=new_workitem(t00741000={"vr": "CS"}))
    assert answer.headers["Warning"] == "299 kahua: The Workitem was created with modifications."


def test_refusals_have_the_status_and_the_warning_of_the_standard(scientist: TestClient) -> None:
    create(scientist)
    claim(scientist)
    wishes = [
        (scientist.post(f"{BASE}?{UID}", json=new_workitem()), 409, None),
        (scientist.put(f"{BASE}/{UID}/state", json=state("COMPLETED")), 400, "The Transaction UID is missing."),
        (scientist.put(f"{BASE}/{UID}/state", json=state("CANCELED", "2.25.8")), 400, "Transaction UID is incorrect."),
        (scientist.put(f"{BASE}/{UID}/state", json=state("COMPLETED", LOCK)), 409, "inconsistent with the current"),
        (scientist.put(f"{BASE}/{UID}/state", json=state("SCHEDULED", LOCK)), 409, "inconsistent with the current"),
        (scientist.post(f"{BASE}/{UID}/cancelrequest"), 409, None),
        (scientist.get(f"{BASE}/2.25.9"), 404, None),
    ]
    for answer, status, warning in wishes:
        assert answer.status_code == status, answer.text
        assert warning is None or warning in answer.headers["Warning"]
    scientist.put(f"{BASE}/{UID}/state", json=state("CANCELED", LOCK))
    again = scientist.put(f"{BASE}/{UID}/state", json=state("CANCELED", LOCK))
    assert again.status_code == 200
    assert again.headers["Warning"] == "299 kahua: The UPS is already in the requested state of CANCELED."
    answer = scientist.post(f"{BASE}/{UID}?{LOCK}", json={"00741204": words("LO", "Late")})
    assert answer.status_code == 400
    assert "inconsistent" in answer.headers["Warning"]


def test_a_request_to_cancel_is_accepted(scientist: TestClient) -> None:
    create(scientist)
    assert scientist.post(f"{BASE}/{UID}/cancelrequest", json={"00741238": words("LT", "Wrong")}).status_code == 202
    assert scientist.get(f"{BASE}/{UID}").json()["00741000"]["Value"] == ["CANCELED"]


def test_xml_is_read_and_written(scientist: TestClient) -> None:
    body = native_xml(new_workitem())
    assert scientist.post(f"{BASE}?{UID}", content=body, headers={"Content-Type": XML}).status_code == 201
    json_answer = scientist.get(f"{BASE}/{UID}").json()
    sent = {tag: element for tag, element in new_workitem().items() if tag in json_answer}
    assert {tag: json_answer[tag] for tag in sent} == sent
    xml_answer = scientist.get(f"{BASE}/{UID}", headers={"Accept": XML})
    assert xml_answer.headers["content-type"] == XML
    assert b"<FamilyName>Doe</FamilyName>" in xml_answer.content
    found = scientist.get(BASE, headers={"Accept": f'multipart/related; type="{XML}"'})
    assert found.content.count(b"<NativeDicomModel") == 1


def search(client: TestClient, **query: Any) -> list[str]:
    answer = client.get(BASE, params=query)
    if answer.status_code == 204:
        return []
    assert answer.is_success, answer.text
    return [document["00080018"]["Value"][0] for document in answer.json()]


def test_workitems_are_found_by_their_attributes_next_work_first(scientist: TestClient) -> None:
    create(scientist, "2.25.1", t00404005=words("DT", "20260301"))
    create(scientist, "2.25.2", t00404005=words("DT", "20260201"), t00100020=words("LO", "P2"))
    create(scientist, "2.25.3", t00741200=words("CS", "HIGH"))
    claim(scientist, "2.25.3")
    assert search(scientist) == ["2.25.3", "2.25.2", "2.25.1"]
    assert search(scientist, ProcedureStepState="SCHEDULED") == ["2.25.2", "2.25.1"]
    assert search(scientist, PatientID="P2") == ["2.25.2"]
    assert search(scientist, PatientID="P*", ScheduledProcedureStepPriority="HIGH") == ["2.25.3"]
    assert search(scientist, PatientName="doe*", fuzzymatching="true", limit=2, offset=1) == ["2.25.2", "2.25.1"]
    assert search(scientist, ScheduledProcedureStepStartDateTime="20260215-20260401") == ["2.25.1"]
    assert search(scientist, **{"ScheduledWorkitemCodeSequence.CodeValue": "110005"}) != []
    assert search(scientist, **{"00404018.00080100": "110006"}) == []
    assert search(scientist, SOPInstanceUID="2.25.1,2.25.3") == ["2.25.3", "2.25.1"]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ('Größe der "Leber"\t1', True),
        ("Größe*", True),
        ("*Leber*", True),
        ('*"Leber"*', True),
        (" Gr??e * 1* ", False),
        ("Gr??e *1", True),
        ("größe*", False),
        ("*Milz*", False),
        ("*Milz*\\*Leber*", True),
        ('""', False),
    ],
)
def test_a_label_is_found_whatever_is_in_it(scientist: TestClient, value: str, *, found: bool) -> None:
    create(scientist, t00741204=words("LO", 'Größe der "Leber"\t1'))
    assert search(scientist, ProcedureStepLabel=value, emptyvaluematching="true") == ([UID] if found else [])


def test_a_page_says_that_there_are_more(scientist: TestClient) -> None:
    create(scientist, "2.25.1")
    create(scientist, "2.25.2")
    answer = scientist.get(BASE, params={"limit": 1})
    assert answer.status_code == 206
    assert "offset" in answer.headers["Warning"]


def test_what_was_performed_is_answered_on_request(scientist: TestClient) -> None:
    create(scientist)
    assert "00741216" not in scientist.get(BASE).json()[0]
    for field in ("all", "00741216", "UnifiedProcedureStepPerformedProcedureSequence"):
        assert "00741216" in scientist.get(BASE, params={"includefield": field}).json()[0]


@pytest.mark.parametrize(
    "query", [{"NoSuchName": "1"}, {"limit": "-1"}, {"PatientID": "*" * 50}, {"00404018.00404005.00080100": "1"}]
)
def test_a_question_without_meaning_is_refused(scientist: TestClient, query: dict[str, str]) -> None:
    assert scientist.get(BASE, params=query).status_code == 400


def deep(levels: int) -> Any:
    document: Any = new_workitem()
    for _ in range(levels):
        document = {**new_workitem(), "00404021": {"vr": "SQ", "Value": [document]}}
    return document


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    b'<NativeDicomModel><DicomAttribute tag="00741204" vr="LO"><Value number="1">&b;</Value></DicomAttribute>'
    b"</NativeDicomModel>"
)
HOLES = b"<NativeDicomModel>" + b"".join(
    b'<DicomAttribute tag="%08X" vr="LO"><Value number="99999">x</Value></DicomAttribute>' % tag for tag in range(50)
)
HOSTILE = {
    "no JSON": (b"{", "application/dicom+json", 400),
    "nothing": (b"", "application/dicom+json", 400),
    "a number": (b"7", "application/dicom+json", 400),
    "two objects": (b"[{},{}]", "application/dicom+json", 400),
    "deep brackets": (b"[" * 100_000, "application/dicom+json", 400),
    "deep sequences": (json.dumps(deep(30)).encode(), "application/dicom+json", 413),
    "a sequence of text": (b'{"00404021":{"vr":"SQ","Value":["x"]}}', "application/dicom+json", 400),
    "text for a sequence": (b'{"00404018":{"vr":"LO","Value":["x"]}}', "application/dicom+json", 400),
    "a list for a value": (b'{"00741204":{"vr":"LO","Value":[["x"]]}}', "application/dicom+json", 400),
    "a NUL": (b'{"00741204":{"vr":"LO","Value":["\\u0000"]}}', "application/dicom+json", 400),
    "no tag": (b'{"../../etc":{"vr":"LO"}}', "application/dicom+json", 400),
    "no VR": (b'{"00741204":{}}', "application/dicom+json", 400),
    "binary": (b'{"00741204":{"vr":"OB","InlineBinary":"AAAA"}}', "application/dicom+json", 400),
    "many values": (
        json.dumps({"00741204": {"vr": "LO", "Value": ["x"] * 200_000}}).encode(),
        "application/dicom+json",
        413,
    ),
    "long text": (json.dumps(new_workitem(t00741204=words("LO", "x" * 100_000))).encode(), "application/json", 400),
    "entities": (BOMB, XML, 400),
    "no XML": (b"<a><b>", XML, 400),
    "XML in a multi-byte character set": (b'<?xml version="1.0" encoding="utf-7"?><NativeDicomModel/>', XML, 400),
    "XML in no character set": (b'<?xml version="1.0" encoding="none"?><NativeDicomModel/>', XML, 400),
    "a file as an entity": (b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><NativeDicomModel/>', XML, 400),
    "another XML": (b"<html/>", XML, 400),
    "holes": (HOLES + b"</NativeDicomModel>", XML, 413),
    "a value alone": (b'<NativeDicomModel><Value number="1">x</Value></NativeDicomModel>', XML, 400),
    "deep XML": (b"<NativeDicomModel>" + b"<Item>" * 100, XML, 400),
    "a large number": (
        b'<NativeDicomModel><DicomAttribute tag="00280010" vr="US"><Value number="1">%s</Value></DicomAttribute>'
        b"</NativeDicomModel>" % (b"9" * 50),
        XML,
        400,
    ),
    "a form": (b"a=b", "application/x-www-form-urlencoded", 415),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_is_refused_in_words(scientist: TestClient, name: str) -> None:
    body, media_type, status = HOSTILE[name]
    answer = scientist.post(f"{BASE}?{UID}", content=body, headers={"Content-Type": media_type})
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]
    assert scientist.get(BASE).status_code == 204


def test_who_reads_may_not_write_and_strangers_see_nothing(application: FastAPI, scientist: TestClient) -> None:
    create(scientist)
    viewer, stranger = program(application, "viewer"), program(application, "stranger")
    assert viewer.get(f"{BASE}/{UID}").status_code == 200
    assert viewer.post(BASE, json=new_workitem()).status_code == 403
    assert viewer.put(f"{BASE}/{UID}/state", json=state("IN PROGRESS", LOCK)).status_code == 403
    assert stranger.get(f"{BASE}/{UID}").status_code == 404
    own = stranger.get(f"/dicom-web/brain/workitems/{UID}")
    assert own.status_code == 404
    assert stranger.get("/dicom-web/brain/workitems").status_code == 204


def test_what_was_done_is_in_the_audit_log_and_the_lock_is_not(application: FastAPI, scientist: TestClient) -> None:
    create(scientist)
    claim(scientist)
    entries = browser(application, "ada").get("/api/audit").text
    assert "workitem.created" in entries
    assert "workitem.state-changed" in entries
    assert LOCK not in entries
