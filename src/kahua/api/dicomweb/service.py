"""What all parts of a project's DICOMweb service share (PS3.18 chapter 8)."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import orjson
from fastapi import Depends, Request, Response

from kahua.access import Permission, ProjectAccess
from kahua.api.security import Access
from kahua.api.streams import PiecesResponse
from kahua.store.dicomweb.accept import parse_accept
from kahua.store.dicomweb.multipart import PartHead, new_boundary, write_multipart

PREFIX = "/dicom-web/{project}"

DICOM = "application/dicom"
DICOM_JSON = "application/dicom+json"
DICOM_XML = "application/dicom+xml"
OCTETS = "application/octet-stream"

NOT_ACCEPTABLE = 406

#: Rights are asked for every time; what has not changed is not sent again.
PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Accept, Accept-Encoding"}

Reader = Annotated[ProjectAccess, Depends(Access(Permission.SERIES_READ))]
Writer = Annotated[ProjectAccess, Depends(Access(Permission.SERIES_WRITE))]


def base_url(request: Request, site: Any, access: ProjectAccess) -> str:
    """Address of the project's DICOMweb service as the client reaches it."""
    return f"{(site.settings.public_url or _origin(request)).rstrip('/')}/dicom-web/{access.name}"


def _origin(request: Request) -> str:
    """Give the address that the request itself names; the shield has checked that it is ours.

    Some clients leave the port out of Host. Where no proxy stands before the site, it is the one they connected to.
    """
    _, port = request.scope.get("server") or ("", None)
    if request.base_url.port is not None or port is None or int(port) in (80, 443):
        return str(request.base_url)
    return str(request.base_url.replace(port=int(port)))


def multipart(
    kind: str, default_type: str, contents: Iterator[tuple[list[str], Iterator[bytes]]], *, small: bool = False
) -> Response:
    """Answer with parts: each a list with its transfer syntax, or none, and its content; small ones at once."""
    boundary = new_boundary()
    parts = (
        (
            PartHead(
                boundary=boundary,
                media_type=f"{default_type}; transfer-syntax={syntax[0]}" if syntax else default_type,
            ),
            content,
        )
        for syntax, content in contents
    )
    media_type = f'multipart/related; type="{kind}"; boundary="{boundary}"'
    pieces = write_multipart(boundary, parts)
    if small:
        return Response(b"".join(pieces), media_type=media_type, headers=PRIVATE)
    return PiecesResponse(pieces, media_type=media_type, headers=PRIVATE)


def data_set_kind(request: Request) -> str | None:
    """Give the form in which a client wants data sets: as JSON or as XML; None if it wants another."""
    accepted = parse_accept(request.query_params.get("accept") or request.headers.get("accept", ""))
    for media in accepted:
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


def not_acceptable(offered: str) -> Response:
    """Say in which form there would be an answer."""
    return Response(f"This can be sent as {offered}.", status_code=NOT_ACCEPTABLE, media_type="text/plain")
