"""What a workitem must say at its creation and in the end, and what may change between (PS3.4 table CC.2.5-3)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from kahua.errors import InvalidInput, StateConflict
from kahua.store.workitems.documents import (
    Json,
    code_item,
    date_time,
    items_of,
    read_date_time,
    sequence,
    text_of,
    words,
)
from kahua.store.workitems.states import INCONSISTENT, State

#: Every workitem is of this SOP class, whichever service deals with it.
UPS_PUSH: Final = "1.2.840.10008.5.1.4.34.6.1"

SOP_CLASS, SOP_INSTANCE = "00080016", "00080018"
TRANSACTION_UID: Final = "00081195"
STATE, READINESS = "00741000", "00404041"
PRIORITY, LABEL, WORKLIST = "00741200", "00741204", "00741202"
START, MODIFIED = "00404005", "00404010"
WORKITEM_CODE, INPUT, PARAMETERS = "00404018", "00404021", "00741210"
STATION, HUMANS = "00404025", "00404034"
PROGRESS, PERFORMED = "00741002", "00741216"
PERCENT, DESCRIPTION = "00741004", "00741006"
CANCELLED_AT, CANCEL_REASON, CANCEL_CODE = "00404052", "00741238", "0074100E"
CONTACT_URI, CONTACT_NAME = "0074100A", "0074100C"
PERFORMED_CODE, OUTPUT = "00404019", "00404033"

#: What has to have a value from the beginning to the end.
REQUIRED: Final = {
    PRIORITY: "Scheduled Procedure Step Priority",
    LABEL: "Procedure Step Label",
    START: "Scheduled Procedure Step Start DateTime",
    READINESS: "Input Readiness State",
}
CHOICES: Final = {PRIORITY: ("HIGH", "MEDIUM", "LOW"), READINESS: ("INCOMPLETE", "UNAVAILABLE", "READY")}

#: What is empty in the beginning, and what is there if only as empty.
EMPTY_AT_FIRST: Final = {
    TRANSACTION_UID: "Transaction UID",
    PROGRESS: "Procedure Step Progress Information Sequence",
    PERFORMED: "Unified Procedure Step Performed Procedure Sequence",
}
MAY_BE_EMPTY: Final = {
    "00100010": "PN", "00100020": "LO", "00100030": "DA", "00100040": "CS", "00380010": "LO", "0040A370": "SQ",
    STATION: "SQ", "00404026": "SQ", "00404027": "SQ", WORKITEM_CODE: "SQ", INPUT: "SQ", PARAMETERS: "SQ",
    PROGRESS: "SQ", PERFORMED: "SQ",
}  # fmt: skip

#: What stays as it was created.
FIXED: Final = {
    SOP_CLASS: "SOP Class UID",
    SOP_INSTANCE: "SOP Instance UID",
    STATE: "Procedure Step State",
    "00100010": "Patient's Name",
    "00100020": "Patient ID",
    "00100021": "Issuer of Patient ID",
    "00100030": "Patient's Birth Date",
    "00100040": "Patient's Sex",
    "00380010": "Admission ID",
    "00380014": "Issuer of Admission ID Sequence",
    "0040A370": "Referenced Request Sequence",
    "00741224": "Replaced Procedure Step Sequence",
}

#: What the first item of the performed procedure must say of completed work, and what it must have if only as empty.
PERFORMED_REQUIRED: Final = {
    "00404028": "Performed Station Name Code Sequence",
    "00404050": "Performed Procedure Step Start DateTime",
    "00404051": "Performed Procedure Step End DateTime",
    PERFORMED_CODE: "Performed Workitem Code Sequence",
}
PERFORMED_PRESENT: Final = {OUTPUT: "Output Information Sequence"}

#: Procedure Step Discontinuation Reason where nobody gave one.
UNSPECIFIED: Final = code_item("110513", "DCM", "Discontinued for unspecified reason")

#: Worklist Label where the creator gave none.
DEFAULT_WORKLIST: Final = "Default"


def created(given: Json, uid: str, moment: datetime) -> Json:
    """Make a workitem of what its creator says.

    Raises
    ------
    InvalidInput
        An attribute is missing, or must not be there yet; names it.
    """
    if text_of(given, STATE) not in ("", State.SCHEDULED):
        raise InvalidInput("A new workitem is SCHEDULED.", field=STATE, dicom_status="C309", warning=INCONSISTENT)
    for tag, name in EMPTY_AT_FIRST.items():
        if given.get(tag, {}).get("Value"):
            raise InvalidInput(f"{name} {_written(tag)} of a new workitem is empty.", field=tag)
    document: Json = {
        **{tag: {"vr": vr} for tag, vr in MAY_BE_EMPTY.items()},
        **{tag: element for tag, element in given.items() if tag != TRANSACTION_UID},
        SOP_CLASS: words("UI", UPS_PUSH),
        SOP_INSTANCE: words("UI", uid),
        STATE: words("CS", State.SCHEDULED.value),
        MODIFIED: words("DT", date_time(moment)),
    }
    if not text_of(document, WORKLIST):
        document[WORKLIST] = words("LO", DEFAULT_WORKLIST)
    check_required(document)
    return document


def updated(document: Json, changes: Json, moment: datetime) -> Json:
    """Give a workitem with changed attributes.

    Raises
    ------
    InvalidInput
        An attribute cannot be changed, or not to that; names it.
    """
    for tag, name in FIXED.items():
        if tag in changes and changes[tag].get("Value") != document.get(tag, {}).get("Value"):
            raise InvalidInput(f"{name} {_written(tag)} of a workitem cannot be changed by an update.", field=tag)
    taken = {tag: element for tag, element in changes.items() if tag != TRANSACTION_UID}
    changed = {**document, **taken, MODIFIED: words("DT", date_time(moment))}
    check_required(changed)
    return changed


def check_required(document: Json) -> None:
    """See that a workitem says what it has to say all its life.

    Raises
    ------
    InvalidInput
        It does not; names the attribute.
    """
    for tag, name in REQUIRED.items():
        if not text_of(document, tag):
            raise InvalidInput(f"A workitem needs {name} {_written(tag)}.", field=tag)
    for tag, choices in CHOICES.items():
        if text_of(document, tag) not in choices:
            raise InvalidInput(f"{REQUIRED[tag]} {_written(tag)} is one of {', '.join(choices)}.", field=tag)
    if read_date_time(text_of(document, START)) is None:
        raise InvalidInput(f"{REQUIRED[START]} {_written(START)} is no date with time.", field=START)


def check_completed(document: Json) -> None:
    """See that a workitem says what it must before it is completed.

    Raises
    ------
    StateConflict
        It does not; names what is missing.
    """
    if missing := list(_missing(document)):
        raise StateConflict(
            f"Before it is completed, the workitem must say: {', '.join(missing)}.",
            dicom_status="C304",
            warning=INCONSISTENT,
            remedy=f"Update the first item of {EMPTY_AT_FIRST[PERFORMED]} {_written(PERFORMED)}.",
        )


def canceled(document: Json, moment: datetime, *, reason: str = "", code: Json | None = None) -> Json:
    """Note when and why a workitem was canceled, as far as its performer has not."""
    first = dict(next(iter(items_of(document, PROGRESS)), {}))
    if not text_of(first, CANCELLED_AT):
        first[CANCELLED_AT] = words("DT", date_time(moment))
    if not items_of(first, CANCEL_CODE):
        first[CANCEL_CODE] = sequence(code or UNSPECIFIED)
    if reason and not text_of(first, CANCEL_REASON):
        first[CANCEL_REASON] = words("LT", reason)
    return {**document, PROGRESS: sequence(first)}


def _missing(document: Json) -> Iterator[str]:
    first = next(iter(items_of(document, PERFORMED)), {})
    for tag, name in PERFORMED_REQUIRED.items():
        if not first.get(tag, {}).get("Value"):
            yield f"{name} {_written(tag)}"
    for tag, name in PERFORMED_PRESENT.items():
        if tag not in first:
            yield f"{name} {_written(tag)}"


def _written(tag: str) -> str:
    return f"({tag[:4]},{tag[4:]})"
