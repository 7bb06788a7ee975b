"""What a project decides about the identity of its patients."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from kahua import datasets
from kahua.access import Permission, ProjectAccess
from kahua.api.schemas import Request
from kahua.api.security import Access, SiteOfRequest
from kahua.dicom import Kept, Profile
from kahua.store import Policy, policy_of

router = APIRouter(prefix="/api/projects/{project}/confidentiality", tags=["confidentiality"])

Dates = Literal["shift", "remove"]
SuspiciousPixels = Literal["hold", "flag"]
Faces = Literal["leave", "flag", "hold"]


class Code(BaseModel):
    """What is written into every object, after PS3.16 CID 7050."""

    value: str
    meaning: str


class ConfidentialityItem(BaseModel):
    """How a project's objects are de-identified, and when."""

    on_arrival: bool
    dates: Dates
    keep: list[Kept]
    suspicious_pixels: SuspiciousPixels
    faces: Faces
    codes: list[Code]


class ConfidentialityRequest(Request):
    """How a project's objects are to be de-identified, and when."""

    on_arrival: bool = Field(description="De-identify whatever comes in before it is stored.")
    dates: Dates = Field("shift", description="Move all dates of a patient by as many days, or remove them.")
    keep: list[Kept] = Field([], max_length=8, description="What may stay.")
    suspicious_pixels: SuspiciousPixels = Field(
        "hold", description="Hold back what may show a name in its pixels, or let it go with a warning."
    )
    faces: Faces = Field("leave", description="Leave, flag or hold back what may show a face: nobody removes it.")

    def policy(self) -> Policy:
        """Give it as the archive knows it."""
        profile = Profile(dates=self.dates, suspicious_pixels=self.suspicious_pixels, faces=self.faces)
        return Policy(on_arrival=self.on_arrival, profile=profile.keeping(self.keep))


@router.get("", operation_id="get_confidentiality")
def get_confidentiality(
    may: Annotated[ProjectAccess, Depends(Access(Permission.SERIES_READ))], site: SiteOfRequest
) -> ConfidentialityItem:
    """Show how the project's objects are de-identified, and when."""
    with site.database.read() as session:
        return _item(policy_of(session, may.project_id))


@router.put("", operation_id="set_confidentiality")
def set_confidentiality(
    may: Annotated[ProjectAccess, Depends(Access(Permission.CONFIDENTIALITY_MANAGE))],
    site: SiteOfRequest,
    wanted: ConfidentialityRequest,
) -> ConfidentialityItem:
    """Decide how the project's objects are de-identified from now on; what is stored stays as it is."""
    with site.database.write() as session:
        datasets.change_policy(session, project_id=may.project_id, actor=may.principal.name, policy=wanted.policy())
        return _item(policy_of(session, may.project_id))


def _item(policy: Policy) -> ConfidentialityItem:
    profile = policy.profile
    return ConfidentialityItem(
        on_arrival=policy.on_arrival,
        dates=profile.dates,
        keep=list(profile.kept),
        suspicious_pixels=profile.suspicious_pixels,
        faces=profile.faces,
        codes=[Code(value=value, meaning=meaning) for value, meaning in profile.codes],
    )
