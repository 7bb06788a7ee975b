"""The service tells what it can do, and leaves nothing out."""

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from kahua.api import dicomweb
from kahua.api.dicomweb.capabilities import JSON, NAMESPACE, WADL
from kahua.api.dicomweb.service import PREFIX
from kahua.testing.site import TestClient, program

BASE = "/dicom-web/liver"


@pytest.fixture
def client(application: FastAPI) -> TestClient:
    return program(application, "viewer")


def told(element: ElementTree.Element, path: str = "") -> Iterator[tuple[str, str]]:
    """Give every method that a WADL document tells, with its address."""
    for below in element.findall(f"{{{NAMESPACE}}}resource"):
        address = f"{path}/{below.get('path')}"
        yield from ((method.get("name", ""), address) for method in below.findall(f"{{{NAMESPACE}}}method"))
        yield from told(below, address)


def listed(resources: list[Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Give the same of a JSON document."""
    for each in resources:
        address = f"{path}/{each['path']}"
        yield from ((method["name"], address) for method in each["method"])
        yield from listed(each["resource"], address)


def there_are() -> list[tuple[str, str]]:
    """Give every method of the service but those that tell of them."""
    routes = [route for router in dicomweb.routers for route in router.routes if isinstance(route, APIRoute)]
    found = {(method, route.path.removeprefix(PREFIX)) for route in routes for method in route.methods or ()}
    return sorted(found - {("OPTIONS", ""), ("OPTIONS", "/")})


@pytest.mark.parametrize("accept", [WADL, "*/*", f"{JSON};q=0.5, {WADL}"])
def test_every_method_is_told_with_its_address(client: TestClient, accept: str) -> None:
    answer = client.options(BASE, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, WADL)
    resources = ElementTree.fromstring(answer.content).find(f"{{{NAMESPACE}}}resources")  # noqa: S314 - our own
    assert resources is not None
    assert (resources.get("base") or "").endswith(BASE)
    assert sorted(told(resources)) == there_are()


def test_the_same_is_told_in_json(client: TestClient) -> None:
    answer = client.options(BASE, headers={"Accept": JSON})
    assert answer.headers["content-type"] == JSON
    assert sorted(listed(answer.json()["application"]["resources"]["resource"])) == there_are()


def test_the_root_of_the_service_may_end_with_a_slash(client: TestClient) -> None:
    assert client.options(f"{BASE}/").content == client.options(BASE).content


def test_no_other_form_is_offered(client: TestClient) -> None:
    assert client.options(BASE, headers={"Accept": "text/html"}).status_code == 406


def test_a_method_says_what_it_does_and_gives(client: TestClient) -> None:
    resources = client.options(BASE, headers={"Accept": JSON}).json()["application"]["resources"]["resource"]
    studies = next(each for each in resources if each["path"] == "studies")
    search = next(each for each in studies["method"] if each["name"] == "GET")
    assert (search["id"], search["doc"]) == ("SearchStudies", "Search for studies.")
    assert {"mediaType": "application/dicom+json"} in search["response"]["representation"]


def test_a_search_says_by_what_it_can_be_asked(client: TestClient) -> None:
    resources = client.options(BASE, headers={"Accept": JSON}).json()["application"]["resources"]["resource"]
    asked = {}
    for each in resources:
        if each["path"] in ("studies", "instances", "workitems"):
            search = next(method for method in each["method"] if method["name"] == "GET")
            asked[each["path"]] = {parameter["name"] for parameter in search["request"]["param"]}
    assert {"PatientName", "limit", "offset", "includefield"} <= asked["studies"]
    assert {"fuzzymatching", "emptyvaluematching", "multiplevaluematching"} <= asked["workitems"]
    assert "SOPInstanceUID" in asked["instances"] - asked["studies"]
    for path in ("studies", "instances"):
        for name in asked[path] - {"limit", "offset", "includefield"}:
            value = "true" if name.endswith("matching") else ""
            assert client.get(f"{BASE}/{path}", params={name: value}).status_code == 200
    written = client.options(BASE, headers={"Accept": WADL}).content
    assert ElementTree.fromstring(written).find(f".//{{{NAMESPACE}}}param[@name='PatientName']") is not None  # noqa: S314
