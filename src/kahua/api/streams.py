"""Long answers: pieces that are read ahead by a thread while the one before is on its way."""

import asyncio
from collections.abc import Generator, Iterator, Mapping

from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

#: Small pieces are joined up to this size: every piece costs two changes of thread.
PIECE_BYTES = 2_000_000


class PiecesResponse(Response):
    """Sends pieces in order, and closes where they come from, whether they ended or the client is gone.

    Starlette's own streams read nothing while they send, pass on every piece alone, and leave closing to chance.
    """

    def __init__(
        self, pieces: Iterator[bytes], *, media_type: str, headers: Mapping[str, str], length: int | None = None
    ) -> None:
        self.body_iterator = joined(pieces)
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self.init_headers({**headers, **({} if length is None else {"content-length": str(length)})})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Send the answer."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        gone = asyncio.ensure_future(_disconnected(receive))
        ahead = asyncio.ensure_future(self._next())
        try:
            while not gone.done() and (piece := await ahead):
                ahead = asyncio.ensure_future(self._next())
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            if not gone.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()
            await asyncio.wait([ahead])  # the thread must have left the iterator before it is closed
            await run_in_threadpool(self.body_iterator.close)

    async def _next(self) -> bytes:
        return await run_in_threadpool(next, self.body_iterator, b"")


def joined(pieces: Iterator[bytes]) -> Generator[bytes, None, None]:
    """Join small pieces; none is empty. A generator is closed with this one: it may hold processes and files."""
    waiting: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            waiting.append(piece)
            size += len(piece)
            if size >= PIECE_BYTES:
                yield b"".join(waiting)
                waiting, size = [], 0
        if size:
            yield b"".join(waiting)
    finally:
        if isinstance(pieces, Generator):
            pieces.close()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
