"""Long answers: pieces that are read ahead by a thread while the one before is on its way."""

import asyncio
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

#: Small pieces are joined up to this size: every piece costs two changes of thread.
PIECE_BYTES = 2_000_000

#: A piece of this size is sent as it is: to join it with others would copy it.
LARGE_BYTES = 200_000

#: Answers of which the next piece is read at the same moment; the others wait for their turn, not for their end.
MAX_READERS = 16

_READERS = ThreadPoolExecutor(MAX_READERS, thread_name_prefix="pieces")


class PiecesResponse(Response):
    """Sends pieces in order, and closes where they come from, whether they ended or the client is gone.

    Starlette's own streams read nothing while they send, pass on every piece alone, and leave closing to chance.
    """

    def __init__(
        self,
        pieces: Iterator[bytes],
        *,
        media_type: str,
        headers: Mapping[str, str],
        length: int | None = None,
        status: int = 200,
    ) -> None:
        self._source = pieces
        self.body_iterator = joined(pieces)
        self.status_code = status
        self.media_type = media_type
        self.background = None
        self._context = copy_context()
        self.init_headers({**headers, **({} if length is None else {"content-length": str(length)})})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Send the answer; what fails before its first piece is told by its status."""
        gone = asyncio.ensure_future(_disconnected(receive))
        ahead = self._next()
        try:
            piece = await asyncio.shield(ahead)
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            while piece and not gone.done():
                ahead = self._next()
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = await asyncio.shield(ahead)
            if not gone.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()
            await asyncio.wait([ahead])  # the thread must have left the iterator before it is closed
            await self._run(self.body_iterator.close)

    def close(self) -> None:
        """Close where the pieces come from, of an answer that is not sent."""
        self.body_iterator.close()
        if isinstance(self._source, Generator):
            self._source.close()  # an iterator that was never asked for a piece closes nothing

    def _next(self) -> "asyncio.Future[bytes]":
        return self._run(next, self.body_iterator, b"")

    def _run(self, *call: object) -> "asyncio.Future[bytes]":
        return asyncio.get_running_loop().run_in_executor(_READERS, self._context.run, *call)  # type: ignore[arg-type]


def joined(pieces: Iterator[bytes]) -> Generator[bytes, None, None]:
    """Join small pieces; none that is given is empty, for that would be the end.

    A generator is closed with this one: it may hold processes and files.
    """
    waiting: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            if len(piece) < LARGE_BYTES:
                waiting.append(piece)
                size += len(piece)
            if size and (len(piece) >= LARGE_BYTES or size >= PIECE_BYTES):
                yield b"".join(waiting)
                waiting, size = [], 0
            if len(piece) >= LARGE_BYTES:
                yield piece
        if size:
            yield b"".join(waiting)
    finally:
        if isinstance(pieces, Generator):
            pieces.close()


def without_body(response: Response) -> Response:
    """Give what HEAD is answered with: the headers alone."""
    if isinstance(response, PiecesResponse):
        response.close()
    answer = Response(status_code=response.status_code)
    answer.raw_headers = response.raw_headers
    return answer


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
