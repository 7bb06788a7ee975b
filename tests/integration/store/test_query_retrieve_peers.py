"""Query and retrieve with clients that others wrote: DCMTK and pynetdicom."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pynetdicom import AE, build_role, evt
from pynetdicom.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from pynetdicom.sop_class import (
    CTImageStorage,
    MRImageStorage,
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)
from sqlalchemy import select
from tests.integration.peers import servers

from kahua.dicom import IMPLEMENTATION_CLASS_UID, read_file_meta
from kahua.settings import Settings
from kahua.store import Archive, InstanceRow, Origin
from kahua.store.dimse import Caller, Destination, Receiver, Route
from kahua.testing.archive import archive_in
from kahua.testing.factory import ct_series, mr_series, part10

pytestmark = pytest.mark.elsewhere


def requested(*steps: str) -> list[Dataset]:
    """Say for which scheduled steps something was made."""
    items = [Dataset() for _ in steps]
    for item, step in zip(items, steps, strict=True):
        item.ScheduledProcedureStepID = step
    return items


CT = ct_series(
    slices=3,
    patient_id="P-1",
    patient_name="Müller^Jürgen",
    SpecificCharacterSet="ISO_IR 192",
    EthnicGroup="Hawaiian",
    OperatorsName="Läufer^Ute",
    GantryDetectorTilt="15",
    RequestAttributesSequence=requested("S1", "S2"),
)
MR = mr_series(slices=2, patient_id="P-2", patient_name="Doe^Jane")
ELSEWHERE = ct_series(slices=1, seed="elsewhere", patient_id="P-3", patient_name="Doe^Secret")

#: Who may do what, by calling AE title; all others may only store.
RIGHTS = {"READER": {"may_query": True}, "GREEDY": {"may_query": True, "may_get": False}}


@pytest.fixture
def served(tmp_path: Path, backends: dict[str, Any]) -> Iterator["Served"]:
    with archive_in(tmp_path, **backends) as archive:
        served = Served(archive)
        receiver = Receiver(Settings(data_dir=tmp_path, dicom_port=0), archive, served.route)
        receiver.start()
        served.address = receiver.address
        for project, instances in (("main", [*CT, *MR]), ("other", ELSEWHERE)):
            for instance in instances:
                path = tmp_path / "one.dcm"
                path.write_bytes(part10(instance))
                archive.store_file(project, path, Origin(door="import", sender="test"))
        yield served
        receiver.stop()


class Served:
    """A receiver with two projects, and what it noted."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.address = ("", 0)
        self.destinations: dict[str, Destination] = {}
        self.noted: list[tuple[str, int, int]] = []

    def route(self, caller: Caller) -> Route:
        return Route(
            project_id="other" if caller.called == "OTHER" else "main",
            destination=self.destinations.get,
            retrieved=lambda *facts: self.noted.append(facts),
            **RIGHTS.get(caller.calling, {}),
        )

    def held(self) -> dict[str, bytes]:
        with self.archive.database.read() as session:
            rows = session.scalars(select(InstanceRow).where(InstanceRow.project_id == "main")).all()
        objects = self.archive.objects
        return {row.sop_instance_uid: objects.read(row.object_key, start=row.data_offset) for row in rows}

    def run(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        host, port = self.address
        options = ["-aet", "READER", "-aec", "KAHUA", *arguments, host, str(port)]
        return subprocess.run([servers.tool(name), *options], capture_output=True, text=True, timeout=120, check=False)

    def find(self, *keys: str, model: str = "-S", folder: Path) -> list[Dataset]:
        folder.mkdir()
        options = [word for key in keys for word in ("-k", key)]
        done = self.run("findscu", model, "-X", "-od", str(folder), *options)
        assert done.returncode == 0, done.stderr
        return [dcmread(path, force=True) for path in sorted(folder.iterdir())]


def data_set_of(path: Path) -> bytes:
    with path.open("rb") as file:
        offset = read_file_meta(file).data_offset
    return path.read_bytes()[offset:]


def received(folder: Path) -> set[bytes]:
    return {data_set_of(path) for path in folder.iterdir()}


@contextmanager
def storescp(folder: Path, *options: str) -> Iterator[Destination]:
    with servers.storescp(folder, *options) as port:
        yield Destination(ae_title="STORESCP", host="127.0.0.1", port=port)


def test_studies_are_found_with_what_was_asked_for(served: Served, tmp_path: Path) -> None:
    keys = ("QueryRetrieveLevel=STUDY", "PatientName", "StudyInstanceUID", "ModalitiesInStudy", "StudyDate")
    numbers = ("NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances", "PatientComments")
    found = {row.StudyInstanceUID: row for row in served.find(*keys, *numbers, folder=tmp_path / "answers")}
    assert set(found) == {CT[0].StudyInstanceUID, MR[0].StudyInstanceUID}
    row = found[CT[0].StudyInstanceUID]
    assert str(row.PatientName) == "Müller^Jürgen"
    assert (row.SpecificCharacterSet, row.QueryRetrieveLevel, row.RetrieveAETitle) == ("ISO_IR 192", "STUDY", "KAHUA")
    assert (row.ModalitiesInStudy, row.NumberOfStudyRelatedSeries, row.NumberOfStudyRelatedInstances) == ("CT", 1, 3)
    assert (row.StudyDate, row.PatientComments, row.InstanceAvailability) == (CT[0].StudyDate, "", "ONLINE")
    assert "PatientID" not in row


@pytest.mark.parametrize(
    ("key", "patients"),
    [
        ("PatientName=*", ["P-1", "P-2"]),
        ("PatientName=DOE*", ["P-2"]),
        ("PatientName=doe^jan?", ["P-2"]),
        ("PatientName=muller^*", ["P-1"]),
        ("PatientID=P-1", ["P-1"]),
        ("PatientID=P-3", []),
        ("PatientID=P", []),
        ("ModalitiesInStudy=MR", ["P-2"]),
        (f"StudyInstanceUID={CT[0].StudyInstanceUID}", ["P-1"]),
        (f"StudyInstanceUID={CT[0].StudyInstanceUID}\\{MR[0].StudyInstanceUID}\\1.2.3", ["P-1", "P-2"]),
        (f"StudyInstanceUID={ELSEWHERE[0].StudyInstanceUID}", []),
        ("StudyDate=19000101-20991231", ["P-1", "P-2"]),
        ("StudyDate=-19000101", []),
    ],
)
@pytest.mark.parametrize("model", ["-S", "-P"])
def test_keys_match_as_the_standard_says(
    served: Served, tmp_path: Path, key: str, patients: list[str], model: str
) -> None:
    wanted = [key] if key.startswith("PatientID") else [key, "PatientID"]
    rows = served.find("QueryRetrieveLevel=STUDY", *wanted, model=model, folder=tmp_path / "answers")
    assert sorted(row.PatientID for row in rows) == patients


def test_patients_series_and_images_are_found(served: Served, tmp_path: Path) -> None:
    keys = ("QueryRetrieveLevel=PATIENT", "PatientName=Doe*", "PatientID", "NumberOfPatientRelatedInstances")
    (patient,) = served.find(*keys, model="-P", folder=tmp_path / "patients")
    assert (patient.PatientID, patient.NumberOfPatientRelatedInstances) == ("P-2", 2)
    keys = ("QueryRetrieveLevel=SERIES", f"StudyInstanceUID={CT[0].StudyInstanceUID}", "SeriesInstanceUID", "Modality")
    (series,) = served.find(*keys, "NumberOfSeriesRelatedInstances", folder=tmp_path / "series")
    assert (series.SeriesInstanceUID, series.Modality) == (CT[0].SeriesInstanceUID, "CT")
    assert series.NumberOfSeriesRelatedInstances == 3
    keys = ("QueryRetrieveLevel=IMAGE", f"SeriesInstanceUID={CT[0].SeriesInstanceUID}", "SOPInstanceUID", "Rows")
    images = served.find(*keys, "InstanceNumber=2", folder=tmp_path / "images")
    assert [(image.SOPInstanceUID, image.Rows) for image in images] == [(CT[1].SOPInstanceUID, CT[1].Rows)]


def test_attributes_that_no_index_has_are_matched_and_answered(served: Served, tmp_path: Path) -> None:
    step = "RequestAttributesSequence[0].ScheduledProcedureStepID"
    keys = ("QueryRetrieveLevel=SERIES", "SeriesInstanceUID", "OperatorsName=laufer*", "GantryDetectorTilt", step)
    (series,) = served.find(*keys, folder=tmp_path / "series")
    assert series.SeriesInstanceUID == CT[0].SeriesInstanceUID
    assert (str(series.OperatorsName), series.GantryDetectorTilt) == ("Läufer^Ute", 15)
    assert [item.ScheduledProcedureStepID for item in series.RequestAttributesSequence] == ["S1", "S2"]
    studies = ("QueryRetrieveLevel=STUDY", "StudyInstanceUID")
    (study,) = served.find(*studies, f"{step}=S2", folder=tmp_path / "studies")
    assert [item.ScheduledProcedureStepID for item in study.RequestAttributesSequence] == ["S2"]
    assert served.find(*studies, f"{step}=S3", folder=tmp_path / "none") == []
    (patient,) = served.find(
        "QueryRetrieveLevel=PATIENT", "PatientID", "EthnicGroup=Hawaiian", model="-P", folder=tmp_path / "patients"
    )
    assert patient.PatientID == "P-1"


def test_another_project_has_other_answers(served: Served, tmp_path: Path) -> None:
    rows = served.find("QueryRetrieveLevel=STUDY", "PatientID", folder=tmp_path / "answers")
    assert len(rows) == 2
    done = served.run("findscu", "-S", "-aec", "OTHER", "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientID")
    assert "P-3" in done.stderr + done.stdout
    assert "P-1" not in done.stderr + done.stdout


def test_strangers_may_not_query(served: Served) -> None:
    done = served.run("findscu", "-S", "-aet", "STRANGER", "-k", "QueryRetrieveLevel=STUDY")
    assert "No Acceptable Presentation Contexts" in done.stderr


@pytest.mark.parametrize("key", ["QueryRetrieveLevel=WARD", "QueryRetrieveLevel=PATIENT", "PatientID"])
def test_a_query_on_no_level_of_the_model_is_refused(served: Served, key: str) -> None:
    done = served.run("findscu", "-S", "-d", "-k", key)
    assert "0xa900" in (done.stderr + done.stdout).lower()


@pytest.mark.parametrize("key", ["StudyDate=yesterday", "StudyDate=2020-01-01", "PatientID=" + "*a" * 20])
def test_values_that_cannot_be_are_refused(served: Served, key: str) -> None:
    done = served.run("findscu", "-S", "-d", "-k", "QueryRetrieveLevel=STUDY", "-k", key)
    assert "0xa900" in (done.stderr + done.stdout).lower()


def test_a_query_can_be_cancelled(served: Served) -> None:
    done = served.run("findscu", "-S", "-d", "--cancel", "1", "-k", "QueryRetrieveLevel=IMAGE", "-k", "SOPInstanceUID")
    assert done.returncode == 0, done.stderr


def test_movescu_has_instances_sent_to_a_known_destination(served: Served, tmp_path: Path) -> None:
    with storescp(tmp_path / "received") as destination:
        served.destinations["STORESCP"] = destination
        keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={CT[0].StudyInstanceUID}")
        done = served.run("movescu", "-S", "-aem", "STORESCP", *keys)
    assert done.returncode == 0, done.stderr
    held = served.held()
    assert received(tmp_path / "received") == {held[each.SOPInstanceUID] for each in CT}
    assert served.noted == [("STORESCP", 3, 0)]


def test_a_move_that_is_cancelled_stops_and_the_association_stays(served: Served, tmp_path: Path) -> None:
    entity = AE(ae_title="READER")
    entity.add_requested_context(StudyRootQueryRetrieveInformationModelMove)
    association = entity.associate(*served.address, ae_title="KAHUA")
    wanted = dataset(QueryRetrieveLevel="STUDY", StudyInstanceUID=CT[0].StudyInstanceUID)
    with storescp(tmp_path / "received", "--sleep-after", "1") as destination:
        served.destinations["STORESCP"] = destination
        answers = association.send_c_move(wanted, "STORESCP", StudyRootQueryRetrieveInformationModelMove)
        first, _ = next(answers)
        association.send_c_cancel(1, query_model=StudyRootQueryRetrieveInformationModelMove)
        *_, (last, _) = answers
        again = association.send_c_move(wanted, "STORESCP", StudyRootQueryRetrieveInformationModelMove)
        *_, (whole, _) = again
        association.release()
    assert (first.Status, last.Status, whole.Status) == (0xFF00, 0xFE00, 0)
    assert last.NumberOfCompletedSuboperations + last.NumberOfRemainingSuboperations == len(CT)
    assert last.NumberOfRemainingSuboperations > 0


def test_what_else_is_negotiated_is_answered_or_left_out(served: Served) -> None:
    """One operation at a time; a user's name and password are neither needed nor confirmed (PS3.7 D.3.3.3, D.3.3.7).

    What queries perform is said byte by byte (PS3.4 C.5.1.1).
    """
    window, identity, extended = (
        AsynchronousOperationsWindowNegotiation(),
        UserIdentityNegotiation(),
        SOPClassExtendedNegotiation(),
    )
    window.maximum_number_operations_invoked = window.maximum_number_operations_performed = 10
    identity.user_identity_type, identity.positive_response_requested = 2, True
    identity.primary_field, identity.secondary_field = b"ada", b"secret"
    extended.sop_class_uid = StudyRootQueryRetrieveInformationModelFind
    extended.service_class_application_information = b"\1\1\1\1\1"
    entity = AE(ae_title="READER")
    entity.add_requested_context(StudyRootQueryRetrieveInformationModelFind)
    association = entity.associate(*served.address, ae_title="KAHUA", ext_neg=[window, identity, extended])
    assert association.is_established
    assert association.acceptor.asynchronous_operations == (1, 1)
    assert association.acceptor.user_identity is None
    assert association.acceptor.sop_class_extended == {extended.sop_class_uid: b"\1\1\1\0\0"}
    assert association.acceptor.implementation_class_uid == IMPLEMENTATION_CLASS_UID
    association.release()


def test_an_unknown_destination_is_said_so(served: Served) -> None:
    keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={CT[0].StudyInstanceUID}")
    done = served.run("movescu", "-d", "-S", "-aem", "NOWHERE", *keys)
    assert "0xa801" in (done.stderr + done.stdout).lower()
    assert served.noted == []


def test_a_destination_that_is_gone_fails_all(served: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        served.destinations["GONE"] = Destination(ae_title="GONE", host="127.0.0.1", port=free.getsockname()[1])
    status, failed = move(served, "GONE", StudyInstanceUID=CT[0].StudyInstanceUID)
    assert (status.Status, status.NumberOfFailedSuboperations) == (0xA702, 3)
    assert set(failed.FailedSOPInstanceUIDList) == {each.SOPInstanceUID for each in CT}


def move(served: Served, title: str, **keys: str) -> tuple[Dataset, Dataset]:
    entity = AE(ae_title="READER")
    entity.add_requested_context(StudyRootQueryRetrieveInformationModelMove)
    association = entity.associate(*served.address, ae_title="KAHUA")
    assert association.is_established
    try:
        wanted = dataset(QueryRetrieveLevel="STUDY", **keys)
        *_, (status, identifier) = association.send_c_move(wanted, title, StudyRootQueryRetrieveInformationModelMove)
    finally:
        association.release()
    return status, identifier


def dataset(**keys: str) -> Dataset:
    made = Dataset()
    for keyword, value in keys.items():
        setattr(made, keyword, value)
    return made


@pytest.mark.parametrize(
    "keys",
    [
        ("QueryRetrieveLevel=STUDY", f"StudyInstanceUID={CT[0].StudyInstanceUID}"),
        ("QueryRetrieveLevel=SERIES", f"SeriesInstanceUID={CT[0].SeriesInstanceUID}"),
        ("QueryRetrieveLevel=IMAGE", "SOPInstanceUID=" + "\\".join(each.SOPInstanceUID for each in CT)),
    ],
)
def test_getscu_receives_what_is_stored(served: Served, tmp_path: Path, keys: tuple[str, ...]) -> None:
    folder = tmp_path / "received"
    folder.mkdir()
    done = served.run("getscu", "-S", "+B", "-od", str(folder), *(word for key in keys for word in ("-k", key)))
    assert done.returncode == 0, done.stderr
    held = served.held()
    assert received(folder) == {held[each.SOPInstanceUID] for each in CT}
    assert served.noted == [("READER", 3, 0)]


@pytest.mark.parametrize(
    ("calling", "called", "status"), [("GREEDY", "KAHUA", 0x0124), ("READER", "OTHER", 0), ("READER", "KAHUA", 0)]
)
def test_pynetdicom_gets_what_its_title_may(served: Served, calling: str, called: str, status: int) -> None:
    final, got, _ = get(
        served, calling, called, [CTImageStorage, MRImageStorage], StudyInstanceUID=CT[0].StudyInstanceUID
    )
    assert final.Status == status
    assert len(got) == (3 if (calling, called) == ("READER", "KAHUA") else 0)


def test_what_the_peer_does_not_take_is_listed(served: Served) -> None:
    uids = f"{CT[0].StudyInstanceUID}\\{MR[0].StudyInstanceUID}"
    final, got, failed = get(served, "READER", "KAHUA", [MRImageStorage], StudyInstanceUID=uids)
    assert (final.Status, final.NumberOfCompletedSuboperations, final.NumberOfFailedSuboperations) == (0xB000, 2, 3)
    assert len(got) == 2
    assert set(failed.FailedSOPInstanceUIDList) == {each.SOPInstanceUID for each in CT}


def get(
    served: Served, calling: str, called: str, classes: list[str], **keys: str
) -> tuple[Dataset, list[Dataset], Dataset]:
    got: list[Dataset] = []

    def keep(event: evt.Event) -> int:
        got.append(event.dataset)
        return 0

    entity = AE(ae_title=calling)
    entity.add_requested_context(StudyRootQueryRetrieveInformationModelGet)
    for sop_class in classes:
        entity.add_requested_context(sop_class, "1.2.840.10008.1.2.1")
    association = entity.associate(
        *served.address,
        ae_title=called,
        ext_neg=[build_role(sop_class, scp_role=True) for sop_class in classes],
        evt_handlers=[(evt.EVT_C_STORE, keep)],
    )
    assert association.is_established
    try:
        answers = association.send_c_get(
            dataset(QueryRetrieveLevel="STUDY", **keys), StudyRootQueryRetrieveInformationModelGet
        )
        *_, (status, identifier) = answers
    finally:
        association.release()
    return status, got, identifier


def test_a_retrieval_without_the_key_of_its_level_is_refused(served: Served) -> None:
    final, got, _ = get(served, "READER", "KAHUA", [CTImageStorage], PatientID="P-1")
    assert (final.Status, got) == (0xA900, [])


@pytest.mark.parametrize(
    ("character_sets", "name", "wanted"),
    [
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう", "=山田*"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada^Tarou=山田^太郎"),
        (["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎", "ﾔﾏﾀﾞ*"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동", "==홍^길동"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동", "=洪^*"),
        ("GB18030", "Wang^XiaoDong=王^小东", "=王^小东"),
        ("GB18030", "Wang^XiaoDong=王^小东", "王^小?"),
        ("ISO_IR 144", "Люкceмбypг", "люкc*"),
    ],
)
def test_names_are_found_in_the_character_set_of_the_question(
    served: Served, tmp_path: Path, character_sets: str | list[str], name: str, wanted: str
) -> None:
    (kept,) = ct_series(slices=1, seed=name, patient_id="P-NAME", patient_name=name)
    kept.SpecificCharacterSet = character_sets
    path = tmp_path / "named.dcm"
    path.write_bytes(part10(kept))
    served.archive.store_file("main", path, Origin(door="import", sender="test"))
    entity = AE(ae_title="READER")
    entity.add_requested_context(StudyRootQueryRetrieveInformationModelFind)
    association = entity.associate(*served.address, ae_title="KAHUA")
    keys = dataset(
        QueryRetrieveLevel="STUDY", SpecificCharacterSet=character_sets, PatientName=wanted, PatientID="P-NAME"
    )
    answers = list(association.send_c_find(keys, StudyRootQueryRetrieveInformationModelFind))
    assert [status.Status for status, _ in answers] == [0xFF00, 0]
    assert str(answers[0][1].PatientName) == name
    keys.PatientName = "=Nobody*"
    assert not [row for _, row in association.send_c_find(keys, StudyRootQueryRetrieveInformationModelFind) if row]
    association.release()


def test_find_answers_in_both_models_over_pynetdicom(served: Served) -> None:
    entity = AE(ae_title="READER")
    entity.add_requested_context(PatientRootQueryRetrieveInformationModelFind)
    entity.add_requested_context(StudyRootQueryRetrieveInformationModelFind, "1.2.840.10008.1.2")
    association = entity.associate(*served.address, ae_title="KAHUA")
    for model in (PatientRootQueryRetrieveInformationModelFind, StudyRootQueryRetrieveInformationModelFind):
        keys = dataset(
            QueryRetrieveLevel="STUDY", PatientName="müller*", SpecificCharacterSet="ISO_IR 100", PatientAge=""
        )
        answers = list(association.send_c_find(keys, model))
        assert [answer[0].Status for answer in answers] == [0xFF00, 0]
        assert str(answers[0][1].PatientName) == "Müller^Jürgen"
    keys = dataset(QueryRetrieveLevel="STUDY", PatientID="P-1", PatientComments="not there")
    assert [answer[0].Status for answer in association.send_c_find(keys, model)] == [0]
    keys = dataset(QueryRetrieveLevel="STUDY", PatientID="P-1", NumberOfStudyRelatedInstances="77")
    assert [answer[0].Status for answer in association.send_c_find(keys, model)] == [0xFF01, 0]
    association.release()
