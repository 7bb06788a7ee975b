"""Search for studies, series and instances: QIDO-RS (PS3.18 section 10.6)."""

from typing import Any

from fastapi import APIRouter, Request, Response

from kahua.access import ProjectAccess
from kahua.api.dicomweb.service import (
    DICOM_JSON,
    DICOM_XML,
    MORE,
    PREFIX,
    PRIVATE,
    Reader,
    base_url,
    data_set_kind,
    data_sets,
    not_acceptable,
    warning,
)
from kahua.api.security import SiteOfRequest
from kahua.store.dicomweb.attributes import Level
from kahua.store.dicomweb.documents import Documents
from kahua.store.dicomweb.query import find, parse_query

router = APIRouter(prefix=PREFIX, tags=["dicomweb"], include_in_schema=False)


@router.get("/studies", operation_id="search_studies")
def search_studies(request: Request, access: Reader, site: SiteOfRequest) -> Response:
    """Search for studies."""
    return _search(request, access, site, Level.STUDY)


@router.get("/series", operation_id="search_series")
def search_series(request: Request, access: Reader, site: SiteOfRequest) -> Response:
    """Search for series in all studies."""
    return _search(request, access, site, Level.SERIES)


@router.get("/instances", operation_id="search_instances")
def search_instances(request: Request, access: Reader, site: SiteOfRequest) -> Response:
    """Search for instances in all studies."""
    return _search(request, access, site, Level.INSTANCE)


@router.get("/studies/{study}/series", operation_id="search_series_of_study")
def search_series_of_study(request: Request, study: str, access: Reader, site: SiteOfRequest) -> Response:
    """Search for the series of a study."""
    return _search(request, access, site, Level.SERIES, study)


@router.get("/studies/{study}/instances", operation_id="search_instances_of_study")
def search_instances_of_study(request: Request, study: str, access: Reader, site: SiteOfRequest) -> Response:
    """Search for the instances of a study."""
    return _search(request, access, site, Level.INSTANCE, study)


@router.get("/studies/{study}/series/{series}/instances", operation_id="search_instances_of_series")
def search_instances_of_series(
    request: Request, study: str, series: str, access: Reader, site: SiteOfRequest
) -> Response:
    """Search for the instances of a series."""
    return _search(request, access, site, Level.INSTANCE, study, series)


def _search(
    request: Request,
    access: ProjectAccess,
    site: Any,
    level: Level,
    study_uid: str | None = None,
    series_uid: str | None = None,
) -> Response:
    kind = data_set_kind(request)
    if kind is None:
        return not_acceptable(f'{DICOM_JSON}, or as multipart/related; type="{DICOM_XML}"')
    query = parse_query(level, request.query_params.multi_items())
    with site.database.look() as look:
        answer = find(
            look,
            access.project_id,
            query,
            base_url=base_url(request, site, access),
            study_uid=study_uid,
            series_uid=series_uid,
            documents=Documents(site.database, site.objects, access.project_id, site.archive.limits.budget),
        )
    warnings = [*query.warnings, *([MORE] if answer.truncated else [])]
    headers = {**PRIVATE, **({"Warning": ", ".join(map(warning, warnings))} if warnings else {})}
    return data_sets(answer.body, kind, headers)
