"""The same keys find the same by C-FIND and by QIDO-RS, and both find what the objects themselves say."""

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydicom import Dataset, config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pynetdicom import AE
from pynetdicom.dsutils import decode, encode
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation
from pynetdicom.sop_class import PatientRootQueryRetrieveInformationModelFind as Find

from kahua.database import engine
from kahua.dicom.matching import Keys, attribute_path
from kahua.dicom.rules import Rules
from kahua.settings import Settings
from kahua.store import Archive, MemoryData, Origin
from kahua.store.dicomweb import documents as documents_module
from kahua.store.dicomweb.attributes import ATTRIBUTES, Attribute, Level, Matching
from kahua.store.dicomweb.documents import Documents
from kahua.store.dicomweb.query import find, parse_query
from kahua.store.dimse import Receiver, Route, finding
from kahua.testing.archive import archive_in
from kahua.testing.factory import CT_IMAGE_STORAGE, MR_IMAGE_STORAGE, ct_series, data_set_bytes, mr_series

from .raw import ACCEPT, DATA, IMPLICIT, RawPeer, connected, query

Json = dict[str, Any]

#: Query/Retrieve Level, resource, and the attributes that make out what is found.
LEVELS = {
    "PATIENT": (Level.STUDY, ("PatientID",)),
    "STUDY": (Level.STUDY, ("StudyInstanceUID", "PatientID")),
    "SERIES": (Level.SERIES, ("SeriesInstanceUID",)),
    "IMAGE": (Level.INSTANCE, ("SOPInstanceUID",)),
}
#: What objects do not say themselves: an image that says no number of frames has one.
COMPUTED = {"ModalitiesInStudy", "SOPClassesInStudy", "NumberOfFrames"}
PATIENT_KEYS = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")
#: What no index has.
PATIENT_BEYOND = ("EthnicGroup",)
BEYOND = (
    *PATIENT_BEYOND,
    "InstitutionName",
    "OperatorsName",
    "GantryDetectorTilt",
    "AcquisitionDateTime",
    "BitsAllocated",
    "FrameIncrementPointer",
    "RequestAttributesSequence.ScheduledProcedureStepID",
    "RequestAttributesSequence.RequestedProcedureID",
)

NAMES = (
    "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "Doe^Jane^^",
    "DOE^JOHN=ドウ^ジョン",
    "Müller^Jörg",
    "Doe",
    "",
)
PHYSICIANS = ("House^Gregory^^Dr", "Ärztin=医師^花子", "")


def requested(*steps: tuple[str, str]) -> list[Dataset]:
    """Say for which scheduled steps, of which requested procedures, something was made."""
    items = []
    for step, procedure in steps:
        items.append(Dataset())
        items[-1].ScheduledProcedureStepID = step
        items[-1].RequestedProcedureID = procedure
    return items


REQUESTED = ([("S1", "R1"), ("S2", "R2")], [("S1", "R2")], [("S2", "")], [])
STUDIES: list[dict[str, Any]] = [
    {
        "patient_id": f"P_{number}",
        "patient_name": NAMES[number % len(NAMES)],
        "ReferringPhysicianName": PHYSICIANS[number % len(PHYSICIANS)],
        "StudyDate": ("20240131", "20240201", "20240229", "")[number % 4],
        "StudyTime": ("08", "101500", "101500.5", "235959.999999", "")[number % 5],
        "AccessionNumber": ("A1", "a1", "A[1", "A_1%", "")[number % 5],
        "StudyDescription": ("Head CT", "HEAD CT", "Schädel", "")[number % 4],
        "PatientSex": "MFO"[number % 3],
        "PatientBirthDate": ("19700101", "")[number % 2],
        "StudyID": ("1", "S*", "")[number % 3],
        "InstitutionName": ("Hilo", "Kona [1]", "")[number % 3],
        "EthnicGroup": ("One", "one", "")[number % 3],
        "OperatorsName": NAMES[number % len(NAMES)],
        "GantryDetectorTilt": ("15", "-1.50", "")[number % 3],
        "AcquisitionDateTime": ("20240131101500", "2024", "")[number % 3],
        "FrameIncrementPointer": (0x00181063, 0x00181065)[number % 2],
        "RequestAttributesSequence": requested(*REQUESTED[number % 4]),
    }
    for number in range(12)
]


def instances() -> Iterator[Dataset]:
    for number, study in enumerate(STUDIES):
        make = (ct_series, mr_series)[number % 2]
        numbers = {"SeriesNumber": number, "BodyPartExamined": ("HEAD", "HEADNECK", "CHEST", "")[number % 4]}
        yield from make(slices=1 + number % 2, rows=8, columns=8 + number, seed=f"a{number}", **study, **numbers)
        if number % 3 == 0:
            yield from ct_series(slices=1, rows=8, columns=8, seed=f"b{number}", **study, Manufacturer="Other [1]")


class Doors:
    """An archive, and two peers of its receiver: names are literal to one, fuzzy to the other."""

    def __init__(self, archive: Archive, address: tuple[str, int], peers: dict[bool, RawPeer]) -> None:
        self.archive = archive
        self.address = address
        self.peers = peers
        self.documents = self._all()
        #: Those before the last one, of the question that was asked last.
        self.statuses: list[int] = []

    def _all(self) -> list[Json]:
        return self.qido(Level.INSTANCE, [("includefield", "all")])

    def qido(self, level: Level, parameters: list[tuple[str, str]]) -> list[Json]:
        documents = Documents(self.archive.database, self.archive.objects, "main", self.archive.limits.budget)
        with self.archive.database.look() as look:
            question = parse_query(level, [*parameters, ("limit", "200")])
            rows: list[Json] = json.loads(find(look, "main", question, base_url="https://a", documents=documents).body)
        return rows

    def c_find(self, level: str, keys: dict[str, str], *, fuzzy: bool) -> list[Dataset]:
        identifier = Dataset()
        with config.disable_value_validation():
            identifier.SpecificCharacterSet = "ISO_IR 192"
            identifier.QueryRetrieveLevel = level
            for keyword in LEVELS[level][1]:
                setattr(identifier, keyword, "")
            for name, value in keys.items():
                *sequences, keyword = name.split(".")
                data_set = identifier
                for sequence in sequences:
                    if sequence not in data_set:
                        setattr(data_set, sequence, [Dataset()])
                    (data_set,) = data_set[sequence].value
                data_set.add_new(keyword, *encodable(dictionary_VR(keyword), value))
            data = encode(identifier, is_implicit_vr=True, is_little_endian=True)
        assert data is not None
        self.peers[fuzzy].send(query(0x0020, data, sop_class=Find, context_id=1))
        self.statuses, rows = answers_to(self.peers[fuzzy])
        assert self.statuses.pop() == 0
        return rows


def encodable(vr: str, value: str) -> tuple[str, Any]:
    """Give a key as pydicom writes it without reading it: implicit encoding does not tell the representation."""
    if vr == "US" and value:
        return vr, [int(each) for each in value.split("\\")]
    if vr == "AT" and value:
        return vr, [int(each, 16) for each in value.split("\\")]
    return ("LO" if vr in {"IS", "DS", "DA", "DT", "TM"} else vr), value


def answers_to(peer: RawPeer) -> tuple[list[int], list[Dataset]]:
    """Read the answers to a question: all statuses, and the data sets."""
    statuses, rows, data = [], [], b""
    while True:
        kind, body = peer.receive()
        assert kind == DATA
        if body[5] & 1:
            place = body.index(struct.pack("<HHL", 0, 0x0900, 2))
            statuses.append(int.from_bytes(body[place + 8 : place + 10], "little"))
            if statuses[-1] not in {0xFF00, 0xFF01}:
                return statuses, rows
            continue
        data += body[6:]
        if body[5] & 2:
            rows.append(decode(BytesIO(data), is_implicit_vr=True, is_little_endian=True))
            data = b""


@contextmanager
def associated(address: tuple[str, int], *, fuzzy: bool) -> Iterator[RawPeer]:
    """Ask for everything that may be negotiated, and for fuzzy matching or not."""
    with connected(address) as peer:
        extended = {Find: bytes([1, 1, fuzzy, 1, 1, 1, 1])}
        kind, _ = peer.associate(contexts={1: (Find, [IMPLICIT])}, extended=extended)
        assert kind == ACCEPT
        yield peer


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory, any_database_url: str | None) -> Iterator[Doors]:
    folder = tmp_path_factory.mktemp("doors")
    with archive_in(folder, any_database_url) as archive:
        for instance in instances():
            archive.store_dataset(
                "main",
                sop_class_uid=instance.SOPClassUID,
                sop_instance_uid=instance.SOPInstanceUID,
                transfer_syntax_uid="1.2.840.10008.1.2.1",
                data=MemoryData(memoryview(data_set_bytes(instance))),
                origin=Origin(door="dimse", sender="SCANNER"),
            )
        route = Route(project_id="main", may_query=True)
        receiver = Receiver(Settings(data_dir=folder, dicom_port=0), archive, lambda *_: route)
        receiver.start()
        with associated(receiver.address, fuzzy=False) as literal, associated(receiver.address, fuzzy=True) as fuzzy:
            yield Doors(archive, receiver.address, {False: literal, True: fuzzy})
        receiver.stop()


#: Values, of which some are there, for every way of matching.
UIDS = [
    str(instance.get(keyword))
    for instance in instances()
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
]
TEXTS = (
    *("A1", "a1", "A*", "?1", "A[1", "A[*", "A_1%", "A_*", " A1 ", "F", "P_1", "P_*", "P_1?", "S\\*", "CT", "M?"),
    *("*CT", "HEAD CT", "HEAD*", "Head*", "Sch?del", "Kahua", "Other [1]", "Other ?1]", "Other [[]*"),
)
GROUPS = (
    *("Yamada^Tarou", "yamada*", "山田^太郎", "山*", "やまだ^た*", "医師*", "Doe", "doe^*", "*jo*", "Jane", "?oe^J*^"),
    *("*", ""),
)


def with_ranges(*ends: str) -> st.SearchStrategy[str]:
    some = st.sampled_from(ends)
    ranges = st.tuples(some | st.just(""), some | st.just("")).filter(any).map("-".join)
    return some | ranges


VALUES: dict[Matching, st.SearchStrategy[str]] = {
    Matching.TEXT: st.sampled_from(TEXTS),
    Matching.MODALITIES: st.sampled_from(("CT", "MR", "M*", "ct", "US")),
    Matching.CLASSES: st.sampled_from((CT_IMAGE_STORAGE, MR_IMAGE_STORAGE, "1.2.3")),
    Matching.PERSON: st.lists(st.sampled_from(GROUPS), min_size=1, max_size=3)
    .map("=".join)
    .filter(lambda name: name.strip("=")),
    Matching.DATE: with_ranges("20240131", "20240201", "20240229", "20231231"),
    Matching.TIME: with_ranges("08", "1015", "101500", "101500.5", "235959.999999"),
    Matching.NUMBER: st.integers(0, 20).map(str),
    Matching.UID: st.sampled_from(UIDS),
}


def values_for(attribute: Attribute) -> st.SearchStrategy[str]:
    """Give a value, several, none, or the one that stands for none, which no binary number is."""
    single = VALUES[attribute.matching]
    several = st.lists(single, min_size=2, max_size=3).map("\\".join)
    is_binary = dictionary_VR(attribute.keyword) == "US"
    return single | several | st.sampled_from([""] if is_binary else ["", '""'])


#: Values of what no index has.
VALUES_BEYOND: dict[str, st.SearchStrategy[str]] = {
    "EthnicGroup": st.sampled_from(("One", "one", "O*", "two")),
    "InstitutionName": st.sampled_from(("Hilo", "hilo", "H*", "Kona [1]", "K?na*")),
    "OperatorsName": VALUES[Matching.PERSON],
    "GantryDetectorTilt": st.sampled_from(("15", "15.0", "-1.5", "2")),
    "AcquisitionDateTime": with_ranges("2024", "20240131", "20240131101500", "2025"),
    "BitsAllocated": st.sampled_from(("16", "8")),
    "FrameIncrementPointer": st.sampled_from(("00181063", "00181065", "00181064")),
    "RequestAttributesSequence.ScheduledProcedureStepID": st.sampled_from(("S1", "S2", "S?", "s1")),
    "RequestAttributesSequence.RequestedProcedureID": st.sampled_from(("R1", "R2", "R*")),
}


def values_beyond(name: str) -> st.SearchStrategy[str]:
    is_binary = dictionary_VR(name.split(".")[-1]) in {"US", "AT"}
    single = VALUES_BEYOND[name]
    several = st.lists(single, min_size=2, max_size=3).map("\\".join)
    return single | several | st.sampled_from([""] if is_binary else ["", '""'])


@st.composite
def keys_of(draw: st.DrawFn, level: str) -> dict[str, str]:
    """Give some keys of a level with values, of the index or not."""
    above = list(Level)[: list(Level).index(LEVELS[level][0]) + 1]
    known = [
        each for each in ATTRIBUTES if each.level in above and (level != "PATIENT" or each.keyword in PATIENT_KEYS)
    ]
    strategies = {each.keyword: values_for(each) for each in known}
    strategies |= {name: values_beyond(name) for name in (PATIENT_BEYOND if level == "PATIENT" else BEYOND)}
    some = draw(st.lists(st.sampled_from(sorted(strategies)), min_size=1, max_size=3, unique=True))
    return {name: draw(strategies[name]) for name in some}


QUESTIONS = st.sampled_from(list(LEVELS)).flatmap(lambda level: st.tuples(st.just(level), keys_of(level)))


@given(question=QUESTIONS, fuzzy=st.booleans())
@example(question=("STUDY", {"PatientName": "=山田^太郎"}), fuzzy=False)
@example(question=("PATIENT", {"PatientName": "Doe^*\\山田*"}), fuzzy=False)
@example(question=("STUDY", {"StudyDate": "20240131-20240229", "StudyTime": "1015-1200"}), fuzzy=False)
@example(question=("STUDY", {"AccessionNumber": "S\\*"}), fuzzy=False)
@example(question=("SERIES", {"StudyDate": "20240131\\20240201-", "StudyTime": "08-"}), fuzzy=False)
@example(question=("PATIENT", {"EthnicGroup": "O*", "PatientID": "P_*"}), fuzzy=False)
@example(
    question=(
        "STUDY",
        {
            "RequestAttributesSequence.ScheduledProcedureStepID": "S1",
            "RequestAttributesSequence.RequestedProcedureID": "R2",
        },
    ),
    fuzzy=False,
)
@example(question=("IMAGE", {"FrameIncrementPointer": "00181065", "OperatorsName": "Doe*"}), fuzzy=True)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_both_doors_find_what_the_objects_say(doors: Doors, question: tuple[str, dict[str, str]], fuzzy: bool) -> None:
    level, keys = question
    resource, identifying = LEVELS[level]
    flags = [("fuzzymatching", str(fuzzy).lower()), ("emptyvaluematching", "true"), ("multiplevaluematching", "true")]
    tags = [f"{tag_for_keyword(keyword):08X}" for keyword in identifying]
    rows = doors.qido(resource, [*keys.items(), *flags])
    by_web = {tuple(row[tag]["Value"][0] for tag in tags) for row in rows}
    by_dimse = {
        tuple(str(row[keyword].value) for keyword in identifying) for row in doors.c_find(level, keys, fuzzy=fuzzy)
    }
    assert by_web == by_dimse
    if not {"StudyDate", "StudyTime"} <= keys.keys() and not keys.keys() & COMPUTED:
        rules = Rules(fuzzy=fuzzy, empty=True)
        paths = [(attribute_path(keyword), value) for keyword, value in keys.items()]
        said = [each for each in doors.documents if Keys(paths, rules).fit(each)]
        assert by_web == {tuple(each[tag]["Value"][0] for tag in tags) for each in said}


@pytest.mark.parametrize("level", list(LEVELS))
def test_both_doors_answer_what_no_index_has(doors: Doors, level: str) -> None:
    names = PATIENT_BEYOND if level == "PATIENT" else BEYOND
    tags = {f"{tag_for_keyword(name.split('.')[0]):08X}" for name in names}
    resource, (identifying, *_) = LEVELS[level]
    fields = [("includefield", ",".join(tags))]
    by_web = {row[key_of(identifying)]["Value"][0]: row for row in doors.qido(resource, fields)}
    by_dimse = {str(row[identifying].value): row for row in doors.c_find(level, dict.fromkeys(names, ""), fuzzy=False)}
    assert by_web.keys() == by_dimse.keys()
    for uid, answer in by_dimse.items():
        said = json.loads(answer.to_json())
        for tag in tags:
            assert said[tag].get("Value", []) == by_web[uid].get(tag, {}).get("Value", [])


def key_of(keyword: str) -> str:
    return f"{tag_for_keyword(keyword):08X}"


def test_the_items_that_match_are_answered_with_what_is_asked_for_in_them(doors: Doors) -> None:
    key = "RequestAttributesSequence.ScheduledProcedureStepID"
    for answer in doors.c_find("SERIES", {key: "S1"}, fuzzy=False):
        (item,) = answer.RequestAttributesSequence
        assert [(each.keyword, each.value) for each in item] == [("ScheduledProcedureStepID", "S1")]
    (answer, *_) = doors.c_find("SERIES", {key: "", "PatientID": "P_0"}, fuzzy=False)
    assert [item.ScheduledProcedureStepID for item in answer.RequestAttributesSequence] == ["S1", "S2"]


def statuses_of(doors: Doors, level: str, keys: dict[str, str]) -> set[int]:
    doors.c_find(level, keys, fuzzy=False)
    return set(doors.statuses)


def test_what_is_not_read_for_an_answer_is_said(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    assert statuses_of(doors, "SERIES", {"OperatorsName": ""}) == {0xFF00}
    monkeypatch.setattr(finding, "MAX_LIMIT_BEYOND", 3)
    assert statuses_of(doors, "SERIES", {"OperatorsName": ""}) == {0xFF00, 0xFF01}
    monkeypatch.setattr(documents_module, "MAX_SERIES", 2)
    assert statuses_of(doors, "STUDY", {"OperatorsName": ""}) == {0xFF00, 0xFF01}
    with pytest.raises(AssertionError, match="42752"):  # A700H, out of resources
        doors.c_find("STUDY", {"OperatorsName": "Doe*"}, fuzzy=False)


@pytest.mark.parametrize(
    ("level", "key"),
    [
        ("STUDY", "Modality"),
        ("STUDY", "NumberOfStudyRelatedInstances"),
        ("STUDY", "TimezoneOffsetFromUTC"),
        ("PATIENT", "StudyDate"),
        ("PATIENT", "InstitutionName"),
    ],
)
def test_what_cannot_be_matched_is_said(doors: Doors, level: str, key: str) -> None:
    assert statuses_of(doors, level, {key: "1"}) == {0xFF01}


def test_an_identifier_has_one_item_in_a_sequence(doors: Doors) -> None:
    with pytest.raises(AssertionError, match="43264"):  # A900H, the identifier does not match the SOP class
        doors.c_find("STUDY", {"RequestAttributesSequence": requested(("S1", ""), ("S2", ""))}, fuzzy=False)


@pytest.mark.parametrize("level", list(LEVELS))
def test_a_question_of_any_level_ends_after_its_time(doors: Doors, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not doors.archive.database.is_sqlite:
        pytest.skip("the time is said to PostgreSQL when the connection is made")
    monkeypatch.setattr(doors.archive.database, "_look_seconds", 0.0)
    monkeypatch.setattr(engine, "STEPS", 1)
    with pytest.raises(AssertionError, match="42752"):  # A700H, out of resources
        doors.c_find(level, {"PatientName": "*o*"}, fuzzy=False)


@pytest.mark.parametrize("length", range(1, 8))
def test_as_many_bytes_are_answered_as_were_asked(doors: Doors, length: int) -> None:
    entity = AE(ae_title="READER")
    entity.add_requested_context(Find)
    asked = SOPClassExtendedNegotiation()
    asked.sop_class_uid = Find
    asked.service_class_application_information = bytes([1] * length)
    association = entity.associate(*doors.address, ae_title="KAHUA", ext_neg=[asked])
    assert association.acceptor.sop_class_extended[Find] == bytes([1, 1, 1, 0, 0, 1, 1])[:length]
    association.release()
