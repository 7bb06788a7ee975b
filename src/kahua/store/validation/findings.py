"""Findings: what is odd or wrong about a series, how grave it is, and what can be done."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from kahua.store.tables import SeriesFindingRow, SeriesRow
from kahua.store.text import cut

#: Most findings that are kept of a series, the gravest first; most details of one.
MAX_FINDINGS = 100
MAX_DETAILS = 30


class Severity(StrEnum):
    """How grave a finding is."""

    #: Good to know; nothing hinders the use of the series.
    NOTE = "note"
    #: Some uses of the series may go wrong: look at it first.
    WARNING = "warning"
    #: The series, or a part of it, cannot be used as it is.
    ERROR = "error"


#: Badge of a series by the gravest of its findings.
BADGES = {Severity.ERROR: "errors", Severity.WARNING: "warnings", Severity.NOTE: "notes"}

#: Everything that a badge can say.
STATES = ("pending", "ok", "notes", "warnings", "errors")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that was found."""

    #: Stable name for programs and for searching.
    code: str
    severity: Severity
    #: What is wrong, as a sentence.
    sentence: str
    #: What can be done; may be empty.
    remedy: str = ""
    #: How many instances it concerns; 0 if it concerns the series as a whole.
    instances: int = 0
    #: Which attributes, positions or UIDs; text of strangers, to be escaped.
    details: tuple[str, ...] = ()


def badge_of(findings: Iterable[Finding]) -> str:
    """Return what the badge of a series with these findings says."""
    severities = {finding.severity for finding in findings}
    return next((BADGES[severity] for severity in BADGES if severity in severities), "ok")


def keep_findings(session: Session, series: SeriesRow, findings: Sequence[Finding]) -> None:
    """Replace the findings of a series."""
    order = list(BADGES)
    gravest = sorted(findings, key=lambda finding: order.index(finding.severity))[:MAX_FINDINGS]
    session.execute(delete(SeriesFindingRow).where(SeriesFindingRow.series_id == series.id))
    rows = [
        {
            "series_id": series.id,
            "place": place,
            "project_id": series.project_id,
            "code": finding.code,
            "severity": finding.severity.value,
            "sentence": cut(finding.sentence, 1000),
            "remedy": cut(finding.remedy, 1000),
            "instances": finding.instances,
            "details": [cut(detail, 300) for detail in finding.details[:MAX_DETAILS]],
        }
        for place, finding in enumerate(gravest)
    ]
    if rows:
        session.execute(insert(SeriesFindingRow), rows)


def findings_of(session: Session, project_id: str, series_id: str) -> list[Finding]:
    """Give what was found about a series of a project, the gravest first."""
    rows = session.scalars(
        select(SeriesFindingRow)
        .where(SeriesFindingRow.project_id == project_id, SeriesFindingRow.series_id == series_id)
        .order_by(SeriesFindingRow.place)
    )
    return [
        Finding(
            code=row.code,
            severity=Severity(row.severity),
            sentence=row.sentence,
            remedy=row.remedy,
            instances=row.instances,
            details=tuple(row.details),
        )
        for row in rows
    ]
