"""What a project decides about the identity of its patients."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field, SecretStr
from sqlalchemy.orm import Session

from kahua import datasets
from kahua.access import Permission, ProjectAccess
from kahua.api.schemas import DEFAULT_LIMIT, Cursor, Limit, Page, Request
from kahua.api.security import Access, SiteOfRequest
from kahua.dicom import Kept, Profile
from kahua.store import (
    LEAST_PASSPHRASE,
    TABLE_COLUMNS,
    Policy,
    SealKeys,
    TreatmentReportRow,
    as_csv,
    count_sealed,
    find_report,
    policy_of,
    public_key_of,
    reports_of,
    table_of,
)

router = APIRouter(prefix="/api/projects/{project}/confidentiality", tags=["confidentiality"])

Managing = Annotated[ProjectAccess, Depends(Access(Permission.CONFIDENTIALITY_MANAGE))]
Reporting = Annotated[ProjectAccess, Depends(Access(Permission.SERIES_EXPORT))]

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
    #: Whether it keeps, sealed, who is behind the pseudonyms of arrivals; and of how many patients it did.
    seals_patients: bool
    sealed_patients: int


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


class SealRequest(Request):
    """The passphrase with which sealed patients can be found again; the site does not keep it."""

    passphrase: SecretStr = Field(min_length=LEAST_PASSPHRASE, max_length=1000)


class Change(BaseModel):
    """How often something was done with an attribute."""

    attribute: str
    action: str
    count: int


class TreatmentReport(BaseModel):
    """What one export, one sending or one day's arrivals changed."""

    id: str
    #: `arrival`, `export` or `send`.
    occasion: str
    subject: str
    actor: str
    started_at: datetime
    changed_at: datetime
    instances: int
    left_out: int
    changes: list[Change]
    #: How many instances were left out, by reason.
    refusals: dict[str, int]
    #: How many went although their pixels may tell, by sentence.
    warnings: dict[str, int]


@router.get("", operation_id="get_confidentiality")
def get_confidentiality(
    may: Annotated[ProjectAccess, Depends(Access(Permission.SERIES_READ))], site: SiteOfRequest
) -> ConfidentialityItem:
    """Show how the project's objects are de-identified, and when."""
    with site.database.read() as session:
        return _item(session, may.project_id)


@router.put("", operation_id="set_confidentiality")
def set_confidentiality(
    may: Managing,
    site: SiteOfRequest,
    wanted: ConfidentialityRequest,
) -> ConfidentialityItem:
    """Decide how the project's objects are de-identified from now on; what is stored stays as it is."""
    with site.database.write() as session:
        datasets.change_policy(session, project_id=may.project_id, actor=may.principal.name, policy=wanted.policy())
        return _item(session, may.project_id)


@router.put("/seal", operation_id="seal_patients", status_code=204)
def seal_patients(may: Managing, site: SiteOfRequest, wanted: SealRequest) -> None:
    """Keep who is behind the pseudonyms of arrivals, sealed; only the passphrase opens it again."""
    keys = SealKeys.new(wanted.passphrase.get_secret_value())
    with site.database.write() as session:
        datasets.seal_patients(session, project_id=may.project_id, actor=may.principal.name, keys=keys)


@router.delete("/seal", operation_id="forget_patients", status_code=204)
def forget_patients(may: Managing, site: SiteOfRequest) -> None:
    """Forget for good who is behind the pseudonyms of arrivals."""
    with site.database.write() as session:
        datasets.forget_patients(session, project_id=may.project_id, actor=may.principal.name)


@router.get("/reports", operation_id="list_treatment_reports")
def list_treatment_reports(
    may: Reporting, site: SiteOfRequest, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[TreatmentReport]:
    """List what de-identification changed, newest first: exports, sendings, and arrivals day by day."""
    with site.database.read() as session:
        before = find_report(session, may.project_id, cursor) if cursor else None
        rows = reports_of(session, may.project_id, limit=limit + 1, before=before)
    items = [_report(row) for row in rows[:limit]]
    return Page(items=items, next_cursor=items[-1].id if len(rows) > limit else None)


@router.get(
    "/reports/{report}/table",
    operation_id="get_treatment_table",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}}},
)
def get_treatment_table(may: Reporting, report: str, site: SiteOfRequest) -> Response:
    """Give a report as a table for spreadsheets."""
    with site.database.read() as session:
        row = find_report(session, may.project_id, report)
    headers = {"Content-Disposition": f'attachment; filename="{row.occasion}-{row.id}.csv"'}
    return Response(as_csv(TABLE_COLUMNS, table_of(row)), media_type="text/csv; charset=utf-8", headers=headers)


def _report(row: TreatmentReportRow) -> TreatmentReport:
    changes = [Change(attribute=name, action=action, count=count) for name, action, count in row.changes]
    return TreatmentReport.model_validate({**vars(row), "changes": changes})


def _item(session: Session, project_id: str) -> ConfidentialityItem:
    policy, is_sealing = policy_of(session, project_id), public_key_of(session, project_id) is not None
    profile = policy.profile
    return ConfidentialityItem(
        seals_patients=is_sealing,
        sealed_patients=count_sealed(session, project_id),
        on_arrival=policy.on_arrival,
        dates=profile.dates,
        keep=list(profile.kept),
        suspicious_pixels=profile.suspicious_pixels,
        faces=profile.faces,
        codes=[Code(value=value, meaning=meaning) for value, meaning in profile.codes],
    )
