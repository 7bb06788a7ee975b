"""What people do with workflows and runs. Whether they may is asked before, by whoever calls."""

import codecs
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from kahua.access import record
from kahua.database import Database
from kahua.datasets import find_dataset, series_of
from kahua.errors import InvalidInput, NotFound, StateConflict, TooMuch
from kahua.workflows.catalogue import InstalledWorkflow, WorkflowCatalogue
from kahua.workflows.creation import Check, check, create_run, reasons_of_dataset
from kahua.workflows.facts import series_facts
from kahua.workflows.folders import RunFolders
from kahua.workflows.forms import complete_parameters
from kahua.workflows.planner import Machine
from kahua.workflows.reading import find_run, page_of_runs, results_of, run_detail
from kahua.workflows.states import AttemptState, RunState
from kahua.workflows.tables import AttemptRow, JobRow, JobSeriesRow, TaskRow
from kahua.workflows.transitions import change_run, queue_again, run_row
from kahua.workflows.views import CheckView, LogPart, RunDetail, RunItem, Unfit

#: Most series of one run.
MAX_SERIES = 10_000

#: Bytes of a log that are read at once.
LOG_PART_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The data of a run: series by id, or a dataset in a version (the newest, if none is given)."""

    series: Sequence[str] = ()
    dataset: str | None = None
    dataset_version: int | None = None


@dataclass(frozen=True, kw_only=True)
class _Chosen:
    """Series that were chosen, looked at."""

    checked: Check
    reasons: Sequence[str]
    dataset: tuple[str, int] | None


class Runs:
    """Use cases of workflows and runs."""

    def __init__(
        self,
        *,
        database: Database,
        catalogue: WorkflowCatalogue,
        machine: Machine,
        folders: RunFolders,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._machine = machine
        self._folders = folders
        #: Tells an engine in this process to look at the rows; one in another looks by itself.
        self._wake = wake

    def workflows(self) -> Sequence[InstalledWorkflow]:
        """Give every workflow that is installed."""
        return self._catalogue.list()

    def workflow(self, name: str) -> InstalledWorkflow:
        """Give a workflow, ``EXTENSION/WORKFLOW``."""
        return self._catalogue.get(name)

    def check(self, project_id: str, *, workflow: str, choice: Choice, parameters: Mapping[str, Any]) -> CheckView:
        """Say which series fit, and why the others do not. Nothing is started."""
        installed = self._catalogue.get(workflow)
        chosen = self._look(project_id, installed, choice, complete_parameters(installed.workflow, parameters))
        return CheckView(
            fit=[facts.id for _, facts in chosen.checked.fit],
            unfit=_unfit(chosen.checked),
            reasons=chosen.reasons,
            jobs=0 if chosen.reasons else len(chosen.checked.jobs(installed)),
        )

    def start(
        self,
        project_id: str,
        *,
        actor: str,
        workflow: str,
        choice: Choice,
        parameters: Mapping[str, Any],
        skip_unfit: bool = False,
        version: str | None = None,
        also: Callable[[Session, str], None] | None = None,
    ) -> str:
        """Queue a run and give its id; what is `also` to be done with that id happens in the same transaction.

        Raises
        ------
        InvalidInput
            A parameter is wrong, or series do not fit; the details say which, and why.
        StateConflict
            The workflow is installed, but not ready.
        """
        installed = self._catalogue.get(workflow, version)
        values, chosen = self._fitting(project_id, installed, choice, parameters, skip_unfit=skip_unfit)
        with self._database.write() as session:
            run = create_run(
                session,
                project_id=project_id,
                person=actor,
                installed=installed,
                parameters=values,
                jobs=chosen.checked.jobs(installed),
                dataset=chosen.dataset,
            )
            record(
                session,
                actor=actor,
                action="run.start",
                subject=run.id,
                project_id=project_id,
                workflow=f"{installed.name} {installed.version}",
                series=len(chosen.checked.fit),
            )
            if also is not None:
                also(session, run.id)
        self._wake()
        return run.id

    def fitting(
        self,
        project_id: str,
        *,
        workflow: str,
        choice: Choice,
        parameters: Mapping[str, Any],
        skip_unfit: bool = False,
    ) -> Sequence[str]:
        """Give the ids of the series on which a run would work, if it were started now.

        Raises
        ------
        InvalidInput, StateConflict
            As `start` does.
        """
        installed = self._catalogue.get(workflow)
        _, chosen = self._fitting(project_id, installed, choice, parameters, skip_unfit=skip_unfit)
        return [facts.id for _, facts in chosen.checked.fit]

    def cancel(self, project_id: str, run_id: str, *, actor: str) -> None:
        """Ask for the end of a run; its processes are ended within seconds."""
        with self._database.write() as session:
            find_run(session, project_id, run_id)
            change_run(session, run_row(session, run_id), RunState.CANCELLING)
            record(session, actor=actor, action="run.cancel", subject=run_id, project_id=project_id)
        self._wake()

    def resume(self, project_id: str, run_id: str, *, actor: str) -> None:
        """Let a run that failed or was cancelled go on with what it did not finish."""
        with self._database.write() as session:
            find_run(session, project_id, run_id)
            queue_again(session, run_row(session, run_id))
            record(session, actor=actor, action="run.resume", subject=run_id, project_id=project_id)
        self._wake()

    def repeat(self, project_id: str, run_id: str, *, actor: str) -> str:
        """Start the same again: workflow, version, parameters, series; give the new run's id."""
        with self._database.read() as session:
            run = find_run(session, project_id, run_id)
            query = select(JobSeriesRow.series_id).join(JobRow).where(JobRow.run_id == run_id)
            series = list(dict.fromkeys(session.scalars(query.order_by(JobRow.position))))
        return self.start(
            project_id,
            actor=actor,
            workflow=run.workflow,
            version=run.version,
            choice=Choice(series=series),
            parameters=run.parameters,
        )

    def page(
        self,
        project_id: str,
        *,
        state: str | None = None,
        workflow: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> tuple[list[RunItem], str | None]:
        """Give runs of a project, newest first, and the cursor of the next page."""
        with self._database.read() as session:
            return page_of_runs(session, project_id, state=state, workflow=workflow, cursor=cursor, limit=limit)

    def detail(self, project_id: str, run_id: str) -> RunDetail:
        """Give a run with all that it did."""
        with self._database.read() as session:
            return run_detail(session, find_run(session, project_id, run_id))

    def record(self, project_id: str, run_id: str) -> dict[str, Any]:
        """Give the record of a run: what it was, what it did, and where each result came from."""
        with self._database.read() as session:
            run = find_run(session, project_id, run_id)
            return {
                "run": run_detail(session, run).model_dump(mode="json"),
                "specification": run.specification,
                "code": run.code,
                "results": [
                    {"output": row.output_name, "series_uid": row.series_uid, "provenance": row.provenance}
                    for row in results_of(session, run_id)
                ],
            }

    def log(self, project_id: str, run_id: str, task_id: str, number: int, *, offset: int = 0) -> LogPart:
        """Read a part of an attempt's log, also while it is written."""
        with self._database.read() as session:
            find_run(session, project_id, run_id)
            found = session.execute(
                select(TaskRow.job_id, AttemptRow.state)
                .join(JobRow, JobRow.id == TaskRow.job_id)
                .join(AttemptRow, AttemptRow.task_id == TaskRow.id)
                .where(JobRow.run_id == run_id, TaskRow.id == task_id, AttemptRow.number == number)
            ).first()
        if found is None:
            raise NotFound("There is no such attempt.")
        job_id, state = found
        ended = state != AttemptState.RUNNING
        return read_log(self._folders, (run_id, job_id, task_id, number), offset=offset, ended=ended)

    def _fitting(
        self,
        project_id: str,
        installed: InstalledWorkflow,
        choice: Choice,
        parameters: Mapping[str, Any],
        *,
        skip_unfit: bool,
    ) -> tuple[dict[str, Any], _Chosen]:
        if installed.state != "ready":
            raise StateConflict(f"The workflow {installed.name} is not ready: {installed.error or installed.state}.")
        values = complete_parameters(installed.workflow, parameters)
        chosen = self._look(project_id, installed, choice, values)
        _refuse_unfit(chosen, skip_unfit=skip_unfit)
        return values, chosen

    def _look(
        self, project_id: str, installed: InstalledWorkflow, choice: Choice, parameters: Mapping[str, Any]
    ) -> _Chosen:
        with self._database.read() as session:
            ids, dataset = _series_of(session, project_id, choice)
            facts = series_facts(session, project_id, ids)
        missing = len(set(ids) - facts.keys())
        if missing:
            raise NotFound(f"{missing} of the chosen series are not in this project.")
        checked = check(installed, list(facts.values()), parameters=parameters, machine=self._machine)
        reasons = reasons_of_dataset(installed, checked, parameters=parameters, machine=self._machine)
        return _Chosen(checked=checked, reasons=reasons, dataset=dataset)


def read_log(folders: RunFolders, attempt: tuple[str, str, str, int], *, offset: int, ended: bool) -> LogPart:
    """Read a log from an offset, whole characters only."""
    try:
        with folders.log(*attempt).open("rb") as file:
            file.seek(offset)
            data = file.read(LOG_PART_BYTES)
            is_end = len(data) < LOG_PART_BYTES
    except FileNotFoundError:
        return LogPart(text="", next_offset=offset, finished=ended)
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    text = decoder.decode(data, final=is_end and ended)
    pending = len(decoder.getstate()[0])
    return LogPart(text=text, next_offset=offset + len(data) - pending, finished=is_end and ended)


def _series_of(session: Session, project_id: str, choice: Choice) -> tuple[list[str], tuple[str, int] | None]:
    ids, dataset = list(dict.fromkeys(choice.series)), None
    if choice.dataset is not None:
        version = choice.dataset_version or find_dataset(session, project_id, choice.dataset).version
        ids = series_of(session, project_id, choice.dataset, version)
        dataset = (choice.dataset, version)
    if not ids:
        raise InvalidInput("No series was chosen.", field="series")
    if len(ids) > MAX_SERIES:
        raise TooMuch(f"A run takes at most {MAX_SERIES} series.", remedy="Start several runs on parts of them.")
    return ids, dataset


def _refuse_unfit(chosen: _Chosen, *, skip_unfit: bool) -> None:
    unfit = [item.model_dump(mode="json") for item in _unfit(chosen.checked)]
    total = len(unfit) + len(chosen.checked.fit)
    if unfit and not (skip_unfit and chosen.checked.fit):
        first = unfit[0]["reasons"][0]
        remedy = "Leave them out, or start the run without them." if chosen.checked.fit else None
        message = f"{len(unfit)} of {total} series do not fit the workflow. First reason: {first}"
        raise InvalidInput(
            message if total > 1 else f"The series does not fit the workflow. {first}",
            field="series",
            remedy=remedy,
            unfit=unfit,
        )
    if chosen.reasons:
        raise InvalidInput(" ".join(chosen.reasons), field="series")


def _unfit(checked: Check) -> list[Unfit]:
    return [Unfit(series=id_, reasons=reasons) for id_, reasons in checked.unfit.items()]
