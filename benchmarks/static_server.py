"""A static file from granian: what nothing that does more can be faster than.

Usage: python static_server.py PORT FILE
"""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces

Send = Callable[[dict[str, Any]], Awaitable[None]]


async def application(_scope: dict[str, Any], _receive: object, send: Send) -> None:
    """Answer every request with the file."""
    path = Path(sys.argv[2])
    headers = [(b"content-length", str(path.stat().st_size).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.pathsend", "path": str(path)})


if __name__ == "__main__":
    Granian(
        "static_server:application",
        port=int(sys.argv[1]),
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        log_enabled=False,
        websockets=False,
    ).serve()
