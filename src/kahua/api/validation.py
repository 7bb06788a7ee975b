"""What is wrong with a series, in words."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from kahua import datasets
from kahua.access import Permission, ProjectAccess
from kahua.api.security import Access, SiteOfRequest
from kahua.api.series_items import ValidationState
from kahua.store.validation import findings_of

router = APIRouter(prefix="/api/projects/{project}/series", tags=["series"])

Reader = Annotated[ProjectAccess, Depends(Access(Permission.SERIES_READ))]


class FindingItem(BaseModel):
    """Something that was found."""

    #: Stable name; `Validation:CODE` finds all series with it.
    code: str
    severity: Literal["note", "warning", "error"]
    #: What is wrong.
    sentence: str
    #: What can be done; may be empty.
    remedy: str
    #: How many instances it concerns; 0 if it concerns the series as a whole.
    instances: int
    #: Attributes, positions or UIDs.
    details: list[str]


class Validation(BaseModel):
    """What validation says of a series."""

    state: ValidationState
    #: Empty until it was validated.
    validated_at: datetime | None
    #: The gravest first.
    findings: list[FindingItem]


@router.get("/{series}/validation", operation_id="get_series_validation")
def get_series_validation(may: Reader, series: str, site: SiteOfRequest) -> Validation:
    """Show what is odd or wrong about a series, and what can be done."""
    with site.database.read() as session:
        found = datasets.get_series(session, may.project_id, series).series
        findings = findings_of(session, may.project_id, series)
        return Validation(
            state=found.validation_state,  # type: ignore[arg-type]  # the model checks it
            validated_at=found.validated_at,
            findings=[FindingItem.model_validate(finding, from_attributes=True) for finding in findings],
        )
