"""What is answered from memory, without any thread, is never more than is right at that moment."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from pydicom import Dataset
from sqlalchemy import update

from kahua.access import entries
from kahua.access.tables import ApiTokenRow, BrowserSessionRow
from kahua.api import shortcut
from kahua.database import now
from kahua.site import Site
from kahua.testing.factory import ct_series, part10
from kahua.testing.site import TestClient, browser, program
from kahua.waiting import WouldWait, at_once

from .test_dicomweb import OCTET_PARTS, address_of, derive_all, get, series_of, stow

#: What is read again and again, and by which type.
QUESTIONS = {
    "frame": (lambda instance: f"{address_of(instance)}/frames/1", OCTET_PARTS),
    "metadata": (lambda instance: f"{series_of(instance)}/metadata", "application/dicom+json"),
    "thumbnail": (lambda instance: f"{series_of(instance)}/thumbnail", "image/webp"),
    "rendered": (lambda instance: f"{address_of(instance)}/rendered", "image/jpeg"),
}


@pytest.fixture
def images(application: FastAPI, site: Site) -> list[Dataset]:
    images = ct_series(slices=3)
    stow(program(application, "curator"), *(part10(image) for image in images)).raise_for_status()
    derive_all(site)
    return images


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Say of each request whether it was answered at once."""
    ways: list[bool] = []
    answer_at_once = shortcut._Question.answer_at_once

    def noted(question: Any) -> Any:
        response = answer_at_once(question)
        ways.append(response is not None)
        return response

    monkeypatch.setattr(shortcut._Question, "answer_at_once", noted)
    return ways


def warmed(client: TestClient, address: str, accept: str, ways: list[bool]) -> bytes:
    """Ask until the answer comes at once: the token's use is written, then the rows are read."""
    for _ in range(4):
        content: bytes = get(client, address, accept).content
    if not ways[-1]:
        pytest.skip("this file system does not tell what is in memory")
    return content


@pytest.mark.parametrize("what", QUESTIONS)
def test_what_is_in_memory_is_answered_at_once_and_is_the_same(
    application: FastAPI, images: list[Dataset], ways: list[bool], what: str
) -> None:
    client, (address, accept) = program(application, "viewer"), QUESTIONS[what]
    first = get(client, address(images[1]), accept)
    assert first.status_code == 200
    assert not ways[-1]  # the token's use is written
    again = warmed(client, address(images[1]), accept, ways)
    assert body_of(again) == body_of(first.content)


def body_of(content: bytes) -> bytes:
    """Leave the boundary of a multipart answer out, which is another each time."""
    return content.replace(content.partition(b"\r\n")[0].strip(b"-"), b"") if content.startswith(b"--") else content


def end_token(application: FastAPI) -> None:
    client = browser(application, "viewer")
    (token,) = client.get("/api/me/tokens").json()["items"]
    client.delete(f"/api/me/tokens/{token['id']}").raise_for_status()


def let_token_end(application: FastAPI) -> None:
    with application.state.site.database.write() as session:
        session.execute(update(ApiTokenRow).values(expires_at=now() - timedelta(seconds=1)))


def make_inactive(application: FastAPI) -> None:
    browser(application, "ada").patch("/api/users/viewer", json={"is_active": False}).raise_for_status()


def remove_member(application: FastAPI) -> None:
    browser(application, "manager").delete("/api/projects/liver/members/viewer").raise_for_status()


def delete_series(application: FastAPI) -> None:
    address = f"/dicom-web/liver/studies/{ct_series(slices=1)[0].StudyInstanceUID}"
    program(application, "manager").delete(address).raise_for_status()


CHANGES = {end_token: 401, let_token_end: 401, make_inactive: 401, remove_member: 404, delete_series: 404}


@pytest.mark.parametrize("what", QUESTIONS)
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_taken_away_is_gone_with_the_next_request(
    application: FastAPI,
    images: list[Dataset],
    ways: list[bool],
    what: str,
    change: Callable[[FastAPI], None],
) -> None:
    client, (address, accept) = program(application, "viewer"), QUESTIONS[what]
    warmed(client, address(images[1]), accept, ways)
    change(application)
    assert get(client, address(images[1]), accept).status_code == CHANGES[change]


def test_a_token_that_ends_by_itself_is_refused_though_nothing_is_written(
    application: FastAPI, images: list[Dataset], ways: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, (address, accept) = program(application, "viewer"), QUESTIONS["frame"]
    warmed(client, address(images[1]), accept, ways)
    monkeypatch.setattr("kahua.access.tokens.now", lambda: now() + timedelta(days=2))
    assert get(client, address(images[1]), accept).status_code == 401


def test_a_session_that_ends_by_itself_is_refused_though_nothing_is_written(
    application: FastAPI, site: Site, images: list[Dataset], ways: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, (address, accept) = browser(application, "viewer"), QUESTIONS["frame"]
    warmed(client, address(images[1]), accept, ways)
    monkeypatch.setattr("kahua.access.sessions.now", lambda: now() + timedelta(days=2))
    assert get(client, address(images[1]), accept).status_code == 401
    with site.database.read() as session:
        assert session.query(BrowserSessionRow).count() == 1


def test_another_project_stays_unseen(application: FastAPI, images: list[Dataset], ways: list[bool]) -> None:
    address, accept = QUESTIONS["frame"]
    warmed(program(application, "viewer"), address(images[1]), accept, ways)
    stranger = program(application, "stranger")
    for _ in range(3):
        assert get(stranger, address(images[1]), accept).status_code == 404
        elsewhere = address(images[1]).replace("/liver/", "/brain/")
        assert get(stranger, elsewhere, accept).status_code == 404


@pytest.mark.usefixtures("images")
def test_the_study_of_an_accession_number_is_answered_at_once_as_it_is_at_that_moment(
    application: FastAPI, ways: list[bool]
) -> None:
    client, address = program(application, "viewer"), "/dicom-web/liver/studies?AccessionNumber=A-7"
    assert warmed(client, address, "application/dicom+json", ways) == b"[]"
    (another,) = ct_series(slices=1, seed="another", patient_id="P-7", AccessionNumber="A-7")
    stow(program(application, "curator"), part10(another)).raise_for_status()
    for _ in range(2):
        (found,) = get(client, address).json()
        assert found["0020000D"]["Value"] == [another.StudyInstanceUID]
        assert found["00201208"]["Value"] == [1]
    assert ways[-1]
    assert get(program(application, "stranger"), address).status_code == 404


@pytest.mark.usefixtures("images")
def test_a_search_that_may_take_long_is_left_to_a_thread(application: FastAPI, ways: list[bool]) -> None:
    client = program(application, "viewer")
    for question in ("", "?AccessionNumber=A*", "?PatientName=Doe*", "?StudyDate=2020-"):
        for _ in range(3):
            get(client, f"/dicom-web/liver/studies{question}")
        assert not ways[-1]


def test_who_is_refused_is_written_down(application: FastAPI, images: list[Dataset], ways: list[bool]) -> None:
    """A refusal is written into the audit log, and that does not come from memory."""
    client, (address, accept) = program(application, "viewer"), QUESTIONS["frame"]
    warmed(client, address(images[1]), accept, ways)
    assert client.delete(address_of(images[1])).status_code == 403
    (refused,) = [each for each in entries_of(application) if each.action == "request.refused"]
    assert refused.actor == "viewer"


def entries_of(application: FastAPI) -> Any:
    with application.state.site.database.read() as session:
        return entries(session, limit=100)


def test_everything_that_waits_says_so(site: Site) -> None:
    with at_once():
        for wait in (site.database.read, site.database.write, site.database.write_rows):
            with pytest.raises(WouldWait), wait():
                pass
        with pytest.raises(WouldWait):
            site.objects.size("0" * 64)
