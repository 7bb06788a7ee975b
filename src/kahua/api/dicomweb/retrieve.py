"""Retrieve studies, series, instances, frames and pictures: WADO-RS (PS3.18 section 10.4)."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from math import isfinite
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from kahua.access import ProjectAccess
from kahua.api.dicomweb.service import (
    DICOM,
    DICOM_JSON,
    OCTETS,
    PREFIX,
    PRIVATE,
    Reader,
    base_url,
    multipart,
    not_acceptable,
)
from kahua.api.recent import RecentAnswers
from kahua.api.security import SiteOfRequest
from kahua.api.streams import PiecesResponse
from kahua.errors import InvalidInput, NotFound
from kahua.store import metadata
from kahua.store.dicomweb.accept import EXPLICIT_LITTLE_ENDIAN, Media, choose, parse_accept
from kahua.store.dicomweb.retrieve import Address, Located, locate_instances, locate_series
from kahua.store.frames import frame_spans, is_native, read_frame
from kahua.store.pictures import Wanted, decoded_frames, render

router = APIRouter(prefix=PREFIX, tags=["dicomweb"], include_in_schema=False)

#: Pictures that can be rendered.
PICTURES = ("image/jpeg", "image/png", "image/webp")

#: Answers up to this size are made at once; longer ones are read while they are sent.
SMALL_BYTES = 4_000_000

#: Numbers of frames in an address.
_FRAMES = re.compile(r"[0-9]{1,9}(,[0-9]{1,9}){0,9999}")


@router.get("/studies/{study}", operation_id="retrieve_study")
def retrieve_study(request: Request, study: str, access: Reader, site: SiteOfRequest) -> Response:
    """Retrieve all instances of a study."""
    return _retrieve(request, access, site, Address(study_uid=study))


@router.get("/studies/{study}/series/{series}", operation_id="retrieve_series")
def retrieve_series(request: Request, study: str, series: str, access: Reader, site: SiteOfRequest) -> Response:
    """Retrieve all instances of a series."""
    return _retrieve(request, access, site, Address(study_uid=study, series_uid=series))


@router.get("/studies/{study}/series/{series}/instances/{instance}", operation_id="retrieve_instance")
def retrieve_instance(
    request: Request, study: str, series: str, instance: str, access: Reader, site: SiteOfRequest
) -> Response:
    """Retrieve an instance."""
    return _retrieve(request, access, site, Address(study_uid=study, series_uid=series, instance_uid=instance))


@router.get("/studies/{study}/metadata", operation_id="retrieve_study_metadata")
def retrieve_study_metadata(request: Request, study: str, access: Reader, site: SiteOfRequest) -> Response:
    """Retrieve the attributes of all instances of a study."""
    return _metadata(request, access, site, Address(study_uid=study))


@router.get("/studies/{study}/series/{series}/metadata", operation_id="retrieve_series_metadata")
def retrieve_series_metadata(
    request: Request, study: str, series: str, access: Reader, site: SiteOfRequest
) -> Response:
    """Retrieve the attributes of all instances of a series."""
    return _metadata(request, access, site, Address(study_uid=study, series_uid=series))


@router.get("/studies/{study}/series/{series}/instances/{instance}/metadata", operation_id="retrieve_instance_metadata")
def retrieve_instance_metadata(
    request: Request, study: str, series: str, instance: str, access: Reader, site: SiteOfRequest
) -> Response:
    """Retrieve the attributes of an instance."""
    address = Address(study_uid=study, series_uid=series, instance_uid=instance)
    with site.database.read() as session:
        instances = locate_instances(session, access.project_id, address)
    return _json(request, site, access, metadata.join(_documents(site, instances)))


@router.get("/studies/{study}/series/{series}/instances/{instance}/frames/{frames}", operation_id="retrieve_frames")
def retrieve_frames(
    request: Request, study: str, series: str, instance: str, frames: str, access: Reader, site: SiteOfRequest
) -> Response:
    """Retrieve frames, as they are stored or decoded."""
    address = Address(study_uid=study, series_uid=series, instance_uid=instance)
    with site.database.read() as session:
        found = locate_instances(session, access.project_id, address)[0].instance
    numbers = _frame_numbers(frames, found.number_of_frames or 1)
    accepted = parse_accept(request.headers.get("accept", ""))
    decoded = not is_native(found) and _wants_decoded(accepted)
    syntax = EXPLICIT_LITTLE_ENDIAN if decoded else found.transfer_syntax_uid
    media = choose(accepted, OCTETS, syntax)
    if media is None:
        return not_acceptable(f"{OCTETS}; transfer-syntax={found.transfer_syntax_uid}")
    if decoded:
        contents = _begun(decoded_frames(site.objects, found, numbers, site.settings))
    else:
        spans = frame_spans(site.objects, found)
        contents = _begun(read_frame(site.objects, found, spans[number - 1]) for number in numbers)
    media_type = f"{OCTETS}; transfer-syntax={syntax}"
    if not media.multipart and len(numbers) == 1:
        return Response(next(contents), media_type=media_type, headers=PRIVATE)
    small = len(numbers) * found.size <= SMALL_BYTES
    return multipart(OCTETS, media_type, (([], iter([content])) for content in contents), small=small)


@router.get("/studies/{study}/series/{series}/instances/{instance}/bulkdata/{path:path}", operation_id="retrieve_bulk")
def retrieve_bulk(study: str, series: str, instance: str, path: str, access: Reader, site: SiteOfRequest) -> Response:
    """Retrieve a value that the metadata only points to."""
    from kahua.dicom import json_model  # late: it loads pydicom's dictionary, which no other request needs

    address = Address(study_uid=study, series_uid=series, instance_uid=instance)
    with site.database.read() as session:
        found = locate_instances(session, access.project_id, address)[0].instance
    with site.objects.local_file(found.object_key) as file_path, file_path.open("rb") as file:
        _, value = json_model.bulk_data(
            file,
            offset=found.data_offset,
            size=found.size - found.data_offset,
            transfer_syntax_uid=found.transfer_syntax_uid,
            path=path,
            budget=site.archive.limits.budget,
        )
    return multipart(OCTETS, OCTETS, iter([([], iter([value]))]))


@router.get("/studies/{study}/series/{series}/instances/{instance}/rendered", operation_id="retrieve_rendered")
def retrieve_rendered(
    request: Request, study: str, series: str, instance: str, access: Reader, site: SiteOfRequest
) -> Response:
    """Retrieve an instance as a picture: its first frame."""
    return _rendered(request, access, site, Address(study_uid=study, series_uid=series, instance_uid=instance), "1")


@router.get(
    "/studies/{study}/series/{series}/instances/{instance}/frames/{frame}/rendered",
    operation_id="retrieve_rendered_frame",
)
def retrieve_rendered_frame(
    request: Request, study: str, series: str, instance: str, frame: str, access: Reader, site: SiteOfRequest
) -> Response:
    """Retrieve a frame as a picture."""
    return _rendered(request, access, site, Address(study_uid=study, series_uid=series, instance_uid=instance), frame)


@router.get("/studies/{study}/series/{series}/instances/{instance}/thumbnail", operation_id="retrieve_thumbnail")
def retrieve_thumbnail(
    request: Request, study: str, series: str, instance: str, access: Reader, site: SiteOfRequest
) -> Response:
    """Retrieve a small picture of an instance."""
    address = Address(study_uid=study, series_uid=series, instance_uid=instance)
    return _rendered(request, access, site, address, "1", size=128)


@router.get("/studies/{study}/series/{series}/thumbnail", operation_id="retrieve_series_thumbnail")
def retrieve_series_thumbnail(study: str, series: str, access: Reader, site: SiteOfRequest) -> Response:
    """Retrieve the preview of a series."""
    with site.database.read() as session:
        _, row = locate_series(session, access.project_id, Address(study_uid=study, series_uid=series))[0]
    if row.preview_key is None:
        raise NotFound(row.preview_note or "The series has no preview yet.")
    return Response(site.objects.read(row.preview_key), media_type="image/webp", headers=PRIVATE)


def _retrieve(request: Request, access: ProjectAccess, site: Any, address: Address) -> Response:
    with site.database.read() as session:
        instances = locate_instances(session, access.project_id, address)
    accepted = parse_accept(request.headers.get("accept", ""))
    chosen = [choose(accepted, DICOM, located.instance.transfer_syntax_uid) for located in instances]
    if not all(chosen):
        return not_acceptable(f"{DICOM}; transfer-syntax=*")
    first = instances[0].instance
    if len(instances) == 1 and chosen[0] and chosen[0].type == DICOM and not chosen[0].multipart:
        return _file(site, first.object_key, f"{DICOM}; transfer-syntax={first.transfer_syntax_uid}")
    return multipart(
        DICOM,
        DICOM,
        (
            ([located.instance.transfer_syntax_uid], site.objects.stream(located.instance.object_key))
            for located in instances
        ),
    )


def _metadata(request: Request, access: ProjectAccess, site: Any, address: Address) -> Response:
    with site.database.read() as session:
        found = locate_series(session, access.project_id, address)
        stale = [study for study, row in found if row.metadata_key is None or row.derived_revision != row.revision]
        instances = locate_instances(session, access.project_id, address) if stale else []
    if stale:
        return _json(request, site, access, metadata.join(_documents(site, instances)))
    keys = tuple(row.metadata_key or "" for _, row in found)
    return _kept_metadata(request, site, access, keys)


def _documents(site: Any, instances: Sequence[Located]) -> Iterator[bytes]:
    return metadata.instance_documents(site.objects, instances, budget=site.archive.limits.budget)


def _kept_metadata(request: Request, site: Any, access: ProjectAccess, keys: tuple[str, ...]) -> Response:
    """Answer with what the worker has made of some series; the key of it is made of its content."""
    base, packed = base_url(request, site, access), _accepts_gzip(request)

    def make() -> bytes:
        arrays = [metadata.unpack(site.objects.read(key)) for key in keys]
        array = metadata.with_addresses(metadata.join(inner for each in arrays if (inner := each[1:-1])), base)
        return metadata.pack(array) if packed else array

    recent: RecentAnswers = request.app.state.recent
    return _json_response(recent.get((keys, base, packed), make), packed=packed)


def _json(request: Request, site: Any, access: ProjectAccess, array: bytes) -> Response:
    array = metadata.with_addresses(array, base_url(request, site, access))
    packed = _accepts_gzip(request)
    return _json_response(metadata.pack(array) if packed else array, packed=packed)


def _json_response(content: bytes, *, packed: bool) -> Response:
    headers = {**PRIVATE, "Content-Encoding": "gzip"} if packed else PRIVATE
    return Response(content, media_type=DICOM_JSON, headers=headers)


def _accepts_gzip(request: Request) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")


def _rendered(
    request: Request, access: ProjectAccess, site: Any, address: Address, frame: str, size: int | None = None
) -> Response:
    with site.database.read() as session:
        found = locate_instances(session, access.project_id, address)[0].instance
    accepted = parse_accept(request.headers.get("accept", ""))
    media_type = next((picture for picture in PICTURES if choose(accepted, picture, "")), None)
    if media_type is None:
        return not_acceptable(", ".join(PICTURES))
    (number,) = _frame_numbers(frame, found.number_of_frames or 1)[:1]
    wanted = Wanted(frame=number, media_type=media_type, size=size, window=_window(request.query_params.get("window")))
    return Response(
        render(site.decoders, site.objects, found, wanted, site.settings), media_type=media_type, headers=PRIVATE
    )


def _file(site: Any, key: str, media_type: str) -> Response:
    path = site.objects.path(key)
    if path is None:
        return PiecesResponse(site.objects.stream(key), media_type=media_type, headers=PRIVATE)
    return FileResponse(path, media_type=media_type, headers=PRIVATE)


def _wants_decoded(accepted: Sequence[Media]) -> bool:
    """Whether a client of frames asks for native ones: it names Explicit VR Little Endian, or nothing."""
    first = next((media for media in accepted if media.type in (OCTETS, "*/*", "application/*")), None)
    return first is not None and first.type == OCTETS and first.transfer_syntax in ("", EXPLICIT_LITTLE_ENDIAN)


def _begun(contents: Iterator[bytes]) -> Iterator[bytes]:
    """Make the first content at once: what goes wrong with it is told by a status, before the answer has begun."""
    first = next(contents)
    return chain([first], contents)


def _frame_numbers(text: str, count: int) -> list[int]:
    if not _FRAMES.fullmatch(text):
        raise InvalidInput("Frames are named by numbers from 1 on, with commas between.", field="frames")
    numbers = [int(number) for number in text.split(",")]
    if not all(1 <= number <= count for number in numbers):
        raise NotFound(f"The instance has {count} frames.")
    return numbers


def _window(text: str | None) -> tuple[float, float] | None:
    """Read the query parameter window: centre, width, and a function that is not used (PS3.18 section 8.3.5.1.4)."""
    if text is None:
        return None
    try:
        centre, width, *_ = (float(part) for part in text.split(",")[:2])
    except ValueError:
        raise InvalidInput("The window is written as centre,width,function.", field="window") from None
    if not (isfinite(centre) and isfinite(width) and width > 0):
        raise InvalidInput("Centre and width of the window must be numbers, and the width above 0.", field="window")
    return centre, width
