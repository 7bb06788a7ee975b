"""Each check finds what is wrong, says it in words, and says nothing of a series that is right."""

import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest
from pydicom import Dataset

from kahua.dicom import INSTANCE_TAGS, Budget, dicom_json, read_file_meta, scan
from kahua.store import InstanceRow, SeriesRow, StudyRow
from kahua.store.validation.completeness import check_completeness, missing_series
from kahua.store.validation.conformance import conformance
from kahua.store.validation.contents import check_contents, missing_instances, read_contents
from kahua.store.validation.facts import Facts, InstanceFacts
from kahua.store.validation.findings import Finding, Severity, badge_of
from kahua.store.validation.geometry import check_geometry
from kahua.store.validation.identity import check_identity
from kahua.testing.factory import ct_series, mr_series, part10

Change = Callable[[list[Dataset]], Any]


def instance_facts(instance: Dataset) -> InstanceFacts:
    content = part10(instance)
    meta = read_file_meta(io.BytesIO(content))
    header = scan(
        io.BytesIO(content),
        offset=meta.data_offset,
        size=len(content) - meta.data_offset,
        transfer_syntax_uid=meta.transfer_syntax_uid,
        budget=Budget(),
    )
    row = InstanceRow(
        sop_instance_uid=header.sop_instance_uid,
        sop_class_uid=header.sop_class_uid,
        transfer_syntax_uid=header.transfer_syntax_uid,
        instance_number=header.integer("00200013"),
        size=len(content),
        pixel_offset=header.pixel_offset,
        rows=header.rows,
        columns=header.columns,
        number_of_frames=header.number_of_frames,
        findings=orjson.dumps(header.findings).decode() if header.findings else "",
    )
    return InstanceFacts(row=row, elements=orjson.loads(dicom_json(header.elements, INSTANCE_TAGS)))


def facts(instances: Sequence[Dataset], **around: Any) -> Facts:
    series = SeriesRow(
        modality=instances[0].Modality,
        series_uid=instances[0].SeriesInstanceUID,
        preview_state=around.pop("preview_state", "ready"),
        preview_note=around.pop("preview_note", ""),
    )
    known: dict[str, Any] = {"conflicts": (), "other_patients": (), "twins": 0, "targets": (), "sources": ()}
    return Facts(
        series=series,
        study=StudyRow(patient_id=instances[0].PatientID),
        instances=[instance_facts(instance) for instance in instances],
        **(known | around),
    )


def all_findings(of: Facts) -> dict[str, Finding]:
    checks = (check_identity, check_completeness, missing_series, check_geometry)
    return {finding.code: finding for check in checks for finding in check(of)}


def without(*numbers: int) -> Change:
    def change(series: list[Dataset]) -> None:
        for number in sorted(numbers, reverse=True):
            del series[number]

    return change


def moved(series: list[Dataset]) -> None:
    x, y, z = series[3].ImagePositionPatient
    series[3].ImagePositionPatient = [x, y, z + 1]


def tilted(series: list[Dataset]) -> None:
    for number, instance in enumerate(series):
        x, y, z = instance.ImagePositionPatient
        instance.ImagePositionPatient = [x, y + number * 1.0, z]


def doubled(series: list[Dataset]) -> None:
    series[4].ImagePositionPatient = series[3].ImagePositionPatient


def turned(series: list[Dataset]) -> None:
    for instance in series[:3]:
        instance.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]


def unplaced(series: list[Dataset]) -> None:
    del series[2].ImagePositionPatient


def time_points(series: list[Dataset]) -> None:
    for number, instance in enumerate(series):
        instance.ImagePositionPatient = series[number % 4].ImagePositionPatient
        instance.TemporalPositionIdentifier = number // 4 + 1


@pytest.mark.parametrize("make", [ct_series, mr_series])
def test_nothing_is_found_about_a_series_that_is_right(make: Callable[..., list[Dataset]]) -> None:
    assert all_findings(facts(make(slices=8))) == {}


@pytest.mark.parametrize(
    ("change", "code", "severity", "words"),
    [
        (without(3), "missing-slices", Severity.WARNING, "One slice is missing: at -1.5 mm"),
        (without(3, 4), "missing-slices", Severity.WARNING, "2 slices are missing"),
        (without(3, 4), "instance-number-gap", Severity.WARNING, "between 1 and 8: 4–5 (2 of 8)"),
        (moved, "uneven-spacing", Severity.WARNING, "not evenly spaced"),
        (tilted, "gantry-tilt", Severity.WARNING, "tilted by 18.4 degrees"),
        (doubled, "doubled-positions", Severity.WARNING, "At 1 of 7 places"),
        (turned, "several-stacks", Severity.NOTE, "2 stacks"),
        (unplaced, "no-position", Severity.WARNING, "1 of 8 images do not say"),
        (time_points, "several-time-points", Severity.NOTE, "At each of 4 places lie 2 images"),
    ],
)
def test_what_is_wrong_with_the_geometry_is_told(change: Change, code: str, severity: Severity, words: str) -> None:
    series = ct_series(slices=8)
    change(series)
    found = all_findings(facts(series))[code]
    assert found.severity is severity
    assert words in found.sentence
    assert found.remedy


def test_time_points_are_no_doubled_positions() -> None:
    series = ct_series(slices=8)
    time_points(series)
    assert set(all_findings(facts(series))) == {"several-time-points"}


def test_an_unknown_compression_is_told_of() -> None:
    (image,) = ct_series(slices=1)
    of = facts([image])
    of.instances[0].row.transfer_syntax_uid = "1.2.3.4"
    assert "not read here" in all_findings(of)["undecodable-syntax"].sentence
    of.instances[0].row.transfer_syntax_uid = "1.2.840.10008.1.2.4.102"
    assert all_findings(of)["video"].severity is Severity.NOTE


def test_pictures_that_failed_are_an_error_with_their_reason() -> None:
    found = all_findings(facts(ct_series(slices=1), preview_state="failed", preview_note="It is damaged."))
    assert found["undecodable-pixels"].sentence == "No picture could be made: It is damaged."


def test_what_was_odd_on_arrival_is_counted() -> None:
    series = ct_series(slices=3)
    for instance in series[:2]:
        del instance.PixelData
    found = all_findings(facts(series))["odd-instance"]
    assert (found.sentence, found.instances) == ("It has Rows, but no Pixel Data.", 2)


@pytest.mark.parametrize(
    ("around", "code"),
    [
        ({"conflicts": ("1.2.3",)}, "uid-conflict"),
        ({"other_patients": ("P-2",)}, "two-patients"),
        ({"twins": 1}, "series-uid-twice"),
    ],
)
def test_uids_that_were_given_twice_are_told_of(around: dict[str, Any], code: str) -> None:
    assert set(all_findings(facts(ct_series(slices=1), **around))) == {code}


def test_a_missing_patient_id_is_told_of_once() -> None:
    (image,) = ct_series(slices=1, PatientID="")
    assert set(all_findings(facts([image]))) == {"no-patient-id"}


def test_a_segmentation_without_its_image_is_told_of() -> None:
    (image,) = ct_series(slices=1, Modality="SEG")
    found = all_findings(facts([image], targets=("1.2.3",)))["missing-reference"]
    assert found.severity is Severity.WARNING
    assert found.details == ("1.2.3",)
    assert all_findings(facts([image], targets=("1.2.3",), sources=(SeriesRow(series_uid="1.2.3"),))) == {}


def document(**elements: Any) -> bytes:
    return orjson.dumps({tag.lstrip("x"): element for tag, element in elements.items()})


def person(name: str) -> dict[str, Any]:
    return {"vr": "PN", "Value": [{"Alphabetic": name}]}


def test_two_names_in_one_series_are_an_error() -> None:
    contents = read_contents([document(x00100010=person("A")), document(x00100010=person("B"))])
    (found,) = check_contents(contents)
    assert (found.code, found.severity) == ("patient-differs", Severity.ERROR)
    assert found.details == ("Patient's Name: A in 1 instances", "Patient's Name: B in 1 instances")


def test_instances_that_agree_are_not_told_of() -> None:
    assert list(check_contents(read_contents([document(x00100010=person("A"))] * 3))) == []


def test_frames_that_are_not_described_are_an_error() -> None:
    groups = {"vr": "SQ", "Value": [{}, {}]}
    contents = read_contents([document(x52009230=groups, x00280008={"vr": "IS", "Value": [3]})])
    assert [found.code for found in check_contents(contents)] == ["frames-differ"]


def test_missing_instances_are_counted_and_a_study_is_no_instance() -> None:
    def item(uid: str, sop_class: str) -> dict[str, Any]:
        return {"00081150": {"vr": "UI", "Value": [sop_class]}, "00081155": {"vr": "UI", "Value": [uid]}}

    image = item("1.2.1", "1.2.840.10008.5.1.4.1.1.2"), item("1.2.2", "1.2.840.10008.5.1.4.1.1.2")
    study = item("1.2.9", "1.2.840.10008.3.1.2.3.1") | {"30060014": {"vr": "SQ", "Value": list(image)}}
    contents = read_contents([document(x30060012={"vr": "SQ", "Value": [study]})])
    assert contents.referenced == {"1.2.1", "1.2.2"}
    (found,) = missing_instances(contents.referenced, {"1.2.1"}, is_image=False)
    assert found.sentence == "It refers to 2 instances; 1 of them is here."
    assert (found.severity, found.details) == (Severity.WARNING, ("1.2.2",))


def said(*lines: str) -> dict[str, Any]:
    return {"lines": list(lines), "died": ""}


def test_lines_of_the_validator_are_sorted_by_kind_and_counted() -> None:
    line = "Error - </Laterality(0020,0060)> - Missing attribute for Type 2C Conditional - Module=<GeneralSeries>"
    (found,) = conformance([said(line), said(line), said("CTImage")])
    assert (found.code, found.instances, len(found.details)) == ("missing-optional", 2, 1)
    assert found.severity is Severity.NOTE


def test_lines_about_a_dicomdir_or_group_lengths_are_left_out() -> None:
    lines = (
        "Warning - </StudyID(0020,0010)> - Missing attribute or value that would be needed to build DICOMDIR",
        "Warning - </(0008,0000)> - Retired attribute",
    )
    assert list(conformance([said(*lines)])) == []


def test_what_is_said_of_the_source_as_well_is_not_held_against_what_was_made_of_it() -> None:
    line = "Error - <ImageOrientationPatient(0020,0037)> - Orientation vector is not unit vector = <2>"
    (own,) = conformance([said(line)])
    assert own.severity is Severity.WARNING
    (inherited,) = conformance([said(line)], own.details)
    assert inherited.severity is Severity.NOTE
    assert "of the image" in inherited.sentence


def test_a_validator_that_dies_is_a_note() -> None:
    (found,) = conformance([{"lines": [], "died": "died"}])
    assert found.code == "validator-gave-up"


def test_the_badge_is_the_gravest_finding() -> None:
    def found(severity: Severity) -> Finding:
        return Finding(code="x", severity=severity, sentence="x")

    assert badge_of([]) == "ok"
    assert badge_of([found(Severity.NOTE)]) == "notes"
    assert badge_of([found(Severity.NOTE), found(Severity.WARNING)]) == "warnings"
    assert badge_of([found(Severity.ERROR), found(Severity.WARNING)]) == "errors"


@pytest.mark.parametrize(
    ("said", "severity"),
    [
        ("It has Rows, but no Pixel Data.", Severity.ERROR),
        ("Study Instance UID is not a valid UID.", Severity.WARNING),
        ("(0008,1030) has 99 bytes and is left out.", Severity.WARNING),
        ("(0008,1030) is a sequence where it must be a value.", Severity.WARNING),
        ("The data set has implicit value representations, but announces explicit ones.", Severity.WARNING),
        ("The file has no File Meta Information; its encoding is guessed.", Severity.WARNING),
        ("Specific Character Set 'X' is not known; text is read as UTF-8 or Latin-1.", Severity.WARNING),
        ("Study Date is not a date.", Severity.NOTE),
        ("The file has no preamble.", Severity.NOTE),
        ("The File Meta Information names no SOP Class UID; it is written from the data set.", Severity.NOTE),
        ("After the pixels 9 bytes follow that are no data elements.", Severity.NOTE),
    ],
)
def test_for_everything_that_is_odd_there_is_a_way_out(said: str, severity: Severity) -> None:
    of = facts(ct_series(slices=1))
    of.instances[0].row.findings = json.dumps([said]).encode()
    found = all_findings(of)["odd-instance"]
    assert (found.sentence, found.severity) == (said, severity)
    assert found.remedy.endswith(".")
