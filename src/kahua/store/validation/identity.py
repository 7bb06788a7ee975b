"""Whose series it is, and whether it is one: UIDs that were given twice."""

from collections.abc import Iterator

from kahua.store.validation.facts import Facts
from kahua.store.validation.findings import Finding, Severity

#: Code of the finding that another object with the same SOP Instance UID was sent.
UID_CONFLICT = "uid-conflict"


def check_identity(facts: Facts) -> Iterator[Finding]:
    """Find UIDs that stand for two different things."""
    if facts.conflicts:
        yield Finding(
            code=UID_CONFLICT,
            severity=Severity.ERROR,
            sentence="Other objects with the same SOP Instance UID, but other content, wait in quarantine.",
            remedy="Compare both: keep what is here, or delete the series and release the other from quarantine.",
            instances=len(facts.conflicts),
            details=tuple(facts.conflicts),
        )
    if facts.other_patients:
        yield Finding(
            code="two-patients",
            severity=Severity.ERROR,
            sentence="Another patient has a study of the same Study Instance UID: they are kept apart here, but "
            "programs that know a study by its UID alone will mix them.",
            remedy="Find out at the scanner or PACS whose study it is, and correct the Patient ID or the UID there.",
            details=tuple(f"Patient ID {patient or '(empty)'}" for patient in facts.other_patients),
        )
    elif facts.twins:
        yield Finding(
            code="series-uid-twice",
            severity=Severity.WARNING,
            sentence="Another study of the project has a series of the same Series Instance UID.",
            remedy="Find out where the study was split, and send it again under one Study Instance UID.",
        )
    if not facts.study.patient_id:
        yield Finding(
            code="no-patient-id",
            severity=Severity.WARNING,
            sentence="The Patient ID is empty: series of different persons cannot be told apart by it.",
            remedy="Correct it where the series comes from, and send it again.",
        )
