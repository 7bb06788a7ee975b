"""QIDO-RS queries find what matches within a project, and refuse what has no meaning."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydicom import Dataset

from kahua.database import Database
from kahua.errors import InvalidInput
from kahua.store import Archive, MemoryData, Origin
from kahua.store.dicomweb import query as query_module
from kahua.store.dicomweb import selection
from kahua.store.dicomweb.attributes import Level
from kahua.store.dicomweb.query import Answer, find, parse_query
from kahua.testing.archive import archive_in
from kahua.testing.factory import ct_series, data_set_bytes, mr_series

BASE = "https://site.example/dicom-web/main"

Json = dict[str, Any]


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


def fill(archive: Archive) -> None:
    keep(archive, ct_series(slices=2, seed="ct", patient_id="P_1", patient_name="Müller^Jörg", StudyDate="20240229"))
    keep(archive, mr_series(slices=3, seed="mr", patient_id="P_1", patient_name="Müller^Jörg", StudyDate="20240229"))
    keep(archive, ct_series(slices=1, seed="ct2", patient_id="PX1", patient_name="Doe^Jane", StudyDate="20251224"))
    keep(archive, ct_series(slices=1, seed="foreign", patient_id="SECRET"), project="other")


def ask(database: Database, level: Level, *parameters: tuple[str, str], **within: str) -> Answer:
    with database.read() as session:
        return find(session, "main", parse_query(level, parameters), base_url=BASE, **within)


def rows(answer: Answer) -> list[Json]:
    found: list[Json] = json.loads(answer.body)
    assert len(found) == answer.count
    return found


def values(answer: Answer, tag: str) -> list[Any]:
    return [row[tag]["Value"][0] for row in rows(answer)]


def patients(database: Database, *parameters: tuple[str, str]) -> list[str]:
    return sorted(values(ask(database, Level.STUDY, *parameters), "00100020"))


def test_a_study_is_answered_with_its_counts_and_address(filled: Archive) -> None:
    (study,) = rows(ask(filled.database, Level.STUDY, ("PatientID", "P_1")))
    uid = study["0020000D"]["Value"][0]
    assert study["00100010"]["Value"] == [{"Alphabetic": "Müller^Jörg"}]
    assert study["00080061"] == {"vr": "CS", "Value": ["CT", "MR"]}
    assert study["00201206"] == {"vr": "IS", "Value": [2]}
    assert study["00201208"] == {"vr": "IS", "Value": [5]}
    assert study["00081190"] == {"vr": "UR", "Value": [f"{BASE}/studies/{uid}"]}


def test_series_and_instances_are_answered_below_their_study(filled: Archive) -> None:
    (series,) = rows(ask(filled.database, Level.SERIES, ("Modality", "MR")))
    study_uid, series_uid = (series[tag]["Value"][0] for tag in ("0020000D", "0020000E"))
    assert series["00201209"] == {"vr": "IS", "Value": [3]}
    found = ask(filled.database, Level.INSTANCE, study_uid=study_uid, series_uid=series_uid)
    assert values(found, "00200013") == [1, 2, 3]
    assert set(values(found, "0020000E")) == {series_uid}
    assert values(found, "00081190")[0].startswith(f"{BASE}/studies/{study_uid}/series/{series_uid}/instances/")


@pytest.mark.parametrize("level", list(Level))
def test_nothing_of_another_project_is_found(filled: Archive, level: Level) -> None:
    assert b"SECRET" not in ask(filled.database, level).body
    foreign = ct_series(slices=1, seed="foreign", patient_id="SECRET")[0]
    assert rows(ask(filled.database, level, ("StudyInstanceUID", foreign.StudyInstanceUID))) == []
    assert rows(ask(filled.database, level, study_uid=foreign.StudyInstanceUID)) == []


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
        ("StudyDate", "20240229", ["P_1"]),
        ("StudyDate", "20240101-20241231", ["P_1"]),
        ("StudyDate", "20250101-", ["PX1"]),
        ("StudyDate", "-20240229", ["P_1"]),
        ("StudyTime", "1015", ["PX1", "P_1"]),
        ("StudyTime", "1100-", []),
        ("ModalitiesInStudy", "MR", ["P_1"]),
        ("ModalitiesInStudy", "CT", ["PX1", "P_1"]),
        ("AccessionNumber", "nothing", []),
    ],
)
def test_a_value_matches_as_its_attribute_says(filled: Archive, name: str, value: str, found: list[str]) -> None:
    assert patients(filled.database, (name, value)) == found


def test_conditions_narrow_each_other(filled: Archive) -> None:
    assert patients(filled.database, ("PatientID", "P*"), ("StudyDate", "20240229")) == ["P_1"]


@pytest.mark.parametrize("separator", [",", "\\"])
def test_a_list_of_uids_finds_each_of_them(filled: Archive, separator: str) -> None:
    uids = values(ask(filled.database, Level.STUDY), "0020000D")
    assert patients(filled.database, ("StudyInstanceUID", separator.join(uids))) == ["PX1", "P_1"]
    assert len(patients(filled.database, ("StudyInstanceUID", uids[0]))) == 1


def test_fuzzy_matching_goes_by_the_beginnings_of_words(filled: Archive) -> None:
    assert patients(filled.database, ("PatientName", "jor"), ("fuzzymatching", "true")) == ["P_1"]
    assert patients(filled.database, ("PatientName", "mull jor"), ("fuzzymatching", "true")) == ["P_1"]
    assert patients(filled.database, ("PatientName", "jor")) == []


def test_pages_do_not_overlap_and_miss_nothing(filled: Archive) -> None:
    uids = [
        uid
        for offset in range(0, 8, 2)
        for uid in values(ask(filled.database, Level.INSTANCE, ("limit", "2"), ("offset", str(offset))), "00080018")
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
    few = ask(filled.database, level, (name, value))
    monkeypatch.setattr(selection, "FEW", 0)
    assert ask(filled.database, level, (name, value)) == few
    assert few.count > 0


def test_the_newest_study_comes_first_and_what_belongs_to_it_together(filled: Archive) -> None:
    assert values(ask(filled.database, Level.STUDY), "00080020") == ["20251224", "20240229"]
    assert values(ask(filled.database, Level.SERIES), "00080020") == ["20251224", "20240229", "20240229"]
    series = values(ask(filled.database, Level.INSTANCE), "0020000E")
    assert len({uid for uid, before in zip(series, ["", *series], strict=False) if uid != before}) == len(set(series))


def test_an_answer_says_when_there_is_more(filled: Archive) -> None:
    assert ask(filled.database, Level.INSTANCE, ("limit", "5")).truncated
    assert not ask(filled.database, Level.INSTANCE, ("limit", "6")).truncated


def test_no_answer_is_longer_than_the_cap(filled: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_module, "MAX_LIMIT", 4)
    answer = ask(filled.database, Level.INSTANCE, ("limit", "100000"))
    assert (answer.count, answer.truncated) == (4, True)


@pytest.mark.parametrize(
    ("level", "name", "value", "words"),
    [
        (Level.STUDY, "Shoesize", "44", "Shoesize cannot be matched in a query for studies"),
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
        ask(filled.database, level, (name, value))


@pytest.mark.parametrize("value", ["' OR 1=1 --", '"; DROP TABLE studies; --', "\\", "%%", "[a-z]", "(((((", "٣"])
def test_hostile_text_is_a_value_and_nothing_else(filled: Archive, value: str) -> None:
    for name in ("PatientID", "PatientName", "StudyInstanceUID", "StudyDescription"):
        assert rows(ask(filled.database, Level.STUDY, (name, value))) == []
    assert patients(filled.database) == ["PX1", "P_1"]


def test_two_patients_under_one_study_uid_stay_two_rows(archive: Archive) -> None:
    for patient in ("A", "B"):
        keep(archive, ct_series(slices=1, seed=patient, patient_id=patient, StudyInstanceUID="1.2.3"))
    assert patients(archive.database, ("StudyInstanceUID", "1.2.3")) == ["A", "B"]
