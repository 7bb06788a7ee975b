"""Series of a project: find, look at, delete."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from kahua import datasets
from kahua.access import Permission, ProjectAccess, record
from kahua.api.attributes import Attribute, attributes_of
from kahua.api.fusions import fusions
from kahua.api.schemas import DEFAULT_LIMIT, Cursor, Limit, Page
from kahua.api.security import Access, SiteOfRequest
from kahua.api.series_items import (
    SeriesDetail,
    SeriesItem,
    document_urls,
    film_url,
    has_unseen_palette,
    related,
    series_items,
    study_detail,
    video_syntaxes,
    viewer_url,
)
from kahua.datasets import MAX_QUERY_LENGTH, SeriesFilter
from kahua.store import delete_series as delete_from_store

router = APIRouter(prefix="/api/projects/{project}/series", tags=["series"])

Reader = Annotated[ProjectAccess, Depends(Access(Permission.SERIES_READ))]
Text = Annotated[
    str,
    Query(
        max_length=MAX_QUERY_LENGTH,
        description='Words that must all match, `-word`, `"a phrase"`, `Modality:MR`, `Validation:errors`, '
        "`StudyDate:20200101-20201231`.",
    ),
]
Word = Annotated[str, Query(max_length=64)]


class Totals(BaseModel):
    """How much was found in all."""

    series: int
    studies: int
    patients: int


class SeriesPage(Page[SeriesItem]):
    """A part of the series found."""

    #: On the first page alone.
    total: Totals | None


class FacetValue(BaseModel):
    """A value, and how many of the found series have it."""

    value: str
    count: int


class SeriesFacets(BaseModel):
    """What is among the found series, most frequent first."""

    modality: list[FacetValue]
    body_part: list[FacetValue]
    manufacturer: list[FacetValue]
    validation: list[FacetValue]
    #: Peers at which alone the images of a series are.
    source: list[FacetValue]


@router.get("", operation_id="list_series")
def list_series(
    may: Reader,
    site: SiteOfRequest,
    q: Text = "",
    modality: Word = "",
    dataset: Word = "",
    study_uid: Word = "",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> SeriesPage:
    """List the series that match, newest first."""
    where = SeriesFilter(text=q, modality=modality, dataset=dataset, study_uid=study_uid)
    with site.database.read() as session:
        found, next_cursor = datasets.find_series(session, may.project_id, where, limit=limit, cursor=cursor)
        total = None if cursor else datasets.count_found(session, may.project_id, where)
        return SeriesPage(
            items=series_items(session, may, found),
            next_cursor=next_cursor,
            total=Totals.model_validate(total, from_attributes=True) if total else None,
        )


@router.get("/facets", operation_id="count_series_by_facet")
def count_series_by_facet(
    may: Reader, site: SiteOfRequest, q: Text = "", modality: Word = "", dataset: Word = ""
) -> SeriesFacets:
    """Count the series that match by the values of some attributes."""
    where = SeriesFilter(text=q, modality=modality, dataset=dataset)
    with site.database.read() as session:
        facets = datasets.facets_of(session, may.project_id, where)
    return SeriesFacets.model_validate(facets, from_attributes=True)


@router.get("/{series}", operation_id="get_series")
def get_series(may: Reader, series: str, site: SiteOfRequest) -> SeriesDetail:
    """Show a series, and those that belong to it."""
    with site.database.read() as session:
        found = datasets.get_series(session, may.project_id, series)
        references, referenced_by = related(session, may.project_id, found.series)
        (item,) = series_items(session, may, [found])
        videos = video_syntaxes(session, found)
        return SeriesDetail(
            **item.model_dump(),
            manufacturer=found.series.manufacturer,
            frame_of_reference_uid=found.series.frame_of_reference_uid,
            changed_at=found.series.changed_at,
            study=study_detail(found.study),
            references=series_items(session, may, references),
            referenced_by=series_items(session, may, referenced_by),
            fusions=fusions(session, may, found),
            datasets=datasets.datasets_of(session, may.project_id, series),
            viewer_url=viewer_url(may, found, references=references, referenced_by=referenced_by)
            if not videos and not has_unseen_palette(session, site.objects, found)
            else None,
            film_url=film_url(may, found, videos),
            document_urls=document_urls(session, may, found),
        )


@router.get("/{series}/attributes", operation_id="list_series_attributes")
def list_series_attributes(may: Reader, series: str, site: SiteOfRequest) -> list[Attribute]:
    """List the attributes of a series and its first instance by which the archive files them."""
    with site.database.read() as session:
        found = datasets.get_series(session, may.project_id, series)
        return attributes_of(session, found.series)


@router.delete("/{series}", operation_id="delete_series", status_code=204)
def delete_series(
    may: Annotated[ProjectAccess, Depends(Access(Permission.SERIES_DELETE))], series: str, site: SiteOfRequest
) -> None:
    """Delete a series from the project, with all its instances; the trash keeps it for a while."""
    with site.database.write() as session:
        found = datasets.get_series(session, may.project_id, series)
        record(
            session,
            actor=may.principal.name,
            action="series.deleted",
            subject=found.series.series_uid,
            project_id=may.project_id,
            series=series,
            study_uid=found.study.study_uid,
            instances=found.series.instance_count,
        )
        delete_from_store(session, may.project_id, series, actor=may.principal.name, keep=site.settings.trash_days > 0)
