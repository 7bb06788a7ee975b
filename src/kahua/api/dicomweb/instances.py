"""Retrieve studies, series and instances whole: WADO-RS (PS3.18 section 10.4.1.1.1)."""

from collections.abc import Iterator, Sequence

from fastapi import APIRouter, Request, Response

from kahua.access import ProjectAccess
from kahua.api.dicomweb.service import (
    PREFIX,
    PRIVATE,
    Reader,
    accepted_of,
    begun,
    multipart,
    not_acceptable,
    small_multipart,
)
from kahua.api.ranges import object_response
from kahua.api.security import SiteOfRequest
from kahua.api.streams import PIECE_BYTES, PiecesResponse
from kahua.site import Site
from kahua.store.dicomweb.accept import ANY, DICOM, Form, choose, instance_form
from kahua.store.dicomweb.multipart import PartHead, multipart_length, new_boundary
from kahua.store.dicomweb.retrieve import Address, Located, StoredInstance, locate_instances
from kahua.store.exports.zip_stream import ZipStream
from kahua.store.objects import CHUNK_BYTES

router = APIRouter(prefix=PREFIX, tags=["dicomweb"], include_in_schema=False)

ZIP = "application/zip"


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


def send_instance(request: Request, site: Site, instance: StoredInstance, transfer_syntax_uid: str) -> Response:
    """Send one instance as a file, as stored or rewritten."""
    media_type = f"{DICOM}; transfer-syntax={transfer_syntax_uid}"
    if transfer_syntax_uid == instance.transfer_syntax_uid:
        return object_response(request, site.objects, instance.object_key, instance.size, media_type)
    pieces = begun(_rewritten(site, instance, transfer_syntax_uid))
    return PiecesResponse(pieces, media_type=media_type, headers=PRIVATE)


def _retrieve(request: Request, access: ProjectAccess, site: Site, address: Address) -> Response:
    with site.database.look() as session:
        instances = locate_instances(session, access.project_id, address)
    accepted = accepted_of(request)
    if accepted and accepted[0].type == ZIP:
        return PiecesResponse(_zipped(site, instances), media_type=ZIP, headers=PRIVATE)
    forms = [instance_form(accepted, located.instance.transfer_syntax_uid) for located in instances]
    chosen = [form for form in forms if form]
    if len(chosen) < len(instances):
        if choose(accepted, ZIP):
            return PiecesResponse(_zipped(site, instances), media_type=ZIP, headers=PRIVATE)
        return not_acceptable(f"{DICOM}; transfer-syntax={ANY}")
    if len(instances) == 1 and not chosen[0].multipart:
        return send_instance(request, site, instances[0].instance, chosen[0].transfer_syntax)
    return _together(site, instances, chosen)


def _together(site: Site, instances: Sequence[Located], forms: Sequence[Form]) -> Response:
    """Send instances as parts; how long that will be is known where all are sent as stored."""
    boundary = new_boundary()
    heads = [
        PartHead(boundary=boundary, media_type=f"{DICOM}; transfer-syntax={form.transfer_syntax}") for form in forms
    ]
    as_stored = all(
        form.transfer_syntax == located.instance.transfer_syntax_uid
        for form, located in zip(forms, instances, strict=True)
    )
    if as_stored and len(instances) == 1 and instances[0].instance.size <= PIECE_BYTES:
        key = instances[0].instance.object_key
        return small_multipart(DICOM, heads[0], lambda ends: site.objects.read(key, between=ends))
    length = None
    if as_stored:
        length = multipart_length(boundary, heads, [located.instance.size for located in instances])
    parts = (
        (head, _content(site, located.instance, form.transfer_syntax))
        for head, located, form in zip(heads, instances, forms, strict=True)
    )
    return multipart(DICOM, begun(parts), boundary, length=length)


def _content(site: Site, instance: StoredInstance, transfer_syntax_uid: str) -> Iterator[bytes]:
    if transfer_syntax_uid == instance.transfer_syntax_uid:
        return site.objects.stream(instance.object_key)
    return begun(_rewritten(site, instance, transfer_syntax_uid))


def _rewritten(site: Site, instance: StoredInstance, transfer_syntax_uid: str) -> Iterator[bytes]:
    with site.studio.transcoded(instance, transfer_syntax_uid) as path, path.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            yield piece


def _zipped(site: Site, instances: Sequence[Located]) -> Iterator[bytes]:
    """Write instances as stored into an archive; the names in it are numbers, never text of an object."""
    archive, folders = ZipStream(), dict[str, int]()
    for number, located in enumerate(instances, 1):
        series = folders.setdefault(str(located.address.series_uid), len(folders) + 1)
        content = site.objects.stream(located.instance.object_key)
        yield from archive.add(f"series-{series:04}/{number:06}.dcm", content, size=located.instance.size)
    yield from archive.finish()
