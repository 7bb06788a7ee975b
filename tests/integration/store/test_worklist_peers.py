"""Modality worklist with DCMTK's server as the department that has one."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from typer.testing import CliRunner

from kahua.access import ensure_project
from kahua.cli.application import app
from kahua.errors import PeerUnavailable
from kahua.settings import Settings
from kahua.site import build_site, prepare_site
from kahua.store import PeerFacts, add_peer
from kahua.store.dimse import Destination
from kahua.store.remote.worklist import StepQuery, find_steps
from kahua.testing.serving import free_port, wait_until_open


def entry(number: int, *, modality: str, date: str, station: str, name: str) -> Dataset:
    step = Dataset()
    step.Modality = modality
    step.ScheduledStationAETitle = station
    step.ScheduledProcedureStepStartDate = date
    step.ScheduledProcedureStepStartTime = "0930"
    step.ScheduledPerformingPhysicianName = "House^Gregory"
    step.ScheduledProcedureStepDescription = f"Step {number}"
    step.ScheduledProcedureStepID = f"S{number}"
    procedure = Dataset()
    procedure.SpecificCharacterSet = "ISO_IR 192"
    procedure.AccessionNumber = f"A{number}"
    procedure.PatientName = name
    procedure.PatientID = f"P{number}"
    procedure.PatientBirthDate = "19700101"
    procedure.PatientSex = "O"
    procedure.StudyInstanceUID = generate_uid()
    procedure.RequestedProcedureDescription = f"Procedure {number}"
    procedure.RequestedProcedureID = f"R{number}"
    procedure.ReferringPhysicianName = "Who^Doctor"
    procedure.ScheduledProcedureStepSequence = [step]
    procedure.file_meta = FileMetaDataset()
    procedure.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    procedure.file_meta.MediaStorageSOPClassUID = "1.2.276.0.7230010.3.1.0.1"
    procedure.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    return procedure


ENTRIES = [
    entry(1, modality="CT", date="20240110", station="CT1", name="M\u00fcller^J\u00fcrgen"),
    entry(2, modality="MR", date="20240111", station="MR1", name="Doe^Jane"),
    entry(3, modality="CT", date="20240215", station="CT2", name="Doe^John"),
]


@pytest.fixture(scope="module")
def department(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Destination]:
    program = shutil.which("wlmscpfs")
    if program is None:
        pytest.skip("needs wlmscpfs of DCMTK")
    folder = tmp_path_factory.mktemp("worklist")
    (folder / "RIS").mkdir()
    (folder / "RIS" / "lockfile").touch()
    for number, procedure in enumerate(ENTRIES):
        procedure.save_as(folder / "RIS" / f"{number}.wl", enforce_file_format=True)
    port = free_port()
    process = subprocess.Popen([program, "-dfp", str(folder), str(port)], stdout=subprocess.DEVNULL)
    try:
        wait_until_open(port, seconds=20)
        yield Destination(ae_title="RIS", host="127.0.0.1", port=port)
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize(
    ("query", "steps"),
    [
        (StepQuery(), ["S1", "S2", "S3"]),
        (StepQuery(modality="CT"), ["S1", "S3"]),
        (StepQuery(date="20240101-20240131"), ["S1", "S2"]),
        (StepQuery(date="20240111"), ["S2"]),
        (StepQuery(station="CT2"), ["S3"]),
        (StepQuery(patient_id="P2"), ["S2"]),
        (StepQuery(modality="US"), []),
    ],
)
def test_steps_are_found_by_what_is_asked(department: Destination, query: StepQuery, steps: list[str]) -> None:
    assert sorted(step.step_id for step in find_steps(department, query, calling="KAHUA")) == steps


def test_a_step_comes_with_its_procedure(department: Destination) -> None:
    (step,) = find_steps(department, StepQuery(patient_id="P1"), calling="KAHUA")
    assert (step.patient_name, step.patient_id, step.accession_number) == ("M\u00fcller^J\u00fcrgen", "P1", "A1")
    assert (step.date, step.time, step.modality, step.station) == ("20240110", "0930", "CT", "CT1")
    assert (step.step, step.procedure, step.study_uid) == ("Step 1", "Procedure 1", ENTRIES[0].StudyInstanceUID)


def test_a_worklist_that_the_peer_does_not_have_is_said_so(department: Destination) -> None:
    unknown = Destination(ae_title="NOBODY", host=department.host, port=department.port)
    with pytest.raises(PeerUnavailable, match="NOBODY at"):
        list(find_steps(unknown, StepQuery(), calling="KAHUA"))


def test_the_command_shows_the_worklist_of_a_peer(department: Destination, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    prepare_site(settings)
    site = build_site(settings)
    with site.database.write() as session:
        project = ensure_project(session, name="main")
        facts = PeerFacts(ae_title="RIS", host=department.host, port=department.port)
        add_peer(session, project_id=project.id, name="ris", facts=facts)
    site.close()
    done = CliRunner().invoke(app, ["--data-dir", str(tmp_path), "worklist", "ris", "--modality", "MR", "--json"])
    assert done.exit_code == 0, done.output
    (step,) = json.loads(done.stdout)
    assert (step["patient_name"], step["step_id"]) == ("Doe^Jane", "S2")
