"""Signing in by HTTP: cookies, CSRF, throttling, links, passwords, tokens."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import update

from kahua.access import Role, create_link, sign_in_with_link
from kahua.access.tables import ApiTokenRow, BrowserSessionRow
from kahua.api import create_application, throttle
from kahua.database import now
from kahua.errors import NotSignedIn
from kahua.site import Site
from kahua.testing.site import add_person, anonymous, browser, program, temporary_site

PASSWORD = "correct horse battery"


@pytest.fixture
def with_password(application: FastAPI) -> str:
    browser(application, "viewer").put("/api/me/password", json={"new": PASSWORD}).raise_for_status()
    return "viewer"


def sign_in(application: FastAPI, name: str, password: str) -> Any:
    return anonymous(application).post("/api/sign-in", json={"name": name, "password": password})


def test_name_and_password_begin_a_session(application: FastAPI, with_password: str) -> None:
    client = anonymous(application)
    answer = client.post("/api/sign-in", json={"name": with_password, "password": PASSWORD})
    assert answer.status_code == 200
    me = client.get("/api/me").json()
    assert me["user"]["name"] == "viewer"
    assert me["user"]["must_set_password"] is False
    assert me["csrf_token"] == answer.json()["csrf_token"]
    assert [project["name"] for project in me["projects"]] == ["liver"]


def test_cookie_is_for_http_alone_and_lax(application: FastAPI, with_password: str) -> None:
    cookie = sign_in(application, with_password, PASSWORD).headers["set-cookie"]
    assert cookie.startswith("kahua_session=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie


def test_unknown_name_and_wrong_password_look_the_same(application: FastAPI, with_password: str) -> None:
    wrong, unknown = sign_in(application, with_password, "x" * 12), sign_in(application, "nobody-here", "x" * 12)
    assert wrong.status_code == unknown.status_code == 401
    assert {**wrong.json(), "instance": ""} == {**unknown.json(), "instance": ""}
    assert wrong.headers["content-type"] == "application/problem+json"


def test_guessing_is_slowed_down_by_name(
    application: FastAPI, with_password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "MAX_FAILURES_PER_NAME", 2)
    for _ in range(2):
        assert sign_in(application, with_password, "wrong password").status_code == 401
    refused = sign_in(application, with_password, PASSWORD)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= throttle.WINDOW_SECONDS


def test_guessing_is_slowed_down_by_address(application: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MAX_FAILURES_PER_ADDRESS", 3)
    answers = [
        anonymous(application).post("/api/sign-in/link", json={"token": f"guess-{number}"}) for number in range(4)
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]


def test_change_by_cookie_needs_the_csrf_token(application: FastAPI) -> None:
    client = browser(application, "viewer")
    right = client.headers.pop("X-CSRF-Token")
    assert client.post("/api/sign-out").status_code == 403
    assert client.post("/api/sign-out", headers={"X-CSRF-Token": right[::-1]}).status_code == 403
    assert client.post("/api/sign-out", headers={"X-CSRF-Token": right}).status_code == 204


def test_change_by_token_needs_no_csrf_token(application: FastAPI) -> None:
    client = program(application, "viewer")
    assert client.post("/api/sign-out").status_code == 204


def test_signing_out_ends_the_session(application: FastAPI) -> None:
    client = browser(application, "viewer")
    cookie = client.cookies["kahua_session"]
    assert client.post("/api/sign-out").headers["clear-site-data"] == '"cache", "storage"'
    again = anonymous(application)
    again.cookies.set("kahua_session", cookie)
    assert again.get("/api/me").status_code == 401


def test_session_ends_without_use(application: FastAPI, site: Site) -> None:
    client = browser(application, "viewer")
    with site.database.write() as session:
        session.execute(update(BrowserSessionRow).values(expires_at=now() - timedelta(seconds=1)))
    assert client.get("/api/me").status_code == 401


def test_session_that_is_used_stays_open(application: FastAPI, site: Site) -> None:
    client = browser(application, "viewer")
    with site.database.write() as session:
        session.execute(update(BrowserSessionRow).values(expires_at=now() + timedelta(hours=1)))
    client.get("/api/me").raise_for_status()
    with site.database.read() as session:
        (row,) = session.query(BrowserSessionRow).all()
    assert row.expires_at > now() + timedelta(hours=11)


def test_session_ends_after_a_week_though_it_is_used(application: FastAPI, site: Site) -> None:
    client = browser(application, "viewer")
    with site.database.write() as session:
        values = {"created_at": now() - timedelta(days=7, minutes=-1), "expires_at": now() + timedelta(seconds=30)}
        session.execute(update(BrowserSessionRow).values(values))
    client.get("/api/me").raise_for_status()
    with site.database.read() as session:
        (row,) = session.query(BrowserSessionRow).all()
    assert row.expires_at < now() + timedelta(minutes=2)


def test_token_ends_on_its_day(application: FastAPI, site: Site) -> None:
    client = program(application, "viewer")
    assert client.get("/api/me").status_code == 200
    with site.database.write() as session:
        session.execute(update(ApiTokenRow).values(expires_at=now() - timedelta(seconds=1)))
    assert client.get("/api/me").status_code == 401


def test_wrong_token_is_not_saved_by_a_cookie(application: FastAPI) -> None:
    client = browser(application, "viewer")
    assert client.get("/api/me", headers={"Authorization": "Bearer kahua_wrong"}).status_code == 401
    assert client.get("/api/me", headers={"Authorization": "Basic dmlld2VyOng="}).status_code == 401


def test_token_is_shown_once_and_can_be_ended(application: FastAPI) -> None:
    client = browser(application, "viewer")
    made = client.post("/api/me/tokens", json={"label": "laptop", "days": 3}).json()
    assert made["token"].startswith("kahua_")
    (listed,) = client.get("/api/me/tokens").json()["items"]
    assert "token" not in listed
    assert client.delete(f"/api/me/tokens/{made['id']}").status_code == 204
    bearer = {"Authorization": f"Bearer {made['token']}"}
    assert anonymous(application).get("/api/me", headers=bearer).status_code == 401


def test_nobody_ends_the_token_of_another(application: FastAPI) -> None:
    made = browser(application, "viewer").post("/api/me/tokens", json={"label": "laptop"}).json()
    assert browser(application, "ada").delete(f"/api/me/tokens/{made['id']}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/me/tokens", {"label": "more"}),
        ("PUT", "/api/me/password", {"new": PASSWORD}),
        ("POST", "/api/users", {"name": "eve"}),
    ],
)
def test_token_is_not_enough_to_grow_its_own_rights(application: FastAPI, method: str, path: str, body: Any) -> None:
    assert program(application, "ada").request(method, path, json=body).status_code == 403


def test_link_works_once_and_asks_for_a_password(application: FastAPI) -> None:
    link = browser(application, "ada").post("/api/users/viewer/link").json()["url"]
    secret = link.partition("#token=")[2]
    client = anonymous(application)
    assert client.post("/api/sign-in/link", json={"token": secret}).json()["user"]["must_set_password"] is True
    assert anonymous(application).post("/api/sign-in/link", json={"token": secret}).status_code == 401


def test_password_change_needs_the_current_one(application: FastAPI, with_password: str) -> None:
    client = browser(application, with_password)
    body = {"new": "another good password"}
    assert client.put("/api/me/password", json=body).json()["field"] == "current"
    assert client.put("/api/me/password", json={**body, "current": PASSWORD}).status_code == 204


def test_new_password_ends_the_other_sessions(application: FastAPI) -> None:
    client, other = browser(application, "viewer"), browser(application, "viewer")
    client.put("/api/me/password", json={"new": PASSWORD}).raise_for_status()
    assert client.get("/api/me").status_code == 200
    assert other.get("/api/me").status_code == 401


def test_person_who_is_made_inactive_is_out_at_once(application: FastAPI) -> None:
    cookie, token = browser(application, "viewer"), program(application, "viewer")
    browser(application, "ada").patch("/api/users/viewer", json={"is_active": False}).raise_for_status()
    assert cookie.get("/api/me").status_code == 401
    assert token.get("/api/me").status_code == 401


def test_role_that_is_taken_away_is_gone_at_once(application: FastAPI) -> None:
    client = browser(application, "viewer")
    assert client.get("/api/projects/liver").status_code == 200
    browser(application, "manager").delete("/api/projects/liver/members/viewer").raise_for_status()
    assert client.get("/api/projects/liver").status_code == 404


def test_cookie_is_secure_where_people_come_by_tls(tmp_path: Any) -> None:
    site = temporary_site(tmp_path, public_url="https://images.example.org")
    add_person(site.database, "ada", is_administrator=True, liver=Role.MANAGER)
    with site.database.write() as session:
        secret = create_link(session, actor="test", name="ada")
    answer = anonymous(create_application(site)).post("/api/sign-in/link", json={"token": secret})
    assert "Secure" in answer.headers["set-cookie"]


def test_used_link_is_refused_below_http_too(site: Site) -> None:
    with site.database.write() as session:
        secret = create_link(session, actor="test", name="viewer")
        sign_in_with_link(session, secret=secret, hours=1)
        with pytest.raises(NotSignedIn):
            sign_in_with_link(session, secret=secret, hours=1)
