"""Workitems for tests: what a creator sends, and what a performer says in the end."""

from typing import Any

from kahua.dicom import new_uid
from kahua.store.workitems.documents import code_item, sequence, words

Json = dict[str, Any]


def new_workitem(**changes: Json) -> Json:
    """Return what a new workitem has to say; changes are elements by tag, with a `t` before: ``t00100020``."""
    document = {
        "00741000": words("CS", "SCHEDULED"),
        "00741200": words("CS", "MEDIUM"),
        "00741204": words("LO", "Find what is bright"),
        "00404005": words("DT", "20260101120000+0000"),
        "00404041": words("CS", "READY"),
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]},
        "00100020": words("LO", "P1"),
        "00404018": sequence(code_item("110005", "DCM", "Interpretation")),
    }
    return document | {tag.removeprefix("t"): element for tag, element in changes.items()}


def performed() -> Json:
    """Return what the performer of a workitem has to say before it is completed."""
    return {
        "00741216": sequence(
            {
                "00404028": sequence(code_item("ROBOT", "99TEST", "A robot")),
                "00404050": words("DT", "20260101120000"),
                "00404051": words("DT", "20260101120100"),
                "00404019": sequence(code_item("110005", "DCM", "Interpretation")),
                "00404033": {"vr": "SQ"},
            }
        )
    }


def state(name: str, transaction_uid: str = "") -> Json:
    """Return the request for a state."""
    wish = {"00741000": words("CS", name)}
    return wish | {"00081195": words("UI", transaction_uid)} if transaction_uid else wish


def input_of(study_uid: str, series_uid: str = "", instances: tuple[tuple[str, str], ...] = ()) -> Json:
    """Return an item of the Input Information Sequence; instances are SOP class and instance UIDs."""
    item: Json = {"0040E020": words("CS", "DICOM"), "0020000D": words("UI", study_uid)}
    if series_uid:
        item["0020000E"] = words("UI", series_uid)
    if instances:
        item["00081199"] = sequence(
            *({"00081150": words("UI", sop_class), "00081155": words("UI", uid)} for sop_class, uid in instances)
        )
    return item


def transaction() -> str:
    """Return a new Transaction UID."""
    return new_uid()
