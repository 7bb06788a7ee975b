"""The states of a workitem, and what is possible in each (PS3.4 table CC.1.1-2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kahua.errors import InvalidInput, KahuaError, StateConflict


class State(StrEnum):
    """Procedure Step State (0074,1000)."""

    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"


#: States in which nothing changes any more.
FINAL: Final = frozenset({State.COMPLETED, State.CANCELED})

#: What a user agent is told in the header Warning (PS3.18 sections 11.6.3.2 and 11.7.3.2), by status of PS3.4.
MISSING: Final = "The Transaction UID is missing."
INCORRECT: Final = "The Transaction UID is incorrect."
INCONSISTENT: Final = "The submitted request is inconsistent with the current state of the Workitem."
UNCLAIMED: Final = "The target URI did not reference a claimed Workitem."


@dataclass(frozen=True)
class Refusal:
    """Why a change is impossible; the status is that of PS3.4."""

    status: str
    reason: str
    warning: str = INCONSISTENT


@dataclass(frozen=True)
class Already:
    """The workitem is in that state already: nothing changes, and the caller is told so."""

    warning: str


_RUNNING: Final = Refusal("C302", "The workitem is in progress already.")
_ENDED: Final = Refusal("C300", "The workitem has ended and can no longer be changed.")
_NOT_STARTED: Final = Refusal("C310", "The workitem is not in progress yet.", UNCLAIMED)
_NEVER: Final = Refusal("C303", "A workitem becomes scheduled by being created, and in no other way.")
_CANCELED: Final = Already("The UPS is already in the requested state of CANCELED.")
_COMPLETED: Final = Already("The UPS is already in the requested state of COMPLETED.")

#: What becomes of a wish for a state, from each state, of somebody with the right Transaction UID; None: it is done.
CHANGES: Final[Mapping[tuple[State, State], Refusal | Already | None]] = {
    (State.SCHEDULED, State.SCHEDULED): _NEVER,
    (State.SCHEDULED, State.IN_PROGRESS): None,
    (State.SCHEDULED, State.COMPLETED): _NOT_STARTED,
    (State.SCHEDULED, State.CANCELED): _NOT_STARTED,
    (State.IN_PROGRESS, State.SCHEDULED): _NEVER,
    (State.IN_PROGRESS, State.IN_PROGRESS): _RUNNING,
    (State.IN_PROGRESS, State.COMPLETED): None,
    (State.IN_PROGRESS, State.CANCELED): None,
    (State.COMPLETED, State.SCHEDULED): _NEVER,
    (State.COMPLETED, State.IN_PROGRESS): _ENDED,
    (State.COMPLETED, State.COMPLETED): _COMPLETED,
    (State.COMPLETED, State.CANCELED): _ENDED,
    (State.CANCELED, State.SCHEDULED): _NEVER,
    (State.CANCELED, State.IN_PROGRESS): _ENDED,
    (State.CANCELED, State.COMPLETED): _ENDED,
    (State.CANCELED, State.CANCELED): _CANCELED,
}

#: The same for a request to cancel, of anybody; None: it is passed on, or done where nobody performs the workitem.
CANCELLATIONS: Final[Mapping[State, Refusal | Already | None]] = {
    State.SCHEDULED: None,
    State.IN_PROGRESS: None,
    State.COMPLETED: Refusal("C311", "The workitem is completed already."),
    State.CANCELED: _CANCELED,
}

#: The same for an update, with or without a Transaction UID where none was recorded.
ENDED_UPDATE: Final = _ENDED
UNCLAIMED_UPDATE: Final = _NOT_STARTED


def refused(refusal: Refusal) -> StateConflict:
    """Give the error that tells a refusal."""
    return StateConflict(refusal.reason, dicom_status=refusal.status, warning=refusal.warning)


def wrong_transaction(given: str) -> KahuaError:
    """Give the error that tells that a Transaction UID is missing or another one."""
    if not given:
        return InvalidInput("The Transaction UID is missing.", field="00081195", dicom_status="C301", warning=MISSING)
    return InvalidInput(
        "The Transaction UID is not that of whoever performs the workitem.",
        field="00081195",
        dicom_status="C301",
        warning=INCORRECT,
    )
