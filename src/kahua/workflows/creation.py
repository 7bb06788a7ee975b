"""Makes the rows of a run: a job for each series, or one for all, with its tasks planned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from kahua.database import new_id, now
from kahua.workflows.catalogue import InstalledWorkflow
from kahua.workflows.facts import SeriesFacts
from kahua.workflows.fitness import fitting_input
from kahua.workflows.planner import JobPlan, Machine, plan, too_large
from kahua.workflows.provenance import code_of
from kahua.workflows.states import JobState, RunState, TaskState
from kahua.workflows.tables import JobRow, JobSeriesRow, RunRow, TaskRow

#: Series by input: what one job works on.
JobInputs = Mapping[str, Sequence[SeriesFacts]]


@dataclass(frozen=True, kw_only=True)
class Check:
    """Which of the chosen series fit a workflow, and why the others do not."""

    #: Series that fit, each with the input that it serves.
    fit: Sequence[tuple[str, SeriesFacts]] = ()
    #: Ids of series that do not fit, with the reasons.
    unfit: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def jobs(self, installed: InstalledWorkflow) -> list[JobInputs]:
        """Give what each job would work on."""
        if installed.workflow.unit == "series":
            return [{name: [facts]} for name, facts in self.fit]
        together = {name: [facts for input_, facts in self.fit if input_ == name] for name in installed.workflow.inputs}
        return [together] if all(together.values()) else []


def check(installed: InstalledWorkflow, facts: Sequence[SeriesFacts], *, parameters: Any, machine: Machine) -> Check:
    """Look at each series before anything starts: whether it fits, and whether this machine can do it."""
    fit, unfit = [], {}
    for series in facts:
        input_name, reasons = fitting_input(installed.workflow, series)
        if input_name is not None and installed.workflow.unit == "series":
            tasks = plan(_job_plan("check", installed, parameters, {input_name: [series]}))
            reasons = too_large(tasks, machine)
        if input_name is None or reasons:
            unfit[series.id] = reasons
        else:
            fit.append((input_name, series))
    return Check(fit=fit, unfit=unfit)


def reasons_of_dataset(
    installed: InstalledWorkflow, checked: Check, *, parameters: Any, machine: Machine
) -> Sequence[str]:
    """Why a job on all the series that fit is not possible; empty if it is, or if there is a job for each."""
    if installed.workflow.unit == "series":
        return ()
    given = {name for name, _ in checked.fit}
    missing = [name for name in installed.workflow.inputs if name not in given]
    if missing:
        return [f"No series serves the input '{name}'." for name in missing]
    (inputs,) = checked.jobs(installed)
    return too_large(plan(_job_plan("check", installed, parameters, inputs)), machine)


def create_run(
    session: Session,
    *,
    project_id: str,
    person: str,
    installed: InstalledWorkflow,
    parameters: Mapping[str, Any],
    jobs: Sequence[JobInputs],
    dataset: tuple[str, int] | None = None,
) -> RunRow:
    """Add a run with its jobs and tasks, queued."""
    run = RunRow(
        id=new_id(),
        project_id=project_id,
        workflow=installed.name,
        version=installed.version,
        specification=installed.workflow.model_dump(mode="json"),
        code=code_of(installed),
        parameters=dict(parameters),
        dataset_name=dataset[0] if dataset else None,
        dataset_version=dataset[1] if dataset else None,
        state=RunState.QUEUED.value,
        created_at=now(),
        created_by=person,
    )
    session.add(run)
    session.flush()
    for position, inputs in enumerate(jobs):
        _add_job(session, run, position, installed, inputs)
    return run


def _add_job(session: Session, run: RunRow, position: int, installed: InstalledWorkflow, inputs: JobInputs) -> None:
    job = JobRow(id=new_id(), run_id=run.id, position=position, state=JobState.QUEUED.value)
    session.add(job)
    session.flush()
    session.add_all(
        JobSeriesRow(job_id=job.id, series_id=facts.id, input_name=name, series_uid=facts.series_uid)
        for name, many in inputs.items()
        for facts in many
    )
    session.add_all(
        TaskRow(
            job_id=job.id,
            position=place,
            name=task.name,
            plan=task.model_dump(mode="json"),
            after=list(task.after),
            state=TaskState.WAITING.value,
        )
        for place, task in enumerate(plan(_job_plan(job.id, installed, run.parameters, inputs)))
    )


def _job_plan(job_id: str, installed: InstalledWorkflow, parameters: Mapping[str, Any], inputs: JobInputs) -> JobPlan:
    return JobPlan(
        job_id=job_id,
        workflow=installed.workflow,
        algorithm=installed.workflow.title,
        version=installed.version,
        parameters=parameters,
        series=inputs,
    )
