"""A small site to run workflows on: a database, a catalogue, series of one's choice; the engine is the caller's."""

import hashlib
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import select

from kahua.access.tables import ProjectRow
from kahua.database import Base, Database, now
from kahua.errors import NotFound, OutOfSpace, Unavailable
from kahua.store import DirectoryStore
from kahua.store.tables import FileRow, InstanceRow, SeriesRow, StudyRow
from kahua.workflows.catalogue import InstalledEnvironment, InstalledWorkflow
from kahua.workflows.creation import check, create_run
from kahua.workflows.facts import series_facts
from kahua.workflows.forms import complete_parameters
from kahua.workflows.planner import Machine
from kahua.workflows.runtimes import Boundary
from kahua.workflows.specification import Workflow
from kahua.workflows.states import FINAL_RUN_STATES, RunState
from kahua.workflows.tables import AttemptRow, JobRow, ResultRow, RunRow, TaskRow
from kahua.workflows.transfers import Transfers
from kahua.workflows.transitions import change_run, queue_again, run_row

#: A run that should be over by now is not.
TOO_LONG_SECONDS = 60

PROJECT = "p" * 20

#: Copies its input's names into its output; fast and always right.
COPY = "import sys, os; print('working'); open(sys.argv[2] + '/list', 'w').write(str(sorted(os.listdir(sys.argv[1]))))"


def python_workflow(**changes: Any) -> Workflow:
    """Give a workflow of one step that runs the Python program in its parameter ``program``.

    The program gets the folder of the input's DICOM files and the folder to write into as its arguments.
    """
    step = {
        "name": "run",
        "environment": "python",
        "command": ["python", "-I", "-c", "{parameters.program}", "{inputs.image}", "{outputs.result}"],
        "inputs": {"image": "dicom"},
        "resources": {"cpus": 1, "memory": "500 MB", "minutes": 5},
    }
    workflow: dict[str, Any] = {
        "title": "Any program",
        "inputs": {"image": {"type": "image"}},
        "parameters": {"program": {"type": "text", "default": COPY, "maximum_length": 10_000}},
        "steps": [step | changes.pop("step", {})],
        "outputs": {"result": {"type": "files", "from": "run"}},
    }
    return Workflow.model_validate(workflow | changes)


class FixedCatalogue:
    """Workflows given by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.installed: dict[str, InstalledWorkflow] = {}

    def add(self, name: str, workflow: Workflow) -> InstalledWorkflow:
        """Install a workflow whose steps run in this very environment."""
        environment = InstalledEnvironment(python=Path(sys.executable), digest="0" * 64)
        installed = InstalledWorkflow(
            name=name,
            version="1.0.0",
            digest="1" * 64,
            workflow=workflow,
            folder=self.folder,
            environments=dict.fromkeys(workflow.environment_names(), environment),
        )
        self.installed[name] = installed
        return installed

    def get(self, name: str, version: str | None = None) -> InstalledWorkflow:
        """Give the workflow of that name."""
        if name not in self.installed or version not in (None, self.installed[name].version):
            raise NotFound(f"The workflow {name} is not installed.")
        return self.installed[name]

    def list(self) -> Sequence[InstalledWorkflow]:
        """Give every workflow."""
        return list(self.installed.values())


class WorkflowSite:
    """A database with one project, to which series and runs can be added. Opening it again finds what was there."""

    def __init__(self, folder: Path, *, workflow: Workflow | None = None, machine: Machine | None = None) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.database = Database.in_folder(folder)
        self.machine = machine or Machine(cpus=2, memory_bytes=4_000_000_000)
        self.boundary = Boundary(name="none")
        self.objects = DirectoryStore(folder / "objects", durability="none")
        self.catalogue = FixedCatalogue(folder / "extension")
        self.installed = self.catalogue.add("test/program", workflow or python_workflow())
        #: Errors that the archive answers with, one for each time it is asked.
        self.archive_errors: list[Unavailable | OutOfSpace] = []
        with self.database.write() as session:
            Base.metadata.create_all(session.connection())
            if session.get(ProjectRow, PROJECT) is None:
                session.add(ProjectRow(id=PROJECT, name="main", title="Main", created_at=now()))

    @property
    def transfers(self) -> Transfers:
        """Transfers from and to this site's archive."""
        return Transfers(database=self.database, objects=self.objects, keep_dicom=self._keep_dicom)

    def add_series(self, *, slices: int = 3, modality: str = "MR") -> str:
        """Add a series of small objects, and give its id."""
        with self.database.write() as session:
            number = len(session.scalars(select(SeriesRow.id)).all())
            study = _study(number)
            session.add(study)
            session.flush()
            series = _series(number, study, modality)
            session.add(series)
            session.flush()
            session.add_all(self._instance(series, index) for index in range(slices))
        return series.id

    def _instance(self, series: SeriesRow, index: int) -> InstanceRow:
        data = f"instance {index} of {series.series_uid}".encode()
        key = hashlib.sha256(data).hexdigest()
        self.objects.put(key, iter([data]))
        geometry = {
            "00200032": {"vr": "DS", "Value": [0, 0, 2.0 * index]},
            "00200037": {"vr": "DS", "Value": [1, 0, 0, 0, 1, 0]},
        }
        return InstanceRow(
            project_id=PROJECT,
            series_id=series.id,
            sop_instance_uid=f"{series.series_uid}.{index + 1}",
            sop_class_uid="1.2.840.10008.5.1.4.1.1.4",
            transfer_syntax_uid="1.2.840.10008.1.2.1",
            instance_number=index + 1,
            object_key=key,
            size=len(data),
            data_offset=0,
            rows=4,
            columns=4,
            dicom_json=orjson.dumps(geometry),
            received_at=now(),
            door="test",
            sender="test",
        )

    def remove_instance(self, series_id: str) -> None:
        """Take the last instance of a series away."""
        query = select(InstanceRow).where(InstanceRow.series_id == series_id).order_by(InstanceRow.id.desc())
        with self.database.write() as session:
            session.delete(session.scalars(query).first())

    def start_run(self, *series_ids: str, **parameters: Any) -> str:
        """Queue a run on series, one job each (or one for all, as the workflow says); give its id."""
        values = complete_parameters(self.installed.workflow, parameters)
        with self.database.write() as session:
            facts = series_facts(session, PROJECT, series_ids)
            checked = check(self.installed, list(facts.values()), parameters=values, machine=self.machine)
            assert not checked.unfit, checked.unfit
            run = create_run(
                session,
                project_id=PROJECT,
                person="ada",
                installed=self.installed,
                parameters=values,
                jobs=checked.jobs(self.installed),
            )
            return run.id

    def cancel(self, run_id: str) -> None:
        """Ask for the end of a run."""
        with self.database.write() as session:
            change_run(session, run_row(session, run_id), RunState.CANCELLING)

    def resume(self, run_id: str) -> None:
        """Let a run go on."""
        with self.database.write() as session:
            queue_again(session, run_row(session, run_id))

    def run(self, run_id: str) -> RunRow:
        """Give the row of a run."""
        with self.database.read() as session:
            return session.get_one(RunRow, run_id)

    def tasks(self, run_id: str) -> list[TaskRow]:
        """Give the tasks of a run, in order."""
        query = select(TaskRow).join(JobRow).where(JobRow.run_id == run_id).order_by(JobRow.position, TaskRow.position)
        with self.database.read() as session:
            return list(session.scalars(query))

    def task(self, run_id: str, name: str) -> TaskRow:
        """Give the first task of that name."""
        return next(task for task in self.tasks(run_id) if task.name == name)

    def attempts(self, task: TaskRow) -> list[AttemptRow]:
        """Give the attempts of a task, in order."""
        query = select(AttemptRow).where(AttemptRow.task_id == task.id).order_by(AttemptRow.number)
        with self.database.read() as session:
            return list(session.scalars(query))

    def results(self, run_id: str) -> list[ResultRow]:
        """Give the results of a run."""
        with self.database.read() as session:
            return list(session.scalars(select(ResultRow).where(ResultRow.run_id == run_id)))

    def files(self, run_id: str) -> list[FileRow]:
        """Give the files that a run stored."""
        with self.database.read() as session:
            return list(session.scalars(select(FileRow).where(FileRow.run_id == run_id)))

    def wait(self, run_id: str, *, state: str = "") -> RunRow:
        """Wait until a run is over, or in a state."""
        deadline = time.monotonic() + TOO_LONG_SECONDS
        while True:
            run = self.run(run_id)
            if run.state == state or (not state and run.state in FINAL_RUN_STATES):
                return run
            assert time.monotonic() < deadline, f"the run is still {run.state}: {self.describe(run_id)}"
            time.sleep(0.02)

    def describe(self, run_id: str) -> Mapping[str, str]:
        """States of the tasks of a run, for messages."""
        return {f"{task.name} {task.id}": task.state for task in self.tasks(run_id)}

    def _keep_dicom(self, _project_id: str, files: Sequence[Path], _run_id: str) -> list[tuple[str, str]]:
        if self.archive_errors:
            raise self.archive_errors.pop(0)
        return [("result", "1.2.3.4") for _ in files]


def _study(number: int) -> StudyRow:
    return StudyRow(
        project_id=PROJECT,
        study_uid=f"1.2.{number + 1}",
        patient_id=f"P{number}",
        patient_name="",
        patient_name_folded="",
        patient_birth_date="",
        patient_sex="",
        study_date="",
        study_time="",
        accession_number="",
        description="",
        study_id="",
        referring_physician="",
        dicom_json=b"{}",
        received_at=now(),
    )


def _series(number: int, study: StudyRow, modality: str) -> SeriesRow:
    return SeriesRow(
        project_id=PROJECT,
        study_id=study.id,
        series_uid=f"1.2.{number + 1}.1",
        modality=modality,
        series_number=1,
        description="",
        body_part="",
        manufacturer="",
        frame_of_reference_uid="",
        search_text="",
        dicom_json=b"{}",
        received_at=now(),
        changed_at=now(),
    )
