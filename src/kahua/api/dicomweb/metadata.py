"""Retrieve the attributes of studies, series and instances: WADO-RS metadata (PS3.18 section 10.4.1.1.2)."""

from collections.abc import Iterator, Sequence

from fastapi import APIRouter, Request, Response

from kahua.access import ProjectAccess
from kahua.api.dicomweb.service import (
    DICOM_JSON,
    DICOM_XML,
    PREFIX,
    PRIVATE,
    Reader,
    base_url,
    data_set_kind,
    data_sets,
    not_acceptable,
)
from kahua.api.ranges import is_known
from kahua.api.recent import RecentAnswers
from kahua.api.security import SiteOfRequest
from kahua.site import Site
from kahua.store import metadata
from kahua.store.dicomweb.retrieve import Address, Located, locate_instances, locate_series
from kahua.waiting import may_wait

router = APIRouter(prefix=PREFIX, tags=["dicomweb"], include_in_schema=False)

FORMS = f'{DICOM_JSON}, or as multipart/related; type="{DICOM_XML}"'


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
    with site.database.look() as session:
        instances = locate_instances(session, access.project_id, address)
    return _built(request, site, access, instances)


def _metadata(request: Request, access: ProjectAccess, site: Site, address: Address) -> Response:
    with site.database.look() as session:
        found = locate_series(session, access.project_id, address)
        stale = any(row.metadata_key is None or row.derived_revision != row.revision for _, row in found)
        instances = locate_instances(session, access.project_id, address) if stale else []
    if stale:
        return _built(request, site, access, instances)
    return _kept(request, site, access, tuple(row.metadata_key or "" for _, row in found))


def _built(request: Request, site: Site, access: ProjectAccess, instances: Sequence[Located]) -> Response:
    """Answer with what is read from the instances now."""
    may_wait()
    kind = data_set_kind(request)
    if kind is None:
        return not_acceptable(FORMS)
    packed = _is_packed(request, kind)
    array = metadata.join(_documents(site, instances))
    return _answer(metadata.answer(array, base_url(request, site, access), packed=packed), kind, packed=packed)


def _kept(request: Request, site: Site, access: ProjectAccess, keys: tuple[str, ...]) -> Response:
    """Answer with what the worker has made of some series; the key of it is made of its content."""
    kind, base = data_set_kind(request), base_url(request, site, access)
    if kind is None:
        return not_acceptable(FORMS)
    tag = f'"{metadata.tag(keys, base + kind)}"'
    if is_known(request, tag):
        return Response(status_code=304, headers={**PRIVATE, "ETag": tag})
    packed = _is_packed(request, kind)

    def make() -> bytes:
        arrays = [metadata.unpack(site.objects.read(key)) for key in keys]
        array = metadata.join(inner for each in arrays if (inner := each[1:-1]))
        return metadata.answer(array, base, packed=packed)

    recent: RecentAnswers = request.app.state.recent
    return _answer(recent.get((keys, base, packed), make), kind, packed=packed, ETag=tag)


def _documents(site: Site, instances: Sequence[Located]) -> Iterator[bytes]:
    return metadata.instance_documents(site.objects, instances, budget=site.archive.limits.budget)


def _answer(array: bytes, kind: str, *, packed: bool, **headers: str) -> Response:
    if packed:
        headers["Content-Encoding"] = "gzip"
    return data_sets(array, kind, {**PRIVATE, **headers})


def _is_packed(request: Request, kind: str) -> bool:
    return kind == DICOM_JSON and "gzip" in request.headers.get("accept-encoding", "")
