"""All routes × roles × projects, against one table that says who may."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute, RouteContext, iter_route_contexts

from kahua.api.security import Guard
from kahua.testing.site import TestClient, WebSocketDenialResponse, anonymous, browser, program

#: Who may pass a guard. `+` before a name: the API token of that person, too.
READERS = {"viewer", "curator", "scientist", "manager", "ada", "+viewer", "+manager", "+ada"}
CURATORS = READERS - {"viewer", "+viewer"}
SCIENTISTS = CURATORS - {"curator"}
MANAGERS = SCIENTISTS - {"scientist"}
MANAGING_PERSONS = {"manager", "ada"}
PEOPLE = {"stranger", "viewer", "curator", "scientist", "manager", "ada"}
ANYBODY_SIGNED_IN = PEOPLE | {"+viewer", "+manager", "+ada"}
EVERYBODY = ANYBODY_SIGNED_IN | {"nobody"}
ADMINISTRATORS = {"ada", "+ada"}
ADMINISTRATING_PERSONS = {"ada"}

#: Every route of the site, and who may use it (in the project ``liver``, if it names a project).
TABLE = {
    "GET /healthz": EVERYBODY,
    "GET /readyz": EVERYBODY,
    "GET /metrics": ADMINISTRATORS,
    "POST /api/sign-in": EVERYBODY,
    "POST /api/sign-in/link": EVERYBODY,
    "POST /api/sign-out": ANYBODY_SIGNED_IN,
    "GET /api/me": ANYBODY_SIGNED_IN,
    "PUT /api/me/password": PEOPLE,
    "GET /api/me/tokens": ANYBODY_SIGNED_IN,
    "POST /api/me/tokens": PEOPLE,
    "DELETE /api/me/tokens/{token}": PEOPLE,
    "GET /api/users": ADMINISTRATING_PERSONS,
    "POST /api/users": ADMINISTRATING_PERSONS,
    "PATCH /api/users/{name}": ADMINISTRATING_PERSONS,
    "POST /api/users/{name}/link": ADMINISTRATING_PERSONS,
    "GET /api/projects": ANYBODY_SIGNED_IN,
    "POST /api/projects": ADMINISTRATORS,
    "GET /api/projects/{project}": READERS,
    "GET /api/projects/{project}/members": READERS,
    "PUT /api/projects/{project}/members/{user}": MANAGING_PERSONS,
    "DELETE /api/projects/{project}/members/{user}": MANAGING_PERSONS,
    "GET /api/projects/{project}/series": READERS,
    "GET /api/projects/{project}/series/facets": READERS,
    "GET /api/projects/{project}/series/{series}": READERS,
    "GET /api/projects/{project}/series/{series}/attributes": READERS,
    "GET /api/projects/{project}/series/{series}/validation": READERS,
    "GET /api/projects/{project}/series/{series}/preview": READERS,
    "GET /api/projects/{project}/series/{series}/filmstrip": READERS,
    "DELETE /api/projects/{project}/series/{series}": MANAGERS,
    "GET /api/projects/{project}/trash": MANAGERS,
    "POST /api/projects/{project}/trash/{item}/restore": MANAGERS,
    "DELETE /api/projects/{project}/trash/{item}": MANAGING_PERSONS,
    "POST /api/projects/{project}/erasure-plans": MANAGING_PERSONS,
    "POST /api/projects/{project}/erasures": MANAGING_PERSONS,
    "GET /api/projects/{project}/files/{file}/content": READERS,
    "POST /api/projects/{project}/uploads": CURATORS,
    "GET /api/projects/{project}/exports": CURATORS,
    "POST /api/projects/{project}/reidentifications": MANAGING_PERSONS,
    "GET /api/projects/{project}/confidentiality": READERS,
    "PUT /api/projects/{project}/confidentiality": MANAGING_PERSONS,
    "PUT /api/projects/{project}/confidentiality/seal": MANAGING_PERSONS,
    "DELETE /api/projects/{project}/confidentiality/seal": MANAGING_PERSONS,
    "GET /api/projects/{project}/confidentiality/reports": CURATORS,
    "GET /api/projects/{project}/confidentiality/reports/{report}/table": CURATORS,
    "GET /api/pixel-templates": ADMINISTRATING_PERSONS,
    "POST /api/pixel-templates": ADMINISTRATING_PERSONS,
    "DELETE /api/pixel-templates/{name}": ADMINISTRATING_PERSONS,
    "GET /api/projects/{project}/quarantine": CURATORS,
    "GET /api/projects/{project}/quarantine/{item}/object": MANAGING_PERSONS,
    "POST /api/projects/{project}/quarantine/{item}/release": MANAGING_PERSONS,
    "DELETE /api/projects/{project}/quarantine/{item}": MANAGING_PERSONS,
    "GET /api/projects/{project}/peers": CURATORS,
    "POST /api/projects/{project}/peers": ADMINISTRATING_PERSONS,
    "GET /api/projects/{project}/peers/{peer}": CURATORS,
    "PATCH /api/projects/{project}/peers/{peer}": ADMINISTRATING_PERSONS,
    "DELETE /api/projects/{project}/peers/{peer}": ADMINISTRATING_PERSONS,
    "GET /api/projects/{project}/pulls": CURATORS,
    "POST /api/projects/{project}/pulls": CURATORS,
    "GET /api/projects/{project}/pulls/{pull}": CURATORS,
    "GET /api/projects/{project}/pulls/{pull}/items": CURATORS,
    "GET /api/projects/{project}/pulls/{pull}/items.csv": CURATORS,
    "POST /api/projects/{project}/pulls/{pull}/cancel": CURATORS,
    "POST /api/projects/{project}/pulls/{pull}/retry": CURATORS,
    "GET /api/projects/{project}/deliveries": CURATORS,
    "POST /api/projects/{project}/deliveries": CURATORS,
    "GET /api/projects/{project}/deliveries/{delivery}": CURATORS,
    "GET /api/projects/{project}/deliveries/{delivery}/items": CURATORS,
    "GET /api/projects/{project}/deliveries/{delivery}/items.csv": CURATORS,
    "POST /api/projects/{project}/deliveries/{delivery}/cancel": CURATORS,
    "POST /api/projects/{project}/deliveries/{delivery}/retry": CURATORS,
    "POST /api/projects/{project}/peers/{peer}/echo": CURATORS,
    "GET /api/projects/{project}/peers/{peer}/studies": CURATORS,
    "GET /api/projects/{project}/peers/{peer}/studies/{study}/series": CURATORS,
    "GET /api/projects/{project}/datasets": READERS,
    "POST /api/projects/{project}/datasets": CURATORS,
    "GET /api/projects/{project}/datasets/{dataset}": READERS,
    "PATCH /api/projects/{project}/datasets/{dataset}": CURATORS,
    "DELETE /api/projects/{project}/datasets/{dataset}": CURATORS,
    "POST /api/projects/{project}/datasets/{dataset}/series": CURATORS,
    "OPTIONS /dicom-web/{project}": READERS,
    "OPTIONS /dicom-web/{project}/": READERS,
    "GET /dicom-web/{project}/studies/{study}/bulkdata": READERS,
    "GET /dicom-web/{project}/studies/{study}/series/{series}/bulkdata": READERS,
    "GET /dicom-web/{project}/studies/{study}/series/{series}/instances/{instance}/bulkdata": READERS,
    "GET /dicom-web/{project}/studies/{study}/pixeldata": READERS,
    "GET /dicom-web/{project}/studies/{study}/series/{series}/pixeldata": READERS,
    "GET /dicom-web/{project}/studies/{study}/series/{series}/instances/{instance}/pixeldata": READERS,
    "GET /dicom-web/{project}/studies/{study}/rendered": READERS,
    "GET /dicom-web/{project}/studies/{study}/series/{series}/rendered": READERS,
    "GET /dicom-web/{project}/studies/{study}/thumbnail": READERS,
    "GET /dicom-web/{project}/studies/{study}/series/{series}/instances/{instance}/frames/{frame}/thumbnail": READERS,
    "GET /dicom-web/{project}/wado": READERS,
    "GET /dicom-web/{project}/studies": READERS,
    "GET /dicom-web/{project}/series": READERS,
    "GET /dicom-web/{project}/instances": READERS,
    "GET /dicom-web/{project}/studies/{study}/series": READERS,
    "GET /dicom-web/{project}/studies/{study}/instances": READERS,
    "GET /dicom-web/{project}/studies/{study}/series/{series}/instances": READERS,
    "GET /dicom-web/{project}/studies/{study}": READERS,
    "GET /dicom-web/{project}/studies/{study}/series/{series}": READERS,
    "GET /dicom-web/{project}/studies/{study}/series/{series}/instances/{instance}": READERS,
    "GET /dicom-web/{project}/studies/{study}/metadata": READERS,
    "GET /dicom-web/{project}/studies/{study}/series/{series}/metadata": READERS,
    "GET /dicom-web/{project}/studies/{study}/series/{series}/instances/{instance}/metadata": READERS,
    "GET /dicom-web/{project}/studies/{study}/series/{series}/instances/{instance}/frames/{frames}": READERS,
    "GET /dicom-web/{project}/studies/{study}/series/{series}/instances/{instance}/bulkdata/{path:path}": READERS,
    "GET /dicom-web/{project}/studies/{study}/series/{series}/instances/{instance}/rendered": READERS,
    "GET /dicom-web/{project}/studies/{study}/series/{series}/instances/{instance}/frames/{frames}/rendered": READERS,
    "GET /dicom-web/{project}/studies/{study}/series/{series}/instances/{instance}/thumbnail": READERS,
    "GET /dicom-web/{project}/studies/{study}/series/{series}/thumbnail": READERS,
    "POST /dicom-web/{project}/studies": CURATORS,
    "POST /dicom-web/{project}/studies/{study}": CURATORS,
    "DELETE /dicom-web/{project}/studies/{study}": MANAGERS,
    "DELETE /dicom-web/{project}/studies/{study}/series/{series}": MANAGERS,
    "DELETE /dicom-web/{project}/studies/{study}/series/{series}/instances/{instance}": MANAGERS,
    "GET /dicom-web/{project}/workitems": READERS,
    "POST /dicom-web/{project}/workitems": SCIENTISTS,
    "GET /dicom-web/{project}/workitems/{workitem}": READERS,
    "POST /dicom-web/{project}/workitems/{workitem}": SCIENTISTS,
    "PUT /dicom-web/{project}/workitems/{workitem}/state": SCIENTISTS,
    "POST /dicom-web/{project}/workitems/{workitem}/cancelrequest": SCIENTISTS,
    "POST /dicom-web/{project}/workitems/{workitem}/subscribers/{subscriber}": READERS,
    "DELETE /dicom-web/{project}/workitems/{workitem}/subscribers/{subscriber}": READERS,
    "POST /dicom-web/{project}/workitems/{workitem}/subscribers/{subscriber}/suspend": READERS,
    "WEBSOCKET /dicom-web/{project}/subscribers/{subscriber}": READERS,
    "GET /api/extensions": ANYBODY_SIGNED_IN,
    "POST /api/extensions": ADMINISTRATORS,
    "DELETE /api/extensions/{name}/{version}": ADMINISTRATORS,
    "GET /api/projects/{project}/workflows": READERS,
    "GET /api/projects/{project}/workflows/{extension}/{workflow}": READERS,
    "POST /api/projects/{project}/workflows/{extension}/{workflow}/check": READERS,
    "GET /api/projects/{project}/runs": READERS,
    "POST /api/projects/{project}/runs": SCIENTISTS,
    "GET /api/projects/{project}/runs/{run}": READERS,
    "POST /api/projects/{project}/runs/{run}/cancel": SCIENTISTS,
    "POST /api/projects/{project}/runs/{run}/resume": SCIENTISTS,
    "POST /api/projects/{project}/runs/{run}/repeat": SCIENTISTS,
    "GET /api/projects/{project}/runs/{run}/tasks/{task}/attempts/{number}/log": READERS,
    "GET /api/projects/{project}/runs/{run}/record": READERS,
    "GET /api/projects/{project}/workitems": READERS,
    "POST /api/projects/{project}/workitems": SCIENTISTS,
    "GET /api/projects/{project}/workitems/{workitem}": READERS,
    "POST /api/projects/{project}/workitems/{workitem}/cancel": SCIENTISTS,
    "GET /api/audit": ADMINISTRATORS,
    "GET /api/audit/check": ADMINISTRATORS,
    "GET /ohif/app-config.js": ANYBODY_SIGNED_IN,
    "GET /ohif/{path:path}": EVERYBODY,
    "GET /{path:path}": EVERYBODY,
}

ACTORS = sorted(EVERYBODY)

#: Routes of the framework itself, which say nothing of any data.
FRAMEWORK = {"GET /api/openapi.json", "HEAD /api/openapi.json"}


def routes(application: FastAPI) -> Iterator[tuple[str, RouteContext]]:
    """Every method and path, with what is known of it."""
    for context in iter_route_contexts(application.routes):
        for method in sorted(context.methods or {"WEBSOCKET"}):
            if f"{method} {context.path}" not in FRAMEWORK:
                yield f"{method} {context.path}", context


def client_of(application: FastAPI, actor: str) -> TestClient:
    """Make a client of somebody."""
    if actor == "nobody":
        return anonymous(application)
    return program(application, actor[1:]) if actor.startswith("+") else browser(application, actor)


def passing(application: FastAPI, actor: str, project: str) -> Iterator[str]:
    """Routes through whose guards somebody comes, signed in anew where that ended the session."""
    client = client_of(application, actor)
    for route, _ in routes(application):
        if passes(client, route, project):
            yield route
        if "sign-out" in route:
            client = client_of(application, actor)


def passes(client: TestClient, route: str, project: str) -> bool:
    """Whether the guard of a route lets somebody through, whatever the handler says afterwards."""
    method, path = route.split(" ", 1)
    address = path.replace("{project}", project)
    while "{" in address:
        address = address[: address.index("{")] + "1" + address[address.index("}") + 1 :]
    answer = asked(client, method, address)
    if answer.headers.get("content-type") != "application/problem+json":
        return True
    problem = answer.json()
    assert problem["status"] != 500, problem
    refused = problem["code"] == "not-allowed" or problem["detail"] == "There is no project of that name here."
    # signing in with nothing is refused as such, not by a guard
    return not refused and problem["code"] != "not-signed-in"


def asked(client: TestClient, method: str, address: str) -> Any:
    """Give the answer to a request, or to the wish to open a WebSocket."""
    if method != "WEBSOCKET":
        return client.request(method, address, json={} if method in {"POST", "PUT", "PATCH"} else None)
    try:
        with client.websocket_connect(f"ws://localhost{address}"):
            raise AssertionError("nobody has subscribed")
    except WebSocketDenialResponse as refused:
        return refused


def test_table_has_every_route_and_no_other(application: FastAPI) -> None:
    assert sorted(route for route, _ in routes(application)) == sorted(TABLE)


def test_every_route_carries_exactly_one_guard(application: FastAPI) -> None:
    for route, context in routes(application):
        assert isinstance(context.original_route, APIRoute | APIWebSocketRoute), route
        guards = [
            dependency.call for dependency in context.dependant.dependencies if isinstance(dependency.call, Guard)
        ]
        assert len(guards) == 1, f"{route} carries {guards}"


def test_every_operation_has_a_name_of_its_own(application: FastAPI) -> None:
    names = [context.operation_id for route, context in routes(application) if "{path" not in route and context.methods]
    assert None not in names
    assert len(names) == len(set(names))


@pytest.mark.parametrize("actor", ACTORS)
def test_guards_let_through_whom_the_table_names(application: FastAPI, actor: str) -> None:
    assert set(passing(application, actor, "liver")) == {route for route, allowed in TABLE.items() if actor in allowed}


@pytest.mark.parametrize("actor", ["viewer", "curator", "scientist", "manager", "+manager"])
def test_no_route_leads_into_another_project(application: FastAPI, actor: str) -> None:
    assert [route for route in passing(application, actor, "brain") if "{project}" in route] == []


def test_foreign_project_looks_like_none(application: FastAPI) -> None:
    client = browser(application, "viewer")
    for route, _ in routes(application):
        method, path = route.split(" ", 1)
        if "{project}" in path and "{" not in path.replace("{project}", ""):
            foreign, none = (asked(client, method, path.replace("{project}", name)) for name in ("brain", "nosuch"))
            assert foreign.status_code == none.status_code == 404
            assert {**foreign.json(), "instance": ""} == {**none.json(), "instance": ""}
