"""What de-identification changed, counted: for each export, each sending and each day of arrivals."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from kahua.database import now
from kahua.errors import NotFound
from kahua.store.confidentiality.tables import TreatmentReportRow

#: What the rows of `table_of` say.
TABLE_COLUMNS: Final = ("kind", "what", "action", "count")


@dataclass(kw_only=True)
class Tally:
    """Counts what was done with objects; never a value of one."""

    instances: int = 0
    #: By attribute and action; by reason why an object was left out; by sentence about the pixels.
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)

    def note(self, changes: Mapping[str, Any]) -> None:
        """Count an object that went through, by the fields of `kahua.dicom.deidentification.Changes`."""
        self.instances += 1
        for name, action, number in changes["counts"]:
            self.changes[name, action] += number
        if changes["pixel_risk"]:
            self.warnings[changes["pixel_risk"]] += 1

    def refuse(self, reason: str) -> None:
        """Count an object that was left out."""
        self.refusals[reason] += 1

    def add(self, other: "Tally") -> None:
        """Count in what another one counted."""
        self.instances += other.instances
        self.changes.update(other.changes)
        self.refusals.update(other.refusals)
        self.warnings.update(other.warnings)

    def __bool__(self) -> bool:
        """Whether anything was counted."""
        return bool(self.instances or self.refusals)


def add_report(
    session: Session, project_id: str, tally: Tally, *, occasion: str, subject: str, actor: str
) -> TreatmentReportRow:
    """Keep what was counted at one occasion: `arrival`, `export` or `send`."""
    moment = now()
    row = TreatmentReportRow(
        project_id=project_id,
        occasion=occasion,
        subject=subject[:200],
        actor=actor[:100],
        started_at=moment,
        **_columns(tally, moment),
    )
    session.add(row)
    session.flush()
    return row


def count_arrivals(session: Session, project_id: str, tally: Tally, *, actor: str) -> None:
    """Count what came in into the report of the day."""
    moment = now()
    day = f"{moment:%Y-%m-%d}"
    row = session.scalar(
        select(TreatmentReportRow)
        .where(
            TreatmentReportRow.project_id == project_id,
            TreatmentReportRow.occasion == "arrival",
            TreatmentReportRow.subject == day,
        )
        .order_by(TreatmentReportRow.id)
        .limit(1)
        .with_for_update()
    )
    if row is None:
        add_report(session, project_id, tally, occasion="arrival", subject=day, actor=actor)
        return
    before = tally_of(row)
    before.add(tally)
    for name, value in _columns(before, moment).items():
        setattr(row, name, value)


def reports_of(
    session: Session, project_id: str, *, limit: int, before: TreatmentReportRow | None = None
) -> Sequence[TreatmentReportRow]:
    """List the reports of a project, newest first; the next page is what came before its last row."""
    query = select(TreatmentReportRow).where(TreatmentReportRow.project_id == project_id)
    if before is not None:
        query = query.where(
            (TreatmentReportRow.started_at < before.started_at)
            | ((TreatmentReportRow.started_at == before.started_at) & (TreatmentReportRow.id < before.id))
        )
    order = (TreatmentReportRow.started_at.desc(), TreatmentReportRow.id.desc())
    return session.scalars(query.order_by(*order).limit(limit)).all()


def find_report(session: Session, project_id: str, report_id: str) -> TreatmentReportRow:
    """Give one report.

    Raises
    ------
    NotFound
        The project has none of this id.
    """
    row = session.scalar(
        select(TreatmentReportRow).where(
            TreatmentReportRow.project_id == project_id, TreatmentReportRow.id == report_id
        )
    )
    if row is None:
        raise NotFound("There is no such report.")
    return row


def tally_of(row: TreatmentReportRow) -> Tally:
    """Give what a report counted."""
    return Tally(
        instances=row.instances,
        changes=Counter({(name, action): number for name, action, number in row.changes}),
        refusals=Counter(row.refusals),
        warnings=Counter(row.warnings),
    )


def table_of(row: TreatmentReportRow) -> list[tuple[str, str, str, int]]:
    """Give a report as rows of a table, with the columns of `TABLE_COLUMNS`."""
    return [
        *(("change", name, action, number) for name, action, number in row.changes),
        *(("left out", reason, "", number) for reason, number in sorted(row.refusals.items())),
        *(("warning", sentence, "", number) for sentence, number in sorted(row.warnings.items())),
    ]


def _columns(tally: Tally, moment: Any) -> dict[str, Any]:
    return {
        "changed_at": moment,
        "instances": tally.instances,
        "left_out": tally.refusals.total(),
        "changes": [[name, action, number] for (name, action), number in sorted(tally.changes.items())],
        "refusals": dict(tally.refusals),
        "warnings": dict(tally.warnings),
    }
