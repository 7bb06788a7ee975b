"""Retrieve frames, and values that the metadata only point to: WADO-RS (PS3.18 sections 10.4.1.1.4 to 10.4.1.1.6)."""

import re
from collections.abc import Iterator, Sequence

from fastapi import APIRouter, Request, Response

from kahua.access import ProjectAccess
from kahua.api.dicomweb.service import (
    PREFIX,
    PRIVATE,
    Reader,
    accepted_of,
    base_url,
    begun,
    multipart,
    not_acceptable,
    small_multipart,
)
from kahua.api.ranges import object_response, ranged_response
from kahua.api.security import SiteOfRequest
from kahua.dicom.transfer_syntaxes import IMPLICIT_LITTLE_ENDIAN
from kahua.errors import InvalidInput, NotFound
from kahua.site import Site
from kahua.store.dicomweb.accept import OCTETS, Form, choose, frame_form, frame_syntax
from kahua.store.dicomweb.multipart import PartHead, new_boundary
from kahua.store.dicomweb.retrieve import Address, Located, StoredInstance, locate_instances
from kahua.store.objects import NO_ENDS, Ends, joined
from kahua.store.pictures.frames import frame_spans, has_frames, is_native, read_frame
from kahua.store.values import PIXEL_DATA, all_values, find_value

router = APIRouter(prefix=PREFIX, tags=["dicomweb"], include_in_schema=False)

#: Numbers of frames in an address.
_FRAMES = re.compile(r"[0-9]{1,9}(,[0-9]{1,9}){0,9999}")


@router.get("/studies/{study}/series/{series}/instances/{instance}/frames/{frames}", operation_id="retrieve_frames")
def retrieve_frames(
    request: Request, study: str, series: str, instance: str, frames: str, access: Reader, site: SiteOfRequest
) -> Response:
    """Retrieve frames, as they are stored or decoded."""
    address = Address(study_uid=study, series_uid=series, instance_uid=instance)
    found = find_instance(site, access, address).instance
    return send_frames(request, site, found, frame_numbers(frames, found))


@router.get("/studies/{study}/series/{series}/instances/{instance}/bulkdata/{path:path}", operation_id="retrieve_bulk")
def retrieve_bulk(
    request: Request, study: str, series: str, instance: str, path: str, access: Reader, site: SiteOfRequest
) -> Response:
    """Retrieve a value that the metadata only point to."""
    address = Address(study_uid=study, series_uid=series, instance_uid=instance)
    found = find_instance(site, access, address).instance
    if path == PIXEL_DATA and found.rows is not None and not is_native(found) and found.pixel_offset is not None:
        return send_frames(request, site, found, range(1, (found.number_of_frames or 1) + 1))
    media = choose(accepted_of(request), OCTETS)
    if media is None:
        return not_acceptable(OCTETS)
    value = find_value(site.objects, found, path, site.archive.limits.budget)
    if media.type == OCTETS and not media.multipart:
        if value.content is not None:
            whole = value.content
            tag = f'"{found.object_key[:32]}-{path}"'
            return ranged_response(
                request,
                lambda start, count: iter([whole[start : start + count]]),
                size=len(whole),
                tag=tag,
                media_type=OCTETS,
            )
        return object_response(request, site.objects, found.object_key, value.length, OCTETS, start=value.start)
    boundary = new_boundary()
    return multipart(OCTETS, iter([(PartHead(boundary=boundary, media_type=OCTETS), value.pieces())]), boundary)


@router.get("/studies/{study}/bulkdata", operation_id="retrieve_study_bulk")
def retrieve_study_bulk(request: Request, study: str, access: Reader, site: SiteOfRequest) -> Response:
    """Retrieve all values of a study that its metadata only point to."""
    return _bulk(request, access, site, Address(study_uid=study))


@router.get("/studies/{study}/series/{series}/bulkdata", operation_id="retrieve_series_bulk")
def retrieve_series_bulk(request: Request, study: str, series: str, access: Reader, site: SiteOfRequest) -> Response:
    """Retrieve all values of a series that its metadata only point to."""
    return _bulk(request, access, site, Address(study_uid=study, series_uid=series))


@router.get("/studies/{study}/series/{series}/instances/{instance}/bulkdata", operation_id="retrieve_instance_bulk")
def retrieve_instance_bulk(
    request: Request, study: str, series: str, instance: str, access: Reader, site: SiteOfRequest
) -> Response:
    """Retrieve all values of an instance that its metadata only point to."""
    return _bulk(request, access, site, Address(study_uid=study, series_uid=series, instance_uid=instance))


@router.get("/studies/{study}/pixeldata", operation_id="retrieve_study_pixels")
def retrieve_study_pixels(request: Request, study: str, access: Reader, site: SiteOfRequest) -> Response:
    """Retrieve all frames of a study."""
    return _pixels(request, access, site, Address(study_uid=study))


@router.get("/studies/{study}/series/{series}/pixeldata", operation_id="retrieve_series_pixels")
def retrieve_series_pixels(request: Request, study: str, series: str, access: Reader, site: SiteOfRequest) -> Response:
    """Retrieve all frames of a series."""
    return _pixels(request, access, site, Address(study_uid=study, series_uid=series))


@router.get("/studies/{study}/series/{series}/instances/{instance}/pixeldata", operation_id="retrieve_instance_pixels")
def retrieve_instance_pixels(
    request: Request, study: str, series: str, instance: str, access: Reader, site: SiteOfRequest
) -> Response:
    """Retrieve all frames of an instance."""
    return _pixels(request, access, site, Address(study_uid=study, series_uid=series, instance_uid=instance))


def find_instance(site: Site, access: ProjectAccess, address: Address) -> Located:
    """Find the instance of an address, in the project to which there is access."""
    with site.database.look() as session:
        return locate_instances(session, access.project_id, address)[0]


def frame_numbers(text: str, instance: StoredInstance) -> list[int]:
    """Read numbers of frames of an instance, from 1 on.

    Raises
    ------
    InvalidInput
        These are no numbers.
    NotFound
        The instance has no such frames.
    """
    if not _FRAMES.fullmatch(text):
        raise InvalidInput("Frames are named by numbers from 1 on, with commas between.", field="frames")
    numbers = [int(number) for number in text.split(",")]
    count = instance.number_of_frames or 1
    if not all(1 <= number <= count for number in numbers):
        raise NotFound(f"The instance has {count} frames.")
    return numbers


def send_frames(request: Request, site: Site, instance: StoredInstance, numbers: Sequence[int]) -> Response:
    """Send frames of an instance in the form that the client wants most."""
    form = frame_form(accepted_of(request), instance.transfer_syntax_uid)
    if form is None:
        return not_acceptable(f"{OCTETS}; transfer-syntax={frame_syntax(instance.transfer_syntax_uid)}")
    media_type = f"{form.media_type}; transfer-syntax={form.transfer_syntax}"
    if len(numbers) > 1:
        boundary = new_boundary()
        contents = _frames(site, instance, numbers, form)
        parts = ((PartHead(boundary=boundary, media_type=media_type), iter([content])) for content in contents)
        return multipart(form.media_type, begun(parts), boundary)

    def read(ends: Ends = NO_ENDS) -> bytes:
        (content,) = _frames(site, instance, numbers, form, ends)
        return content

    if not form.multipart:
        return Response(read(), media_type=media_type, headers=PRIVATE)
    return small_multipart(form.media_type, PartHead(boundary=new_boundary(), media_type=media_type), read)


def _frames(
    site: Site, instance: StoredInstance, numbers: Sequence[int], form: Form, between: Ends = NO_ENDS
) -> Iterator[bytes]:
    """Give frames, each between a head and a tail."""
    if instance.transfer_syntax_uid not in (form.transfer_syntax, IMPLICIT_LITTLE_ENDIAN):
        yield from (joined(content, between) for content in site.studio.decode(instance, numbers))
        return
    spans = frame_spans(site.objects, instance)
    for number in numbers:
        yield read_frame(site.objects, instance, spans[number - 1], between)


def _pixels(request: Request, access: ProjectAccess, site: Site, address: Address) -> Response:
    """Send all frames of all instances, each part with the address of what it is."""
    with site.database.look() as session:
        instances = locate_instances(session, access.project_id, address)
    accepted = accepted_of(request)
    images = [each for each in instances if has_frames(each.instance)]
    forms = [frame_form(accepted, each.instance.transfer_syntax_uid) for each in images]
    if not images:
        raise NotFound("There are no pixels.")
    if not all(forms):
        return not_acceptable(f"{OCTETS}; transfer-syntax=*")
    boundary, base = new_boundary(), base_url(request, site, access)
    parts = (
        (_frame_head(boundary, base, located, number, form), iter([content]))
        for located, form in zip(images, forms, strict=True)
        if form
        for number, content in enumerate(_frames(site, located.instance, _all_frames(located), form), 1)
    )
    return multipart(OCTETS, begun(parts), boundary)


def _all_frames(located: Located) -> Sequence[int]:
    return range(1, (located.instance.number_of_frames or 1) + 1)


def _frame_head(boundary: str, base: str, located: Located, number: int, form: Form) -> PartHead:
    return PartHead(
        boundary=boundary,
        media_type=f"{form.media_type}; transfer-syntax={form.transfer_syntax}",
        headers={"Content-Location": f"{base}/{located.address.path}/frames/{number}"},
    )


def _bulk(request: Request, access: ProjectAccess, site: Site, address: Address) -> Response:
    """Send what the metadata of all instances only point to, each part with its address; not compressed pixels."""
    with site.database.look() as session:
        instances = locate_instances(session, access.project_id, address)
    if choose(accepted_of(request), OCTETS) is None:
        return not_acceptable(OCTETS)
    boundary, base = new_boundary(), base_url(request, site, access)
    parts = (
        (
            PartHead(
                boundary=boundary,
                media_type=OCTETS,
                headers={"Content-Location": f"{base}/{located.address.path}/bulkdata/{value.path}"},
            ),
            value.pieces(),
        )
        for located in instances
        for value in all_values(site.objects, located.instance, site.archive.limits.budget)
    )
    try:
        return multipart(OCTETS, begun(parts), boundary)
    except StopIteration:
        raise NotFound("The metadata hold every value; there is nothing else.") from None
