"""Datasets of a project."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from kahua import datasets
from kahua.access import Permission, ProjectAccess
from kahua.api.schemas import Page, Request
from kahua.api.security import Access, SiteOfRequest
from kahua.datasets import DatasetRow

router = APIRouter(prefix="/api/projects/{project}/datasets", tags=["datasets"])

Reader = Annotated[ProjectAccess, Depends(Access(Permission.DATASET_READ))]
Writer = Annotated[ProjectAccess, Depends(Access(Permission.DATASET_WRITE))]
SeriesIds = Annotated[list[str], Field(max_length=100_000)]


class DatasetItem(BaseModel):
    """A dataset as it is now."""

    name: str
    description: str
    #: Counts up with every change of its series.
    version: int
    series_count: int
    created_at: datetime
    created_by: str
    changed_at: datetime


class DatasetDetail(DatasetItem):
    """A dataset with its series, now or in an earlier version."""

    series: list[str]


class DatasetRequest(Request):
    """A dataset to make."""

    name: str = Field(max_length=64)
    description: str = Field("", max_length=4000)
    series: SeriesIds = Field(default_factory=list)


class DatasetChange(Request):
    """What to change of a dataset; what is not given stays."""

    name: str | None = Field(None, max_length=64)
    description: str | None = Field(None, max_length=4000)


class SeriesChange(Request):
    """Series to add to a dataset and to remove from it."""

    add: SeriesIds = Field(default_factory=list)
    remove: SeriesIds = Field(default_factory=list)


@router.get("", operation_id="list_datasets")
def list_datasets(may: Reader, site: SiteOfRequest) -> Page[DatasetItem]:
    """List the datasets of a project, by name."""
    with site.database.read() as session:
        return Page(items=[_item(row, count) for row, count in datasets.list_datasets(session, may.project_id)])


@router.post("", operation_id="create_dataset", status_code=201)
def create_dataset(may: Writer, body: DatasetRequest, site: SiteOfRequest) -> DatasetItem:
    """Make a dataset."""
    with site.database.write() as session:
        row = datasets.create_dataset(
            session,
            project_id=may.project_id,
            actor=may.principal.name,
            name=body.name,
            description=body.description,
            series=body.series,
        )
        return _counted(session, row)


@router.get("/{dataset}", operation_id="get_dataset")
def get_dataset(
    may: Reader, dataset: str, site: SiteOfRequest, version: Annotated[int | None, Query(ge=1)] = None
) -> DatasetDetail:
    """Show a dataset and the ids of its series, now or in an earlier version."""
    with site.database.read() as session:
        row = datasets.find_dataset(session, may.project_id, dataset)
        series = datasets.series_of(session, may.project_id, dataset, version)
    item = _item(row, len(series)).model_dump()
    return DatasetDetail(**{**item, "version": version or row.version}, series=series)


@router.patch("/{dataset}", operation_id="change_dataset")
def change_dataset(may: Writer, dataset: str, body: DatasetChange, site: SiteOfRequest) -> DatasetItem:
    """Rename or describe a dataset."""
    with site.database.write() as session:
        row = datasets.change_dataset(
            session,
            project_id=may.project_id,
            actor=may.principal.name,
            name=dataset,
            new_name=body.name,
            description=body.description,
        )
        return _counted(session, row)


@router.delete("/{dataset}", operation_id="delete_dataset", status_code=204)
def delete_dataset(may: Writer, dataset: str, site: SiteOfRequest) -> None:
    """Delete a dataset; its series stay in the project."""
    with site.database.write() as session:
        datasets.delete_dataset(session, project_id=may.project_id, actor=may.principal.name, name=dataset)


@router.post("/{dataset}/series", operation_id="change_dataset_series")
def change_dataset_series(may: Writer, dataset: str, body: SeriesChange, site: SiteOfRequest) -> DatasetItem:
    """Add and remove series; the list becomes a new version if that changes it."""
    with site.database.write() as session:
        row = datasets.change_series(
            session,
            project_id=may.project_id,
            actor=may.principal.name,
            name=dataset,
            add=body.add,
            remove=body.remove,
        )
        return _counted(session, row)


def _counted(session: Session, row: DatasetRow) -> DatasetItem:
    return _item(row, datasets.count_series(session, row))


def _item(row: DatasetRow, series_count: int) -> DatasetItem:
    return DatasetItem(
        name=row.name,
        description=row.description,
        version=row.version,
        series_count=series_count,
        created_at=row.created_at,
        created_by=row.created_by,
        changed_at=row.changed_at,
    )
