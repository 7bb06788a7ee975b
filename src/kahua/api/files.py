"""Files of a built folder over HTTP: found without ever leaving the folder, compressed before, cached by browsers."""

import re
from pathlib import Path, PurePosixPath

from fastapi import Request
from fastapi.responses import FileResponse, Response

MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".wasm": "application/wasm",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}

#: A name with at least 16 digits of a digest in it names one content for ever.
HASHED = re.compile(r"(^|[.-])[0-9a-f]{16,}\.")

FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"


def built_file(folder: Path, path: str) -> Path | None:
    """Find a file below a folder by the path of an address; None for anything else, whatever the path says."""
    parts = PurePosixPath(path).parts
    if not parts or "\0" in path or "\\" in path or any(part in ("..", "/") or part.startswith(".") for part in parts):
        return None
    file = folder.joinpath(*parts).resolve()
    return file if file.is_relative_to(folder.resolve()) and file.is_file() and file.suffix in MEDIA_TYPES else None


def is_hashed(name: str) -> bool:
    """Whether a file's name changes with its content."""
    return HASHED.search(name) is not None


def send_file(request: Request, file: Path, *, unchanging: bool) -> Response:
    """Send a file, compressed if it was compressed when it was built and the browser takes that."""
    compressed = file.with_name(f"{file.name}.br")
    brotli = "br" in request.headers.get("accept-encoding", "") and compressed.is_file()
    sent = compressed if brotli else file
    status = sent.stat()
    etag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    headers = {
        "Cache-Control": FOR_EVER if unchanging else ASK_AGAIN,
        "ETag": etag,
        "Vary": "Accept-Encoding",
        **({"Content-Encoding": "br"} if brotli else {}),
    }
    if etag in (value.strip().removeprefix("W/") for value in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=headers)
    return FileResponse(sent, media_type=MEDIA_TYPES[file.suffix], headers=headers, stat_result=status)
