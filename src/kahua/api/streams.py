"""Answers that are made while they are sent, and end when nobody reads them any more."""

from collections.abc import Generator
from typing import Any

import anyio
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send


class ClosingStream(StreamingResponse):
    """Sends what a generator gives and closes it, whether it came to its end or the client went away.

    Without that a generator whose client went away would hold processes and files until it is collected.
    """

    def __init__(self, content: Generator[bytes], **options: Any) -> None:
        super().__init__(content, **options)
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._content.close)
