"""What surrounds every request."""

from dataclasses import replace

import pytest
from fastapi import Depends, FastAPI

from kahua.api import create_application
from kahua.api.middleware import host_name, is_own_name, own_names
from kahua.api.problems import STATUS
from kahua.api.security import Public
from kahua.errors import KahuaError, OutOfSpace
from kahua.settings import Settings
from kahua.site import Site
from kahua.testing.site import anonymous, browser


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080", "10.1.2.3", "LOCALHOST"])
def test_own_names_and_addresses_are_served(application: FastAPI, host: str) -> None:
    assert anonymous(application).get("/healthz", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "evil@localhost", "localhost/x", "", "[::1", "[x]"]
)
def test_foreign_names_are_refused(application: FastAPI, host: str) -> None:
    assert anonymous(application).get("/healthz", headers={"host": host}).status_code == 400


def test_a_request_of_two_hosts_is_refused(application: FastAPI) -> None:
    two = [("host", "localhost"), ("host", "localhost")]
    assert anonymous(application).get("/healthz", headers=two).status_code == 400


def test_public_address_is_an_own_name() -> None:
    names = own_names(Settings(public_url="https://Images.example.org:8443/kahua"))
    assert is_own_name(host_name("images.example.org:8443"), names)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "http://[::1"])
def test_change_from_a_foreign_page_is_refused(application: FastAPI, origin: str) -> None:
    client = browser(application, "viewer")
    assert client.post("/api/sign-out", headers={"origin": origin}).status_code == 403
    assert client.post("/api/sign-out", headers={"origin": "http://localhost:8080"}).status_code == 204


def test_every_answer_has_the_security_headers(application: FastAPI) -> None:
    for path in ("/healthz", "/api/me", "/no/such/thing"):
        headers = anonymous(application).get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-embedder-policy"] == "require-corp"
        assert "default-src 'none'" in headers["content-security-policy"]


def test_scripts_come_from_the_site_alone(application: FastAPI) -> None:
    policy = anonymous(application).get("/some/page").headers["content-security-policy"]
    directives = dict(directive.strip().partition(" ")[::2] for directive in policy.split(";"))
    assert directives["script-src"] == "'self'"
    assert directives["frame-ancestors"] == "'none'"


def test_data_is_not_kept_by_caches(application: FastAPI) -> None:
    assert browser(application, "viewer").get("/api/me").headers["cache-control"] == "no-store"


def with_small_bodies(site: Site) -> Site:
    return replace(site, settings=site.settings.model_copy(update={"max_json_bytes": 1000}))


def test_body_over_the_limit_is_refused(site: Site) -> None:
    client = anonymous(create_application(with_small_bodies(site)))
    answer = client.post("/api/sign-in", json={"name": "x" * 2000, "password": ""})
    assert (answer.status_code, answer.json()["code"]) == (413, "too-much")


def test_body_without_length_is_counted(site: Site) -> None:
    client = anonymous(create_application(with_small_bodies(site)))
    chunks = (b'"' + b"x" * 100 for _ in range(100))
    answer = client.post("/api/sign-in", content=chunks, headers={"content-type": "application/json"})
    assert answer.status_code == 413


@pytest.fixture
def failing(application: FastAPI) -> FastAPI:
    @application.get("/api/fails", dependencies=[Depends(Public())])
    def fails() -> None:
        raise ValueError("secret of the inside")

    @application.get("/api/full", dependencies=[Depends(Public())])
    def full() -> None:
        raise OutOfSpace(remedy="Free some space.", free=12)

    routes = application.router.routes  # before the pages, which answer every other address
    routes[:0] = [routes.pop(), routes.pop()]
    return application


def test_unexpected_error_tells_nothing_but_its_request(failing: FastAPI) -> None:
    answer = anonymous(failing).get("/api/fails")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["instance"] == f"urn:kahua:request:{answer.headers['x-request-id']}"


def test_error_becomes_problem_details(failing: FastAPI) -> None:
    answer = anonymous(failing).get("/api/full")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:kahua:error:out-of-space",
        "title": "The disk is full; nothing was accepted.",
        "status": 507,
        "detail": "The disk is full; nothing was accepted.",
        "code": "out-of-space",
        "remedy": "Free some space.",
        "free": 12,
        "instance": f"urn:kahua:request:{answer.headers['x-request-id']}",
    }


def test_wrong_value_is_named_and_not_repeated(application: FastAPI) -> None:
    problem = anonymous(application).post("/api/sign-in", json={"name": "ada", "password": 5, "x<b>": 1}).json()
    assert problem["code"] == "invalid-input"
    assert {finding["field"] for finding in problem["findings"]} == {"password", "x<b>"}


def test_unknown_address_and_method_are_problems(application: FastAPI) -> None:
    assert anonymous(application).get("/api/none").json()["code"] == "not-found"
    answer = anonymous(application).delete("/api/sign-in")
    assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed")


def every_error(error: type[KahuaError] = KahuaError) -> set[type[KahuaError]]:
    return {error}.union(*(every_error(child) for child in error.__subclasses__()))


def test_every_error_has_a_status() -> None:
    assert {error.code for error in every_error() if error.__module__ == "kahua.errors"} == set(STATUS)


def test_metrics_have_fixed_labels(application: FastAPI) -> None:
    client = browser(application, "ada")
    client.get("/api/projects/liver")
    client.request("BREW", "/api/<script>")
    text = client.get("/metrics").text
    assert 'kahua_http_requests_total{method="GET",operation="get_project",status="200"} 1.0' in text
    assert 'method="other",operation="' in text
    assert "script" not in text
    assert 'kahua_runs{state="running"} 0.0' in text


def test_ready_when_the_database_answers(application: FastAPI) -> None:
    assert anonymous(application).get("/readyz").json() == {"status": "ok"}
