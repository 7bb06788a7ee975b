"""Bytes of the object store over HTTP: whole, in part, or not at all if the client has them (RFC 9110)."""

import re
from collections.abc import Callable, Iterator, Mapping
from email.utils import format_datetime
from http import HTTPStatus
from typing import Final

from fastapi import Request, Response
from fastapi.responses import FileResponse

from kahua.api.streams import PiecesResponse
from kahua.store import ObjectStore

#: Rights are asked for every time; what has not changed is not sent again.
PRIVATE: Final = {"Cache-Control": "private, no-cache", "Vary": "Accept, Accept-Encoding"}

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")

#: Gives so many bytes from a start.
Read = Callable[[int, int], Iterator[bytes]]


def object_response(
    request: Request, objects: ObjectStore, key: str, size: int, media_type: str, *, start: int = 0
) -> Response:
    """Answer with `size` bytes of an object from `start`; what an object holds never changes, nor does its tag."""
    tag = f'"{key[:32]}-{start}"'
    plain = start == 0 and "range" not in request.headers and not is_known(request, tag)
    if plain and (path := objects.path(key)) is not None:
        headers = {**PRIVATE, "ETag": tag, "Last-Modified": _moment(objects, key)}
        return FileResponse(path, media_type=media_type, headers=headers, stat_result=path.stat())
    return ranged_response(
        request,
        lambda begin, count: objects.stream(key, start=start + begin, length=count),
        size=size,
        tag=tag,
        media_type=media_type,
        headers={"Last-Modified": _moment(objects, key)},
    )


def ranged_response(
    request: Request, read: Read, *, size: int, tag: str, media_type: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with bytes that can be read from anywhere: with 200, 206, 304 or 416."""
    common = {**PRIVATE, **(headers or {}), "ETag": tag, "Accept-Ranges": "bytes"}
    if is_known(request, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=common)
    wanted = _wanted(request, size, tag, common.get("Last-Modified", ""))
    if wanted is None:
        return PiecesResponse(read(0, size), media_type=media_type, headers=common, length=size)
    begin, end = wanted
    if begin >= end:
        headers = {**common, "Content-Range": f"bytes */{size}"}
        return Response(status_code=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
    return PiecesResponse(
        read(begin, end - begin),
        media_type=media_type,
        headers={**common, "Content-Range": f"bytes {begin}-{end - 1}/{size}"},
        length=end - begin,
        status=HTTPStatus.PARTIAL_CONTENT,
    )


def is_known(request: Request, tag: str) -> bool:
    """Whether the client has what bears this tag."""
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    return tag in known or known == ["*"]


def _wanted(request: Request, size: int, tag: str, modified: str) -> tuple[int, int] | None:
    """Give begin and end of the one range that is asked for; None for everything, an empty one if it cannot be."""
    condition = request.headers.get("if-range", "").strip()
    match = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if match is None or (condition and condition not in (tag, modified)):
        return None  # no range, several, or of something that has changed: all is sent, as the standard allows
    first, last = match.groups()
    if not first:
        return (max(size - int(last), 0), size) if last and int(last) else (size, size)
    return int(first), min(int(last) + 1, size) if last else size


def _moment(objects: ObjectStore, key: str) -> str:
    return format_datetime(objects.stored_at(key), usegmt=True)
