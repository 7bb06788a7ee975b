"""What all parts of a project's DICOMweb service share (PS3.18 chapter 8)."""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from kahua.access import Permission, ProjectAccess
from kahua.api.security import Access
from kahua.api.streams import PiecesResponse
from kahua.store.dicomweb.multipart import PartHead, new_boundary, write_multipart

PREFIX = "/dicom-web/{project}"

DICOM = "application/dicom"
DICOM_JSON = "application/dicom+json"
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


def not_acceptable(offered: str) -> Response:
    """Say in which form there would be an answer."""
    return Response(f"This can be sent as {offered}.", status_code=NOT_ACCEPTABLE, media_type="text/plain")
