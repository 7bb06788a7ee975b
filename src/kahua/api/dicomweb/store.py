"""Store instances: STOW-RS (PS3.18 section 10.5)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool

from kahua.access import ProjectAccess
from kahua.api.dicomweb.service import DICOM_JSON, PREFIX, Writer, base_url
from kahua.api.security import SiteOfRequest, streams_body
from kahua.api.turns import Bounds, Turns
from kahua.store.dicomweb.accept import DICOM
from kahua.store.dicomweb.multipart import boundary_of
from kahua.store.dicomweb.stow import Stored, StowRequest

router = APIRouter(prefix=PREFIX, tags=["dicomweb"], include_in_schema=False)

#: Bytes of a request that are handled at once: each time costs two changes of thread.
RECEIVE_BYTES = 1_000_000

#: A request that is received holds at most some 6 MB, whatever its size; one that waits, next to nothing.
BOUNDS = Bounds(at_once=32, at_once_of_one=16, standing_of_one=128, patience=20.0)

#: Threads that handle what is received, so that a slow disk leaves those for other requests.
THREADS = 8


Result = TypeVar("Result")


class Receiving:
    """What all requests that store share."""

    def __init__(self) -> None:
        self.turns = Turns(BOUNDS)
        self._threads = asyncio.Semaphore(THREADS)

    async def handle(self, call: Callable[..., Result], *arguments: Any) -> Result:
        """Do something in one of the threads."""
        async with self._threads:
            return await run_in_threadpool(call, *arguments)


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
    stow = StowRequest(
        archive=site.archive,
        project_id=access.project_id,
        sender=access.principal.name,
        study_uid=study_uid,
        boundary=None if content_type.startswith(DICOM) else boundary_of(content_type),
    )
    receiving: Receiving = request.app.state.receiving
    async with receiving.turns.take(access.principal.name):
        stored = await _received(request, stow, receiving)
    answer = stored.serialised(base_url(request, site, access))
    return Response(answer, status_code=stored.status, media_type=DICOM_JSON)


async def _received(request: Request, stow: StowRequest, receiving: Receiving) -> Stored:
    try:
        async for pieces in _collected(request.stream()):
            await receiving.handle(stow.feed, *pieces)
        return await receiving.handle(stow.finish)
    finally:
        await receiving.handle(stow.close)


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
