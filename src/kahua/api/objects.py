"""Bytes out of the object store: pictures of series, and files as attachments."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import select

from kahua import datasets
from kahua.access import Permission, ProjectAccess, record
from kahua.api.security import Access, SiteOfRequest
from kahua.api.series_items import VERSION_LENGTH
from kahua.errors import NotFound
from kahua.site import Site
from kahua.store import FileRow

router = APIRouter(prefix="/api/projects/{project}", tags=["objects"])

#: A picture whose address names its version never changes; only this browser may keep it.
FOREVER = "private, max-age=31536000, immutable"

#: A picture whose address stays the same is asked for again each time.
ASK_AGAIN = "private, no-cache"


Reader = Annotated[ProjectAccess, Depends(Access(Permission.SERIES_READ))]
Version = Annotated[str, Query(max_length=VERSION_LENGTH, description="As in the address that a series names.")]
KnownTag = Annotated[str | None, Header(alias="If-None-Match")]
PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/webp": {}}},
    304: {"description": "It is still the same."},
}


@router.get("/series/{series}/preview", operation_id="get_preview", response_class=Response, responses=PICTURE)
def get_preview(
    may: Reader, series: str, site: SiteOfRequest, version: Version = "", known: KnownTag = None
) -> Response:
    """Give the preview picture of a series."""
    with site.database.read() as session:
        key = datasets.get_series(session, may.project_id, series).series.preview_key
    return _picture(site, key, version=version, known=known)


@router.get("/series/{series}/filmstrip", operation_id="get_filmstrip", response_class=Response, responses=PICTURE)
def get_filmstrip(
    may: Reader, series: str, site: SiteOfRequest, version: Version = "", known: KnownTag = None
) -> Response:
    """Give slices of a series, one beside the other in square tiles."""
    with site.database.read() as session:
        key = datasets.get_series(session, may.project_id, series).series.filmstrip_key
    return _picture(site, key, version=version, known=known)


@router.get(
    "/files/{file}/content",
    operation_id="get_file_content",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
def get_file_content(
    may: Annotated[ProjectAccess, Depends(Access(Permission.FILE_READ))], file: str, site: SiteOfRequest
) -> Response:
    """Give the bytes of a file, to be saved and never shown: nobody knows what is in it."""
    with site.database.write() as session:
        row = session.scalar(select(FileRow).where(FileRow.project_id == may.project_id, FileRow.id == file))
        if row is None:
            raise NotFound("There is no such file.")
        record(
            session,
            actor=may.principal.name,
            action="file.read",
            subject=row.name,
            project_id=may.project_id,
            file=file,
        )
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(row.name, safe='')}",
        "Content-Length": str(row.size),
    }
    return StreamingResponse(
        site.objects.stream(row.object_key), media_type="application/octet-stream", headers=headers
    )


def _picture(site: Site, key: str | None, *, version: str, known: str | None) -> Response:
    if key is None:
        raise NotFound("There is no picture of this series.")
    tag = f'"{key}"'
    headers = {"ETag": tag, "Cache-Control": FOREVER if version == key[:VERSION_LENGTH] else ASK_AGAIN}
    if known and tag in known:
        return Response(status_code=304, headers=headers)
    return Response(site.objects.read(key), media_type="image/webp", headers=headers)
