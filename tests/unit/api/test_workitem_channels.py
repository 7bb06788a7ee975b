"""The channel of reports of workitems is closed when the right to listen ends, before anything more is told."""

import pytest
from fastapi import FastAPI
from starlette.websockets import WebSocketDisconnect

from kahua.api.dicomweb import subscriptions
from kahua.testing.site import TestClient, browser, program
from kahua.testing.workitems import new_workitem

BASE = "/dicom-web/liver"
GLOBAL = "1.2.840.10008.5.1.4.34.5"
CHANNEL = f"ws://localhost{BASE}/subscribers/WATCHER"


@pytest.fixture
def watcher(application: FastAPI) -> TestClient:
    """Give somebody who is subscribed to all workitems."""
    client = program(application, "viewer")
    assert client.post(f"{BASE}/workitems/{GLOBAL}/subscribers/WATCHER").status_code == 201
    return client


def end_membership(application: FastAPI) -> None:
    answer = browser(application, "manager").delete("/api/projects/liver/members/viewer")
    assert answer.is_success, answer.text


def create(application: FastAPI, uid: str) -> None:
    assert browser(application, "scientist").post(f"{BASE}/workitems?{uid}", json=new_workitem()).status_code == 201


def test_nothing_is_told_to_who_is_no_member_any_more(application: FastAPI, watcher: TestClient) -> None:
    create(application, "2.25.1")
    with watcher.websocket_connect(CHANNEL) as channel:
        assert channel.receive_json()["00001000"]["Value"] == ["2.25.1"]
        end_membership(application)
        create(application, "2.25.2")
        with pytest.raises(WebSocketDisconnect) as closed:
            channel.receive_json()
    assert closed.value.code == subscriptions.REFUSED


def test_a_channel_on_which_nothing_comes_is_closed_too(
    application: FastAPI, watcher: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "CHECK_SECONDS", 0.2)
    with watcher.websocket_connect(CHANNEL) as channel:
        end_membership(application)
        with pytest.raises(WebSocketDisconnect) as closed:
            channel.receive_json()
    assert closed.value.code == subscriptions.REFUSED
