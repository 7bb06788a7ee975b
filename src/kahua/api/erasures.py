"""Erase a patient, a study or a series, with everything that the site keeps of it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from kahua.access import Permission, ProjectAccess
from kahua.api.schemas import Request
from kahua.api.security import Access, SiteOfRequest
from kahua.store import ErasurePlan, Subject

router = APIRouter(prefix="/api/projects/{project}", tags=["erasures"])

Eraser = Annotated[ProjectAccess, Depends(Access(Permission.SERIES_ERASE))]


class ErasureRequest(Request):
    """What is to be erased."""

    kind: Literal["patient", "study", "series"]
    #: Patient ID, Study Instance UID or Series Instance UID.
    identifier: str = Field(min_length=1, max_length=256)

    def subject(self) -> Subject:
        """Give it as the archive calls it."""
        return Subject(kind=self.kind, identifier=self.identifier)


class ErasedSeries(BaseModel):
    """A series that goes, and why: named, or derived from one that is."""

    id: str
    study_uid: str
    series_uid: str
    modality: str
    description: str
    instance_count: int
    reason: Literal["named", "derived"]


class ErasurePlanItem(BaseModel):
    """Everything that would go."""

    series: list[ErasedSeries]
    #: How many of each kind: instances, objects, files, jobs, entries of datasets, …
    counts: dict[str, int]


class ErasureItem(ErasurePlanItem):
    """Everything that has gone; the audit log has the proof under this id."""

    id: str


@router.post("/erasure-plans", operation_id="plan_erasure")
def plan_erasure(may: Eraser, wanted: ErasureRequest, site: SiteOfRequest) -> ErasurePlanItem:
    """List everything that an erasure would take, and change nothing."""
    return ErasurePlanItem.model_validate(_told(site.erasures().plan(may.project_id, wanted.subject())))


@router.post("/erasures", operation_id="erase", status_code=201)
def erase(may: Eraser, wanted: ErasureRequest, site: SiteOfRequest) -> ErasureItem:
    """Erase it, now and for ever."""
    erasure = site.erasures().erase(may.project_id, wanted.subject(), actor=may.principal.name)
    return ErasureItem.model_validate({"id": erasure.id, **_told(erasure.plan)})


def _told(plan: ErasurePlan) -> dict[str, object]:
    series = [ErasedSeries.model_validate(each, from_attributes=True) for each in plan.series]
    return {"series": series, "counts": dict(plan.counts)}
