"""Keys within sequences match items, and keys of a study its series."""

from typing import Any

import pytest

from kahua.dicom.matching import Keys, attribute_path
from kahua.dicom.rules import Rules
from kahua.errors import InvalidInput

Json = dict[str, Any]

STEP, PROCEDURE = "RequestAttributesSequence.ScheduledProcedureStepID", "RequestAttributesSequence.RequestedProcedureID"
CODE = "RequestAttributesSequence.ScheduledProtocolCodeSequence.CodeValue"


def keys(rules: Rules | None = None, **values: str) -> Keys:
    names = {"step": STEP, "procedure": PROCEDURE, "code": CODE, "institution": "InstitutionName"}
    return Keys([(attribute_path(names[name]), value) for name, value in values.items()], rules or Rules())


def sequence(*items: Json) -> Json:
    return {"vr": "SQ", "Value": list(items)}


def text(value: str) -> Json:
    return {"vr": "SH", "Value": [value]}


REQUESTS = {
    "00400275": sequence(
        {"00400009": text("S1"), "00401001": text("R1"), "00400008": sequence({"00080100": text("A")})},
        {"00400009": text("S2"), "00401001": text("R2"), "00400008": sequence({"00080100": text("B")}, {})},
    )
}


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ({"step": "S1", "procedure": "R1"}, True),
        ({"step": "S1", "procedure": "R2"}, False),
        ({"step": "S2", "code": "B"}, True),
        ({"step": "S1", "code": "B"}, False),
        ({"step": "S?", "procedure": "R2", "code": "?"}, True),
        ({"step": "", "code": "B"}, True),
    ],
)
def test_all_that_is_asked_for_in_a_sequence_is_in_one_item(wanted: dict[str, str], *, fits: bool) -> None:
    assert keys(**wanted).fit(REQUESTS) is fits


@pytest.mark.parametrize(("document", "fits"), [({}, True), ({"00400275": sequence({})}, True), (REQUESTS, False)])
def test_what_has_no_item_has_nothing_in_it(document: Json, *, fits: bool) -> None:
    assert keys(Rules(empty=True), step='""').fit(document) is fits


def test_a_sequence_that_holds_something_else_matches_nothing() -> None:
    assert not keys(step="S1").fit({"00400275": {"vr": "LO", "Value": ["S1"]}})


def test_what_is_asked_of_a_study_may_be_in_several_of_its_series() -> None:
    series = [REQUESTS, {"00080080": text("Hilo")}]
    wanted = keys(step="S1", institution="Hilo")
    assert wanted.fit_together(series)
    assert not any(wanted.fit(each) for each in series)


@pytest.mark.parametrize(
    ("found", "wanted", "fits"),
    [
        ("20240131101500", "20240131", True),
        ("20240131101500", "2024013110-2024013111", True),
        ("20240131101500.5", "20240131101500", True),
        ("20240131101500.5", "20240131101500.4-20240131101500.6", True),
        ("20240131101500", "20240131101500.5-", False),
        ("2024", "20240101-", True),
        ("2024", "-2023", False),
        ("20240131101500+0100", "20240131091500+0000", True),
        ("20240131101500+0100", "20240131091500", False),
        ("20240131101500+0100", "202401311015", True),
        ("20240131233000-0500", "20240201042959+0000-20240201043001+0000", True),
        ("20240131233000-0500", "20240201", False),
        ("202401312330-0500", "-20240201043000+0000", True),
        ("202401312330-0500", "-20240201042959+0000", False),
        ("20240131101500", "20240131101500-0500-", True),
        ("20240131101500+1400", "20240130201500+0000", True),
        ("20240230101500+0100", "2024-", True),
        ("yesterday", "2024-", False),
    ],
)
def test_moments_are_compared_in_utc_where_both_say_their_offset(found: str, wanted: str, *, fits: bool) -> None:
    key = Keys([(attribute_path("AcquisitionDateTime"), wanted)])
    assert key.fit({"0008002A": {"vr": "DT", "Value": [found]}}) is fits


@pytest.mark.parametrize("wanted", ["20240101-2024-2025", "20240101+1500", "+0100", "202"])
def test_what_is_no_moment_is_refused(wanted: str) -> None:
    with pytest.raises(InvalidInput, match="no date or time"):
        Keys([(attribute_path("AcquisitionDateTime"), wanted)])
