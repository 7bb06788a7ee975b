"""Workitems as people see them: filtered lists, one in plain words, cancelled with a reason."""

from typing import Any

import pytest
from fastapi import FastAPI

from kahua.store.workitems.documents import code_item, sequence, words
from kahua.testing.site import TestClient, browser
from kahua.testing.workitems import input_of, new_workitem, performed, state

UPS = "/dicom-web/liver/workitems"
PEOPLE = "/api/projects/liver/workitems"
LOCK = "2.25.7"


@pytest.fixture
def scientist(application: FastAPI) -> TestClient:
    return browser(application, "scientist")


def create(client: TestClient, uid: str, **changes: Any) -> None:
    answer = client.post(f"{UPS}?{uid}", json=[new_workitem(**changes)])
    assert answer.status_code == 201, answer.text


def listed(client: TestClient, **query: Any) -> list[str]:
    return [item["uid"] for item in client.get(PEOPLE, params=query).json()["items"]]


def test_the_list_is_newest_first_and_filtered_by_state_label_and_station(scientist: TestClient) -> None:
    create(scientist, "2.25.1", t00741204=words("LO", "Brain_extraction 100%"))
    create(scientist, "2.25.2", t00404025=sequence(code_item("ROBOT-1", "99TEST", "Upper floor")))
    create(scientist, "2.25.3")
    scientist.put(f"{UPS}/2.25.3/state", json=state("IN PROGRESS", LOCK))
    assert listed(scientist) == ["2.25.3", "2.25.2", "2.25.1"]
    assert listed(scientist, state="IN PROGRESS") == ["2.25.3"]
    assert listed(scientist, label="brain_EXTR") == ["2.25.1"]
    assert listed(scientist, label="brain%extr") == []
    assert listed(scientist, station="upper") == ["2.25.2"]
    assert listed(scientist, station="robot", state="COMPLETED") == []


def test_the_list_has_pages(scientist: TestClient) -> None:
    for number in range(5):
        create(scientist, f"2.25.{number}")
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = scientist.get(PEOPLE, params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        found += [item["uid"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == [f"2.25.{number}" for number in reversed(range(5))]


def test_one_is_told_in_plain_words(scientist: TestClient) -> None:
    parameter = {
        "0040A040": words("CS", "NUMERIC"),
        "0040A043": sequence(code_item("level", "99TEST", "Level")),
        "0040A30A": words("DS", 400),
    }
    inputs = sequence(input_of("1.2.3", "1.2.3.4", (("1.2", "1.2.3.4.5"),)), {"0040E020": words("CS", "CDA")})
    create(scientist, "2.25.1", t00404021=inputs, t00741210=sequence(parameter))
    shown = scientist.get(f"{PEOPLE}/2.25.1").json()
    assert shown["label"] == "Find what is bright"
    assert shown["code"] == "110005 (Interpretation)"
    assert (shown["patient_name"], shown["patient_id"], shown["priority"]) == ("Doe^Jane", "P1", "MEDIUM")
    assert shown["inputs"] == [{"study_uid": "1.2.3", "series_uid": "1.2.3.4", "instances": 1, "series": []}]
    assert shown["parameters"] == [{"name": "level", "value": "400"}]
    assert (shown["workflow"], shown["waits_for"], shown["run"], shown["percent"]) == ("", "", None, None)


def test_the_history_says_what_happened_and_by_whom(scientist: TestClient, application: FastAPI) -> None:
    create(scientist, "2.25.1")
    manager = browser(application, "manager")
    manager.put(f"{UPS}/2.25.1/state", json=state("IN PROGRESS", LOCK))
    manager.post(f"{UPS}/2.25.1/subscribers/WATCHER")
    scientist.post(f"{PEOPLE}/2.25.1/cancel", json={"reason": "Wrong patient"})
    asked = scientist.get(f"{PEOPLE}/2.25.1").json()
    assert asked["performer"] == "manager"
    assert asked["cancel_reason"] == "Wrong patient"
    manager.post(f"{UPS}/2.25.1?transaction-uid={LOCK}", json=performed())
    manager.put(f"{UPS}/2.25.1/state", json=state("COMPLETED", LOCK))
    history = scientist.get(f"{PEOPLE}/2.25.1").json()["history"]
    assert [(event["what"], event["by"]) for event in history] == [
        ("SCHEDULED", "scientist"),
        ("IN PROGRESS", "manager"),
        ("CANCEL REQUESTED", "scientist"),
        ("COMPLETED", "manager"),
    ]


def test_one_that_nobody_performs_is_canceled_at_once(scientist: TestClient) -> None:
    create(scientist, "2.25.1")
    answer = scientist.post(f"{PEOPLE}/2.25.1/cancel", json={"reason": "Ordered twice"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["state"], answer.json()["cancel_reason"]) == ("CANCELED", "Ordered twice")
    assert {event["by"] for event in answer.json()["history"]} == {"scientist"}


def test_many_wishes_to_cancel_do_not_grow_the_history_without_end(scientist: TestClient) -> None:
    create(scientist, "2.25.1")
    scientist.put(f"{UPS}/2.25.1/state", json=state("IN PROGRESS", LOCK))
    scientist.post(f"{UPS}/2.25.1/subscribers/WATCHER")
    for _ in range(60):
        assert scientist.post(f"{PEOPLE}/2.25.1/cancel", json={}).status_code == 200
    assert len(scientist.get(f"{PEOPLE}/2.25.1").json()["history"]) == 50


def test_those_of_another_project_are_not_there(scientist: TestClient, application: FastAPI) -> None:
    create(scientist, "2.25.1")
    other = browser(application, "stranger")
    assert other.get(f"{PEOPLE}/2.25.1").status_code == 404
    assert scientist.get(PEOPLE, params={"cursor": "2.25.9"}).status_code == 404
