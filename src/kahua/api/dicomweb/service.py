"""What all parts of a project's DICOMweb service share (PS3.18 chapter 8)."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Depends, Request, Response

from kahua.access import Permission, ProjectAccess
from kahua.api import ranges
from kahua.api.security import Access
from kahua.api.streams import PiecesResponse
from kahua.store.dicomweb.accept import Media, parse_accept
from kahua.store.dicomweb.multipart import PartHead, new_boundary, part_ends, write_multipart
from kahua.store.objects import Ends

T = TypeVar("T")

PRIVATE = ranges.PRIVATE

#: Said of an answer that its limit, or that of the site, has cut (PS3.18 section 8.3.4.4.1).
MORE = "There are additional results that can be requested: ask for the next page with offset."

PREFIX = "/dicom-web/{project}"

DICOM_JSON = "application/dicom+json"
DICOM_XML = "application/dicom+xml"

NOT_ACCEPTABLE = 406

Reader = Annotated[ProjectAccess, Depends(Access(Permission.SERIES_READ))]
Writer = Annotated[ProjectAccess, Depends(Access(Permission.SERIES_WRITE))]


def base_url(request: Request, site: Any, access: ProjectAccess) -> str:
    """Address of the project's DICOMweb service as the client reaches it."""
    return f"{(site.settings.public_url or _origin(request)).rstrip('/')}/dicom-web/{access.name}"


def _origin(request: Request) -> str:
    """Give the address that the request itself names; the shield has checked that it is ours.

    Some clients leave the port out of Host. Where no proxy stands before the site, it is the one they connected to.
    """
    host, scheme = request.headers.get("host", ""), request.scope["scheme"]
    _, port = request.scope.get("server") or ("", None)
    names_port = host.rpartition(":")[2].isdecimal() and not host.endswith("]")
    if names_port or port is None or int(port) in (80, 443):
        return f"{scheme}://{host}"
    return f"{scheme}://{host}:{port}"


def accepted_of(request: Request) -> Sequence[Media]:
    """Read what the client accepts: the query parameter ``accept`` counts more than the header (PS3.18 8.3.3.1)."""
    named = ",".join(request.query_params.getlist("accept")) if b"accept=" in request.scope["query_string"] else ""
    return parse_accept(named or request.headers.get("accept", ""))


def multipart(
    kind: str, contents: Iterator[tuple[PartHead, Iterator[bytes]]], boundary: str, *, length: int | None = None
) -> Response:
    """Answer with parts, each a head and its content as it comes."""
    media_type = f'multipart/related; type="{kind}"; boundary="{boundary}"'
    return PiecesResponse(write_multipart(boundary, contents), media_type=media_type, headers=PRIVATE, length=length)


def small_multipart(kind: str, head: PartHead, read: Callable[[Ends], bytes]) -> Response:
    """Answer with one part, at once; it is read between its head and what ends it."""
    body = read(part_ends(head))
    return Response(body, media_type=f'multipart/related; type="{kind}"; boundary="{head.boundary}"', headers=PRIVATE)


def begun(contents: Iterator[T]) -> Iterator[T]:
    """Make the first of some contents at once: what goes wrong with it is told by a status, before the answer."""
    first = next(contents)
    return _and_then(first, contents)


def _and_then(first: T, others: Iterator[T]) -> Generator[T, None, None]:
    try:
        yield first
        yield from others
    finally:
        if isinstance(others, Generator):
            others.close()


def data_set_kind(request: Request) -> str | None:
    """Give the form in which a client wants data sets: as JSON or as XML; None if it wants another."""
    for media in accepted_of(request):
        if media.type == DICOM_XML:
            return DICOM_XML
        if media.type in (DICOM_JSON, "application/json", "application/*", "*/*"):
            return DICOM_JSON
    return None


def data_sets(array: bytes, kind: str, headers: Mapping[str, str] = PRIVATE) -> Response:
    """Answer with data sets, a serialised JSON array: as it is, or each as a part in XML (PS3.18 section 8.7.3)."""
    if kind == DICOM_JSON:
        return Response(array, media_type=DICOM_JSON, headers=dict(headers))
    from kahua.dicom.xml_model import native_xml  # late: it loads pydicom's dictionary, which few requests need

    boundary = new_boundary()
    head = PartHead(boundary=boundary, media_type=DICOM_XML)
    pieces = write_multipart(boundary, ((head, iter([native_xml(document)])) for document in orjson.loads(array)))
    media_type = f'multipart/related; type="{DICOM_XML}"; boundary="{boundary}"'
    return Response(b"".join(pieces), media_type=media_type, headers=dict(headers))


def data_set(document: bytes, kind: str) -> Response:
    """Answer with one data set, a serialised JSON object: as it is, or in XML."""
    if kind == DICOM_JSON:
        return Response(document, media_type=DICOM_JSON, headers=PRIVATE)
    from kahua.dicom.xml_model import native_xml  # late: it loads pydicom's dictionary, which few requests need

    return Response(native_xml(orjson.loads(document)), media_type=DICOM_XML, headers=PRIVATE)


def not_acceptable(offered: str) -> Response:
    """Say in which form there would be an answer."""
    return Response(f"This can be sent as {offered}.", status_code=NOT_ACCEPTABLE, media_type="text/plain")


def warning(sentence: str) -> str:
    """Write a sentence as a value of the header Warning, in the form of PS3.18 section 8.3.4."""
    return f"299 kahua: {sentence}"
