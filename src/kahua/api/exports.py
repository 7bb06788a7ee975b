"""Taking images out: a ZIP archive, as stored or de-identified; and who is behind a pseudonym."""

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field, SecretStr

from kahua import datasets
from kahua.access import Permission, ProjectAccess
from kahua.api.schemas import Request
from kahua.api.security import Access, SiteOfRequest
from kahua.api.streams import PiecesResponse
from kahua.datasets import MAX_NAMED_SERIES, MAX_PSEUDONYMS, MAX_REASON
from kahua.dicom import Kept, Profile
from kahua.store import policy_of

router = APIRouter(prefix="/api/projects/{project}", tags=["exports"])

Exporting = Annotated[ProjectAccess, Depends(Access(Permission.SERIES_EXPORT))]
Reidentifying = Annotated[ProjectAccess, Depends(Access(Permission.PATIENT_REIDENTIFY))]


class ExportRequest(BaseModel):
    """What to take out, and how."""

    series: list[str] = Field([], max_length=MAX_NAMED_SERIES, description="Ids of series; or name a dataset.")
    dataset: str | None = Field(None, max_length=64, description="Name of a dataset.")
    version: int | None = Field(None, ge=1, description="Version of the dataset; the newest by default.")
    deidentify: bool = Field(
        default=True,
        description="Take away what tells who the patient is (PS3.15 Basic Profile); false leaves all as stored.",
    )
    dates: Literal["shift", "remove"] | None = Field(
        None, description="Move all dates of a patient by as many days, or remove them; as the project says by default."
    )
    keep: list[Kept | Literal["nothing"]] = Field(
        [], max_length=8, description="What may stay, instead of what the project lets stay; or `nothing`."
    )
    suspicious_pixels: bool | None = Field(
        None,
        description="Take along pictures in which names may be written, such as ultrasound: nobody removes them.",
    )

    def profile(self, usual: Profile) -> Profile | None:
        """Give what is taken away: what the project usually does, where nothing else is asked for."""
        if not self.deidentify:
            return None
        profile = usual.keeping(each for each in self.keep if isinstance(each, Kept)) if self.keep else usual
        if self.dates is not None:
            profile = replace(profile, dates=self.dates)
        if self.suspicious_pixels is not None:
            profile = replace(profile, suspicious_pixels="flag" if self.suspicious_pixels else "hold")
        return profile


class ReidentificationRequest(Request):
    """Pseudonyms as they stand in objects as Patient ID, and why one needs to know."""

    pseudonyms: list[str] = Field(min_length=1, max_length=MAX_PSEUDONYMS)
    reason: str = Field(min_length=1, max_length=MAX_REASON, description="Kept in the audit log.")
    passphrase: SecretStr | None = Field(
        None, description="Opens what was sealed when patients came in; without it they are not looked for there."
    )


class OriginalPatient(BaseModel):
    """Who is behind a pseudonym."""

    pseudonym: str
    patient_id: str
    patient_name: str
    patient_birth_date: str


@router.get(
    "/exports",
    operation_id="export_series",
    response_class=Response,
    responses={200: {"content": {"application/zip": {}}}},
)
def export_series(may: Exporting, site: SiteOfRequest, wanted: Annotated[ExportRequest, Query()]) -> PiecesResponse:
    """Download series, or a dataset, as a ZIP archive that is made while it is sent."""
    with site.database.write() as session:
        export = datasets.begin_export(
            session,
            project_id=may.project_id,
            project_name=may.name,
            actor=may.principal.name,
            series=wanted.series,
            dataset=wanted.dataset,
            version=wanted.version,
            profile=wanted.profile(policy_of(session, may.project_id).profile),
        )
    name = f"{may.name}-{export.started_at:%Y%m%d-%H%M%S}{'-deidentified' if wanted.deidentify else ''}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return PiecesResponse(site.exporter().stream(export), media_type="application/zip", headers=headers)


@router.post("/reidentifications", operation_id="reidentify_patients")
def reidentify_patients(
    may: Reidentifying, site: SiteOfRequest, wanted: ReidentificationRequest
) -> list[OriginalPatient]:
    """Find the patients of this project that are behind pseudonyms; those of other projects are not found."""
    found = datasets.reidentify(
        site.database,
        project_id=may.project_id,
        actor=may.principal.name,
        pseudonyms=wanted.pseudonyms,
        reason=wanted.reason,
        passphrase=wanted.passphrase.get_secret_value() if wanted.passphrase else None,
    )
    return [OriginalPatient.model_validate(original, from_attributes=True) for original in found]
