"""Store instances: STOW-RS (PS3.18 section 10.5)."""

from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool

from kahua.access import ProjectAccess
from kahua.api.dicomweb.service import DICOM_JSON, PREFIX, Writer, base_url
from kahua.api.security import SiteOfRequest, streams_body
from kahua.store.dicomweb.accept import DICOM
from kahua.store.dicomweb.multipart import boundary_of
from kahua.store.dicomweb.stow import StowRequest

router = APIRouter(prefix=PREFIX, tags=["dicomweb"], include_in_schema=False)

#: Bytes of a request that are handled at once: each time costs two changes of thread.
RECEIVE_BYTES = 1_000_000


@router.post("/studies", operation_id="store_instances", dependencies=[Depends(streams_body)])
async def store_instances(request: Request, access: Writer, site: SiteOfRequest) -> Response:
    """Store instances."""
    return await _store(request, access, site, None)


@router.post("/studies/{study}", operation_id="store_instances_of_study", dependencies=[Depends(streams_body)])
async def store_instances_of_study(request: Request, study: str, access: Writer, site: SiteOfRequest) -> Response:
    """Store instances of one study."""
    return await _store(request, access, site, study)


async def _store(request: Request, access: ProjectAccess, site: Any, study_uid: str | None) -> Response:
    content_type = request.headers.get("content-type", "")
    boundary = None if content_type.startswith(DICOM) else boundary_of(content_type)
    base = base_url(request, site, access)
    stow = StowRequest(
        archive=site.archive,
        project_id=access.project_id,
        sender=access.principal.name,
        study_uid=study_uid,
        boundary=boundary,
    )
    try:
        async for pieces in _collected(request.stream()):
            await run_in_threadpool(stow.feed, *pieces)
        stored = await run_in_threadpool(stow.finish)
    finally:
        await run_in_threadpool(stow.close)
    return Response(stored.serialised(base), status_code=stored.status, media_type=DICOM_JSON)


async def _collected(pieces: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    """Collect pieces of a request, which servers hand over in small ones."""
    waiting: list[bytes] = []
    size = 0
    async for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= RECEIVE_BYTES:
            yield waiting
            waiting, size = [], 0
    yield waiting
