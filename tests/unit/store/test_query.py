"""QIDO-RS queries find what matches within a project, and refuse what has no meaning."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydicom import Dataset

from kahua.errors import InvalidInput, TooMuch
from kahua.store import Archive, MemoryData, Origin
from kahua.store.dicomweb import beyond, selection
from kahua.store.dicomweb import documents as documents_module
from kahua.store.dicomweb import query as query_module
from kahua.store.dicomweb.attributes import Level
from kahua.store.dicomweb.documents import Documents
from kahua.store.dicomweb.query import Answer, find, parse_query
from kahua.testing.archive import archive_in
from kahua.testing.factory import CT_IMAGE_STORAGE, MR_IMAGE_STORAGE, ct_series, data_set_bytes, mr_series

BASE = "https://site.example/dicom-web/main"

Json = dict[str, Any]

NEWEST = {"StudyDate": "20251224", "GantryDetectorTilt": "15", "OperatorsName": "Läufer^Ute"}


def keep(archive: Archive, instances: list[Dataset], project: str = "main") -> None:
    for instance in instances:
        archive.store_dataset(
            project,
            sop_class_uid=instance.SOPClassUID,
            sop_instance_uid=instance.SOPInstanceUID,
            transfer_syntax_uid="1.2.840.10008.1.2.1",
            data=MemoryData(memoryview(data_set_bytes(instance))),
            origin=Origin(door="dimse", sender="SCANNER"),
        )


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, any_database_url: str | None) -> Iterator[Archive]:
    """Two patients, three series; and in another project a third patient. Only read, and therefore made once."""
    with archive_in(tmp_path_factory.mktemp("queried"), any_database_url) as archive:
        fill(archive)
        yield archive


def requested(step: str) -> dict[str, Any]:
    """Attributes that say for which scheduled step something was made."""
    item = Dataset()
    item.ScheduledProcedureStepID = step
    item.RequestedProcedureID = "R1"
    return {"RequestAttributesSequence": [item]}


def fill(archive: Archive) -> None:
    keep(archive, ct_series(slices=2, seed="ct", patient_id="P_1", patient_name="Müller^Jörg", StudyDate="20240229"))
    keep(archive, mr_series(slices=3, seed="mr", patient_id="P_1", patient_name="Müller^Jörg", StudyDate="20240229"))
    keep(
        archive, ct_series(slices=1, seed="ct2", patient_id="PX1", patient_name="Doe^Jane", **requested("S7"), **NEWEST)
    )
    keep(archive, ct_series(slices=1, seed="foreign", patient_id="SECRET"), project="other")


def ask(archive: Archive, level: Level, *parameters: tuple[str, str], **within: str) -> Answer:
    with archive.database.look() as look:
        documents = Documents(archive.database, archive.objects, "main", archive.limits.budget)
        query = parse_query(level, parameters)
        return find(look, "main", query, base_url=BASE, documents=documents, **within)


def rows(answer: Answer) -> list[Json]:
    found: list[Json] = json.loads(answer.body)
    assert len(found) == answer.count
    return found


def values(answer: Answer, tag: str) -> list[Any]:
    return [row[tag]["Value"][0] for row in rows(answer)]


def patients(archive: Archive, *parameters: tuple[str, str]) -> list[str]:
    return sorted(values(ask(archive, Level.STUDY, *parameters), "00100020"))


def test_a_study_is_answered_with_its_counts_and_address(filled: Archive) -> None:
    (study,) = rows(ask(filled, Level.STUDY, ("PatientID", "P_1")))
    uid = study["0020000D"]["Value"][0]
    assert study["00100010"]["Value"] == [{"Alphabetic": "Müller^Jörg"}]
    assert study["00080061"] == {"vr": "CS", "Value": ["CT", "MR"]}
    assert study["00201206"] == {"vr": "IS", "Value": [2]}
    assert study["00201208"] == {"vr": "IS", "Value": [5]}
    assert study["00081190"] == {"vr": "UR", "Value": [f"{BASE}/studies/{uid}"]}


@pytest.mark.parametrize("name", ["SOPClassesInStudy", "00080062"])
def test_the_sop_classes_of_studies_are_answered_to_who_asks(filled: Archive, name: str) -> None:
    assert "00080062" not in rows(ask(filled, Level.STUDY))[0]
    found = rows(ask(filled, Level.STUDY, ("includefield", name)))
    classes = {row["00100020"]["Value"][0]: row["00080062"] for row in found}
    assert classes == {
        "P_1": {"vr": "UI", "Value": [CT_IMAGE_STORAGE, MR_IMAGE_STORAGE]},
        "PX1": {"vr": "UI", "Value": [CT_IMAGE_STORAGE]},
    }
    assert ask(filled, Level.STUDY, ("includefield", name), ("PatientID", "nobody")).count == 0


@pytest.mark.parametrize("key", ["InstanceAvailability", "00080054", "NumberOfPatientRelatedStudies"])
def test_what_is_made_for_answers_is_not_matched_and_the_answer_says_so(filled: Archive, key: str) -> None:
    """Matched in the objects, which never have it, it would find nothing."""
    query = parse_query(Level.STUDY, [(key, "1")])
    assert (query.beyond, len(query.warnings)) == ((), 1)
    assert ask(filled, Level.STUDY, (key, "1")).count == 2


def test_series_and_instances_are_answered_below_their_study(filled: Archive) -> None:
    (series,) = rows(ask(filled, Level.SERIES, ("Modality", "MR")))
    study_uid, series_uid = (series[tag]["Value"][0] for tag in ("0020000D", "0020000E"))
    assert series["00201209"] == {"vr": "IS", "Value": [3]}
    found = ask(filled, Level.INSTANCE, study_uid=study_uid, series_uid=series_uid)
    assert values(found, "00200013") == [1, 2, 3]
    assert set(values(found, "0020000E")) == {series_uid}
    assert values(found, "00081190")[0].startswith(f"{BASE}/studies/{study_uid}/series/{series_uid}/instances/")


@pytest.mark.parametrize("level", list(Level))
def test_nothing_of_another_project_is_found(filled: Archive, level: Level) -> None:
    assert b"SECRET" not in ask(filled, level).body
    foreign = ct_series(slices=1, seed="foreign", patient_id="SECRET")[0]
    assert rows(ask(filled, level, ("StudyInstanceUID", foreign.StudyInstanceUID))) == []
    assert rows(ask(filled, level, study_uid=foreign.StudyInstanceUID)) == []


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("PatientID", "P_1", ["P_1"]),
        ("00100020", "P_1", ["P_1"]),
        ("PatientID", "p_1", []),
        ("PatientID", "P*", ["PX1", "P_1"]),
        ("PatientID", "P?1", ["PX1", "P_1"]),
        ("PatientID", "P_*", ["P_1"]),
        ("PatientID", "%", []),
        ("PatientID", "*", ["PX1", "P_1"]),
        ("PatientID", "", ["PX1", "P_1"]),
        ("PatientName", "muller^jorg", ["P_1"]),
        ("PatientName", "MÜLLER*", ["P_1"]),
        ("PatientName", "*jane", ["PX1"]),
        ("PatientName", "doe^jane^^", ["PX1"]),
        ("PatientName", "Doe^Jane=", ["PX1"]),
        ("PatientName", "=Doe^Jane", []),
        ("PatientName", "doe^jane^*", ["PX1"]),
        ("PatientID", "p*", []),
        ("PatientID", " P_1 ", ["P_1"]),
        ("PatientID", "P_1\\PX?", ["PX1", "P_1"]),
        ("PatientSex", "O\\M", ["PX1", "P_1"]),
        ("StudyDate", "20240229\\20200101-20200102", ["P_1"]),
        ("StudyDate", "20240229", ["P_1"]),
        ("StudyDate", "20240101-20241231", ["P_1"]),
        ("StudyDate", "20250101-", ["PX1"]),
        ("StudyDate", "-20240229", ["P_1"]),
        ("StudyTime", "1015", ["PX1", "P_1"]),
        ("StudyTime", "1100-", []),
        ("ModalitiesInStudy", "MR", ["P_1"]),
        ("ModalitiesInStudy", "CT", ["PX1", "P_1"]),
        ("SOPClassesInStudy", MR_IMAGE_STORAGE, ["P_1"]),
        ("00080062", f"{CT_IMAGE_STORAGE}\\1.2.3", ["PX1", "P_1"]),
        ("SOPClassesInStudy", "1.2.3", []),
        ("AccessionNumber", "nothing", []),
    ],
)
def test_a_value_matches_as_its_attribute_says(filled: Archive, name: str, value: str, found: list[str]) -> None:
    assert patients(filled, (name, value)) == found


def test_a_list_is_a_value_where_that_is_wanted(filled: Archive) -> None:
    assert patients(filled, ("PatientID", "P_1\\PX1"), ("multiplevaluematching", "false")) == []
    assert patients(filled, ("PatientID", "P_1\\PX1"), ("multiplevaluematching", "true")) == ["PX1", "P_1"]


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("AccessionNumber", '""', []),
        ("ReferringPhysicianName", '""', ["PX1", "P_1"]),
        ("OperatorsName", '""', ["P_1"]),
        ("PatientID", '""\\PX1', ["PX1"]),
        ("ModalitiesInStudy", '""', []),
        ("SOPClassesInStudy", '""', []),
    ],
)
def test_having_no_value_is_matched_where_that_is_wanted(
    filled: Archive, name: str, value: str, found: list[str]
) -> None:
    assert patients(filled, (name, value), ("emptyvaluematching", "true")) == found
    literal = {"PX1"} & set(found) if "PX1" in value else set()
    assert set(patients(filled, (name, value))) == literal


@pytest.mark.parametrize(
    ("dates", "times", "found"),
    [
        ("20240229-20251224", "1100-1200", ["PX1"]),
        ("20240228-20240229", "2300-1015", ["P_1"]),
        ("20240229-20240229", "1016-1200", []),
        ("20240229-", "1016-", ["PX1"]),
        ("-20251224", "-1014", ["P_1"]),
        ("20240229", "1000-1100", ["P_1"]),
        ("20240101-", "-1000", []),
        ("20240229-20251224", "1016-", []),
        ("20240229-20251224", "1015-", ["PX1", "P_1"]),
    ],
)
def test_a_date_and_a_time_are_one_moment(filled: Archive, dates: str, times: str, found: list[str]) -> None:
    assert patients(filled, ("StudyDate", dates), ("StudyTime", times)) == found


def test_conditions_narrow_each_other(filled: Archive) -> None:
    assert patients(filled, ("PatientID", "P*"), ("StudyDate", "20240229")) == ["P_1"]


@pytest.mark.parametrize("level", list(Level))
def test_modalities_in_study_match_by_any_series_of_the_study(filled: Archive, level: Level) -> None:
    studies = set(values(ask(filled, Level.SERIES, ("Modality", "MR")), "0020000D"))
    found = ask(filled, level, ("ModalitiesInStudy", "MR"))
    assert set(values(found, "0020000D")) == studies
    whole = [ask(filled, level, study_uid=uid).count for uid in studies]
    assert found.count == sum(whole)
    assert ask(filled, level, ("ModalitiesInStudy", "US")).count == 0


@pytest.mark.parametrize("separator", [",", "\\"])
def test_a_list_of_uids_finds_each_of_them(filled: Archive, separator: str) -> None:
    uids = values(ask(filled, Level.STUDY), "0020000D")
    assert patients(filled, ("StudyInstanceUID", separator.join(uids))) == ["PX1", "P_1"]
    assert len(patients(filled, ("StudyInstanceUID", uids[0]))) == 1


def test_fuzzy_matching_goes_by_the_beginnings_of_words(filled: Archive) -> None:
    assert patients(filled, ("PatientName", "jor"), ("fuzzymatching", "true")) == ["P_1"]
    assert patients(filled, ("PatientName", "mull jor"), ("fuzzymatching", "true")) == ["P_1"]
    assert patients(filled, ("PatientName", "jor")) == []


def test_pages_do_not_overlap_and_miss_nothing(filled: Archive) -> None:
    uids = [
        uid
        for offset in range(0, 8, 2)
        for uid in values(ask(filled, Level.INSTANCE, ("limit", "2"), ("offset", str(offset))), "00080018")
    ]
    assert len(uids) == len(set(uids)) == 6


@pytest.mark.parametrize(
    ("level", "name", "value"),
    [
        (Level.STUDY, "PatientName", "MÜLLER*"),
        (Level.STUDY, "PatientID", "P_1"),
        (Level.SERIES, "Modality", "CT"),
        (Level.SERIES, "PatientID", "P_1"),
        (Level.INSTANCE, "Modality", "CT"),
        (Level.INSTANCE, "PatientName", "doe*"),
    ],
)
def test_few_rows_and_many_are_found_in_the_same_order(
    filled: Archive, monkeypatch: pytest.MonkeyPatch, level: Level, name: str, value: str
) -> None:
    few = ask(filled, level, (name, value))
    monkeypatch.setattr(selection, "FEW", 0)
    assert ask(filled, level, (name, value)) == few
    assert few.count > 0


def test_the_newest_study_comes_first_and_what_belongs_to_it_together(filled: Archive) -> None:
    assert values(ask(filled, Level.STUDY), "00080020") == ["20251224", "20240229"]
    assert values(ask(filled, Level.SERIES), "00080020") == ["20251224", "20240229", "20240229"]
    series = values(ask(filled, Level.INSTANCE), "0020000E")
    assert len({uid for uid, before in zip(series, ["", *series], strict=False) if uid != before}) == len(set(series))


def test_an_answer_says_when_there_is_more(filled: Archive) -> None:
    assert ask(filled, Level.INSTANCE, ("limit", "5")).truncated
    assert not ask(filled, Level.INSTANCE, ("limit", "6")).truncated


def test_no_answer_is_longer_than_the_cap(filled: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_module, "MAX_LIMIT", 4)
    answer = ask(filled, Level.INSTANCE, ("limit", "100000"))
    assert (answer.count, answer.truncated) == (4, True)


@pytest.mark.parametrize(
    ("level", "name", "value", "words"),
    [
        (Level.STUDY, "Shoesize", "44", "Shoesize names no attribute"),
        (Level.STUDY, "", "44", "names no attribute"),
        (Level.STUDY, "PatientID.CodeValue", "44", "leads through something that is no sequence"),
        (Level.STUDY, ".".join(["RequestAttributesSequence"] * 9), "1", "at most 7 sequences deep"),
        (Level.STUDY, "PixelData", "44", "no attribute that a query can match"),
        (Level.STUDY, "PatientName", "a=b=c=d", "three component groups"),
        (Level.STUDY, "PatientID", "\\".join("12345" * 11), "at most 50 values"),
        (Level.STUDY, "RequestAttributesSequence", "44", "no attribute that a query can match"),
        (Level.STUDY, "RequestAttributesSequence.ScheduledProcedureStepID", "*a" * 11, "wildcards"),
        (Level.STUDY, "ScheduledProcedureStepStartDate", "soon", "is no date or time"),
        (Level.STUDY, "fuzzymatching", "perhaps", "neither true nor false"),
        (Level.STUDY, "SOPInstanceUID", "1.2", "SOPInstanceUID cannot be matched"),
        (Level.STUDY, "StudyDate", "yesterday", "StudyDate is no date"),
        (Level.STUDY, "StudyDate", "-", "StudyDate is no date"),
        (Level.STUDY, "StudyTime", "10-15-20", "StudyTime is no date or time"),
        (Level.SERIES, "SeriesNumber", "one", "SeriesNumber is no whole number"),
        (Level.STUDY, "limit", "-1", "limit is no whole number"),
        (Level.STUDY, "limit", "٣", "limit is no whole number"),
        (Level.STUDY, "offset", "9" * 50, "offset"),
        (Level.STUDY, "includefield", "'; DROP TABLE", "includefield"),
        (Level.STUDY, "PatientID", "*a" * 11, "wildcards"),
        (Level.STUDY, "PatientID", "a\0b", "no value has"),
        (Level.STUDY, "StudyInstanceUID", ",".join(["1.2"] * 501), "more than 500"),
    ],
)
def test_what_has_no_meaning_is_refused(filled: Archive, level: Level, name: str, value: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        ask(filled, level, (name, value))


@pytest.mark.parametrize("value", ["' OR 1=1 --", '"; DROP TABLE studies; --', "\\", "%%", "[a-z]", "(((((", "٣"])
def test_hostile_text_is_a_value_and_nothing_else(filled: Archive, value: str) -> None:
    for name in ("PatientID", "PatientName", "StudyInstanceUID", "StudyDescription"):
        assert rows(ask(filled, Level.STUDY, (name, value))) == []
    assert patients(filled) == ["PX1", "P_1"]


def test_two_patients_under_one_study_uid_stay_two_rows(archive: Archive) -> None:
    for patient in ("A", "B"):
        keep(archive, ct_series(slices=1, seed=patient, patient_id=patient, StudyInstanceUID="1.2.3"))
    assert patients(archive, ("StudyInstanceUID", "1.2.3")) == ["A", "B"]


@pytest.mark.parametrize(
    ("level", "name", "value", "count"),
    [
        (Level.STUDY, "00400275.00400009", "S7", 1),
        (Level.STUDY, "RequestAttributesSequence.ScheduledProcedureStepID", "S?", 1),
        (Level.STUDY, "RequestAttributesSequence.ScheduledProcedureStepID", "S8", 0),
        (Level.STUDY, "RequestAttributesSequence.ScheduledProcedureStepID", "", 2),
        (Level.SERIES, "RequestAttributesSequence.RequestedProcedureID", "R1", 1),
        (Level.INSTANCE, "GantryDetectorTilt", "15.0", 1),
        (Level.SERIES, "OperatorsName", "laufer*", 1),
        (Level.SERIES, "OperatorsName", "UTE", 0),
        (Level.INSTANCE, "OperatorsName", "läufer^ute^^=", 1),
        (Level.INSTANCE, "ConvolutionKernel", "h*", 0),
        (Level.INSTANCE, "ConvolutionKernel", "B20\\H*", 3),
        (Level.INSTANCE, "PatientComments", "44", 0),
    ],
)
def test_attributes_beyond_the_index_are_matched_in_the_objects(
    filled: Archive, level: Level, name: str, value: str, count: int
) -> None:
    assert ask(filled, level, (name, value)).count == count


def test_pages_of_what_is_matched_in_the_objects_miss_nothing(filled: Archive) -> None:
    pages = [
        ask(
            filled,
            Level.INSTANCE,
            ("Modality", "CT"),
            ("ExposureTime", "*"),
            ("BitsAllocated", "16"),
            ("limit", "2"),
            offset,
        )
        for offset in [("offset", "0"), ("offset", "2")]
    ]
    assert [(page.count, page.truncated) for page in pages] == [(2, True), (1, False)]
    assert len({uid for page in pages for uid in values(page, "00080018")}) == 3


def test_a_query_that_would_read_too_much_is_refused(filled: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beyond, "MAX_CANDIDATES", 2)
    with pytest.raises(TooMuch, match="More than 2 instances would have to be looked through"):
        ask(filled, Level.INSTANCE, ("GantryDetectorTilt", "15"))
    monkeypatch.setattr(documents_module, "MAX_SERIES", 0)
    with pytest.raises(TooMuch, match="0 series"):
        ask(filled, Level.SERIES, ("PatientID", "PX1"), ("GantryDetectorTilt", "15"))


@pytest.mark.parametrize("name", ["00081070", "OperatorsName", "PatientID,OperatorsName", "all"])
def test_what_is_asked_for_beyond_the_index_is_in_the_answer(filled: Archive, name: str) -> None:
    for level in (Level.SERIES, Level.INSTANCE):
        (row,) = rows(ask(filled, level, ("PatientID", "PX1"), ("includefield", name)))
        assert row["00081070"]["Value"] == [{"Alphabetic": "Läufer^Ute"}]
    (plain,) = rows(ask(filled, Level.SERIES, ("PatientID", "PX1")))
    assert "00081070" not in plain


def test_a_series_is_asked_for_all_that_its_instances_have_in_common(filled: Archive) -> None:
    (series,) = rows(ask(filled, Level.SERIES, ("Modality", "MR"), ("includefield", "all")))
    assert "00180050" in series
    assert "00200013" not in series


def test_instances_say_what_their_study_and_series_are(filled: Archive) -> None:
    (row,) = rows(ask(filled, Level.INSTANCE, ("PatientID", "PX1")))
    assert row["00100020"]["Value"] == ["PX1"]
    assert row["00080060"]["Value"] == ["CT"]
    assert list(row) == [*dict.fromkeys(row)]


def test_bulk_data_of_an_answer_has_an_address(filled: Archive) -> None:
    (row,) = rows(ask(filled, Level.INSTANCE, ("PatientID", "PX1"), ("includefield", "PixelData")))
    assert row["7FE00010"]["BulkDataURI"].startswith(f"{BASE}/studies/")
