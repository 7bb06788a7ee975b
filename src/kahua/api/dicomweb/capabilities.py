"""What the service can do, told by its own routes: Retrieve Capabilities (PS3.18 section 8.9 and annex H)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from kahua.api.dicomweb.documents import PDF
from kahua.api.dicomweb.films import MP4
from kahua.api.dicomweb.instances import ZIP
from kahua.api.dicomweb.reports import WORDS
from kahua.api.dicomweb.service import (
    DICOM_JSON,
    DICOM_XML,
    PREFIX,
    PRIVATE,
    Reader,
    accepted_of,
    base_url,
    not_acceptable,
)
from kahua.api.security import SiteOfRequest
from kahua.store.dicomweb.accept import DICOM, FRAME_TYPE, OCTETS, choose
from kahua.store.dicomweb.attributes import ATTRIBUTES, Level
from kahua.store.dicomweb.query import PARAMETERS
from kahua.store.dicomweb.rendering import ANIMATION, PICTURES

WADL = "application/vnd.sun.wadl+xml"
JSON = "application/json"

#: Namespace of the Web Application Description Language, of 2009.
NAMESPACE = "http://wadl.dev.java.net/2009/02"

#: Namespace of the kinds of values that parameters have.
SCHEMA = "http://www.w3.org/2001/XMLSchema"

_DATA_SETS = (DICOM_JSON, f'multipart/related; type="{DICOM_XML}"')
_OBJECTS = (f'multipart/related; type="{DICOM}"', ZIP)
_VALUES = (f'multipart/related; type="{OCTETS}"',)

#: Media types of answers, by the last segment of the address; what is not named here gives data sets.
_ANSWERS: dict[str, tuple[str, ...]] = {
    "{study}": _OBJECTS,
    "{series}": _OBJECTS,
    "{instance}": (*_OBJECTS, DICOM),
    "{frames}": (*_VALUES, *sorted(set(FRAME_TYPE.values()))),
    "bulkdata": _VALUES,
    "{path:path}": (*_VALUES, OCTETS),
    "pixeldata": _VALUES,
    "rendered": (*PICTURES, ANIMATION, MP4, *WORDS, PDF),
    "thumbnail": PICTURES,
    "wado": (*PICTURES, *WORDS, DICOM),
}

router = APIRouter(prefix=PREFIX, tags=["dicomweb"], include_in_schema=False)


@dataclass
class Resource:
    """A segment of addresses, what can be done there, and what is below it."""

    path: str
    methods: list[APIRoute] = field(default_factory=list)
    below: dict[str, "Resource"] = field(default_factory=dict)

    @classmethod
    def root(cls, routes: Iterable[APIRoute]) -> "Resource":
        """Make the tree of all routes of the service."""
        root = cls("")
        for route in routes:
            place = root
            for segment in filter(None, route.path.removeprefix(PREFIX).split("/")):
                place = place.below.setdefault(segment, cls(segment))
            place.methods.append(route)
        return root


@router.options("", operation_id="retrieve_capabilities")
@router.options("/", operation_id="retrieve_capabilities_of_root")
def retrieve_capabilities(request: Request, access: Reader, site: SiteOfRequest) -> Response:
    """Retrieve what the service can do."""
    media = choose(accepted_of(request), WADL) or choose(accepted_of(request), JSON)
    if media is None:
        return not_acceptable(f"{WADL} or {JSON}")
    base, root = base_url(request, site, access), Resource.root(_routes())
    if media.covers(WADL):
        return Response(as_wadl(root, base), media_type=WADL, headers=PRIVATE)
    return Response(orjson.dumps(as_json(root, base)), media_type=JSON, headers=PRIVATE)


def as_wadl(root: Resource, base: str) -> bytes:
    """Write the tree as WADL."""
    application = Element("application", {"xmlns": NAMESPACE, "xmlns:xsd": SCHEMA})
    _write_below(SubElement(application, "resources", base=base), root)
    document: bytes = tostring(application, encoding="utf-8", xml_declaration=True)
    return document


def as_json(root: Resource, base: str) -> dict[str, Any]:
    """Write the tree as JSON, by the names that WADL has for things."""
    return {"application": {"resources": {"base": base, "resource": [_as_json(each) for each in root.below.values()]}}}


def _routes() -> Iterator[APIRoute]:
    from kahua.api.dicomweb import routers  # late: this module is one of them

    for each in routers:
        if each is not router:
            yield from (route for route in each.routes if isinstance(route, APIRoute))


def _write_below(parent: Element, resource: Resource) -> None:
    for each in resource.below.values():
        element = SubElement(parent, "resource", path=each.path)
        for route in each.methods:
            for name in sorted(route.methods or ()):
                _write_method(element, route, name)
        _write_below(element, each)


def _write_method(parent: Element, route: APIRoute, name: str) -> None:
    method = SubElement(parent, "method", name=name, id=_identity(route))
    SubElement(method, "doc").text = route.description
    if parameters := _parameters(route, name):
        request = SubElement(method, "request")
        for each, kind in parameters.items():
            SubElement(request, "param", name=each, style="query", type=f"xsd:{kind}")
    response = SubElement(method, "response")
    for media_type in _media_types(route, name):
        SubElement(response, "representation", mediaType=media_type)


def _as_json(resource: Resource) -> dict[str, Any]:
    methods = [
        {
            "name": name,
            "id": _identity(route),
            "doc": route.description,
            "request": {
                "param": [
                    {"name": each, "style": "query", "type": f"xsd:{kind}"}
                    for each, kind in _parameters(route, name).items()
                ]
            },
            "response": {"representation": [{"mediaType": each} for each in _media_types(route, name)]},
        }
        for route in resource.methods
        for name in sorted(route.methods or ())
    ]
    return {
        "path": resource.path,
        "method": methods,
        "resource": [_as_json(each) for each in resource.below.values()],
    }


def _identity(route: APIRoute) -> str:
    return (route.operation_id or route.name).title().replace("_", "")


def _parameters(route: APIRoute, method: str) -> dict[str, str]:
    """Give the query parameters of a search, and the kinds of their values; attributes may be named by tag, too."""
    last = route.path.rsplit("/", 1)[-1]
    if method != "GET" or not (route.operation_id or "").startswith("search"):
        return {}
    levels = list(Level)
    matched = [each for each in ATTRIBUTES if last in levels and levels.index(each.level) <= levels.index(Level(last))]
    return PARAMETERS | {each.keyword: "string" for each in matched}


def _media_types(route: APIRoute, method: str) -> tuple[str, ...]:
    last = route.path.rsplit("/", 1)[-1]
    if method == "GET":
        return _ANSWERS.get(last, _DATA_SETS)
    return _DATA_SETS if method == "POST" and "store" in (route.operation_id or "") else ()
