"""Performs workitems by runs: claims those that are due, follows their runs, says what came of them.

Everything is decided by rows: whatever stops the worker between two steps, the next step is taken from there. A
workitem is claimed in the transaction that queues its run, so that there is one run for each.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kahua.access import Permission, ProjectRow, authorize, load_principal, local_principal
from kahua.database import Database, now
from kahua.dicom import new_uid
from kahua.errors import KahuaError, NotAllowed, NotFound, RequestRefused, StateConflict
from kahua.logs import get_logger
from kahua.store import InstanceRow, SeriesRow, StudyRow, WorkitemRow
from kahua.store.workitems import attributes, worklist
from kahua.store.workitems.attributes import DESCRIPTION, PROGRESS
from kahua.store.workitems.documents import items_of, text_of
from kahua.store.workitems.states import State
from kahua.workflows.catalogue import WorkflowCatalogue
from kahua.workflows.reading import results_of
from kahua.workflows.runs import Choice, Runs
from kahua.workflows.states import FINAL_RUN_STATES, RunState, TaskState
from kahua.workflows.tables import JobRow, PerformanceRow, RunRow, TaskRow
from kahua.workflows.workitems import orders, outcomes
from kahua.workflows.workitems.codes import is_ours, workflow_of

#: Workitems that are looked at in one step.
BATCH: Final = 50

#: A workitem that waits, or that went wrong, is looked at again after so many seconds.
LATER_SECONDS: Final = 3.0

log = get_logger()


class _Taken(Exception):
    """Somebody else was faster."""


@dataclass(frozen=True, kw_only=True)
class _Ready:
    """A workitem that can be performed now."""

    workitem_id: str
    project_id: str
    workflow: str
    choice: Choice
    parameters: dict[str, object]
    skip_unfit: bool
    actor: str


class Performer:
    """Performs the workitems of all projects whose codes stand for workflows."""

    def __init__(
        self,
        *,
        database: Database,
        runs: Runs,
        catalogue: WorkflowCatalogue,
        station_of: Callable[[str], outcomes.Station],
    ) -> None:
        self._database = database
        self._runs = runs
        self._catalogue = catalogue
        #: How the site is known, by name of the project.
        self._station_of = station_of
        self._not_before: dict[str, float] = {}

    def step(self) -> bool:
        """Begin what is due and follow what is under way; return whether anything moved."""
        moved = [self._tried(self._begin, id_) for id_ in self._due()]
        moved += [self._tried(self._follow, id_) for id_ in self._under_way()]
        return any(moved)

    def waits_for(self, project_id: str, uid: str) -> str:
        """Say why a workitem is not begun; empty if nothing keeps it, or if it is not this site's work."""
        with self._database.read() as session:
            row = worklist.find_workitem(session, project_id, uid)
            if row.state != State.SCHEDULED or not workflow_of(session, project_id, row.code):
                return ""
            if row.starts_at > now():
                return f"It is scheduled for {row.starts_at:%Y-%m-%d %H:%M} UTC."
            try:
                outcome = self._looked_at(session, row)
            except RequestRefused as error:
                return error.message
        return outcome if isinstance(outcome, str) else ""

    def _tried(self, act: Callable[[str], bool], workitem_id: str) -> bool:
        """Act on one workitem; what goes wrong with it does not keep the others waiting."""
        if self._not_before.get(workitem_id, 0.0) > time.monotonic():
            return False
        try:
            moved = act(workitem_id)
        except KahuaError as error:
            log.warning("workitem not performed", workitem=workitem_id, code=error.code, reason=error.message)
            moved = False
        except Exception:  # the edge of one workitem: the others must go on
            log.exception("workitem not performed", workitem=workitem_id)
            moved = False
        self._not_before.pop(workitem_id, None)
        if not moved:
            self._not_before[workitem_id] = time.monotonic() + LATER_SECONDS
        return moved

    def _due(self) -> Sequence[str]:
        due = (WorkitemRow.state == State.SCHEDULED, WorkitemRow.starts_at <= now(), is_ours())
        query = select(WorkitemRow.id).where(*due).order_by(WorkitemRow.starts_at, WorkitemRow.id)
        with self._database.read() as session:
            ids = session.scalars(query.limit(BATCH + len(self._not_before))).all()
        return self._awake(ids)

    def _under_way(self) -> Sequence[str]:
        query = select(PerformanceRow.workitem_id).join(WorkitemRow)
        query = query.where(WorkitemRow.state == State.IN_PROGRESS).order_by(PerformanceRow.workitem_id)
        with self._database.read() as session:
            ids = session.scalars(query).all()
        return self._awake(ids)

    def _awake(self, ids: Sequence[str]) -> list[str]:
        moment = time.monotonic()
        self._not_before = {id_: until for id_, until in self._not_before.items() if until > moment}
        return [id_ for id_ in ids if id_ not in self._not_before][:BATCH]

    def _begin(self, workitem_id: str) -> bool:
        """Claim a workitem and queue its run, or end it with the reason why that is impossible."""
        try:
            ready = self._read(workitem_id)
            if ready is None:
                return False
            self._runs.start(
                ready.project_id,
                actor=ready.actor,
                workflow=ready.workflow,
                choice=ready.choice,
                parameters=ready.parameters,
                skip_unfit=ready.skip_unfit,
                also=lambda session, run_id: _claim(session, workitem_id, run_id),
            )
        except _Taken:
            return False
        except RequestRefused as error:
            self._refuse(workitem_id, error)
        return True

    def _read(self, workitem_id: str) -> _Ready | None:
        with self._database.read() as session:
            row = session.get(WorkitemRow, workitem_id)
            if row is None or row.state != State.SCHEDULED:
                return None
            outcome = self._looked_at(session, row)
        return outcome if isinstance(outcome, _Ready) else None

    def _looked_at(self, session: Session, row: WorkitemRow) -> _Ready | str:
        """Give what is to be run, or say what it waits for.

        Raises
        ------
        RequestRefused
            It can never be run.
        """
        document = worklist.document_of(row)
        if reason := orders.reason_to_wait(document):
            return reason
        _check_creator(session, row)
        installed = self._catalogue.get(workflow_of(session, row.project_id, row.code))
        if installed.state == "building":
            return f"The workflow {installed.name} is being installed."
        wanted = orders.read_inputs(document)
        parameters = orders.read_parameters(document, installed.workflow)
        inputs = orders.find_inputs(session, row.project_id, wanted)
        if inputs.missing:
            return inputs.missing
        return _Ready(
            workitem_id=row.id,
            project_id=row.project_id,
            workflow=installed.name,
            choice=Choice(series=inputs.series_ids),
            parameters=parameters,
            skip_unfit=orders.is_partial(wanted),
            actor=row.created_by,
        )

    def _refuse(self, workitem_id: str, error: RequestRefused) -> None:
        """End a workitem that cannot be performed, and say why."""
        with self._database.write() as session:
            row = session.get(WorkitemRow, workitem_id, with_for_update=True)
            if row is None or row.state != State.SCHEDULED:
                return
            worklist.claim(session, row, new_uid(), performer=worklist.SITE)
            _cancel(session, row, str(error))

    def _follow(self, workitem_id: str) -> bool:
        """Do for a workitem in progress what its run, or a wish to cancel it, asks for."""
        with self._database.read() as session:
            row = session.get_one(WorkitemRow, workitem_id)
            run_id = session.get_one(PerformanceRow, workitem_id).run_id
            run = session.get(RunRow, run_id)
            state = RunState(run.state) if run is not None else None
        if state is None or state in FINAL_RUN_STATES:
            return self._conclude(workitem_id, run_id)
        if row.cancel_requested_at is not None and state is not RunState.CANCELLING:
            return self._cancel_run(row, run_id)
        return self._report(workitem_id, run_id)

    def _cancel_run(self, row: WorkitemRow, run_id: str) -> bool:
        try:
            self._runs.cancel(row.project_id, run_id, actor=f"workitem {row.uid}")
        except StateConflict:  # it ended meanwhile, which the next step sees
            return False
        return True

    def _report(self, workitem_id: str, run_id: str) -> bool:
        """Say how far the run is, if that has changed."""
        with self._database.read() as session:
            done, total, doing = _progress(session, run_id)
            document = worklist.document_of(session.get_one(WorkitemRow, workitem_id))
        after = outcomes.with_progress(document, done=done, total=total, doing=doing)
        if _description(after) == _description(document):
            return False
        with self._database.write() as session:
            row = _locked(session, workitem_id)
            worklist.revise(
                session, row, lambda known: outcomes.with_progress(known, done=done, total=total, doing=doing)
            )
        return True

    def _conclude(self, workitem_id: str, run_id: str) -> bool:
        """Bring a workitem to its end, as its run ended."""
        with self._database.write() as session:
            row = _locked(session, workitem_id)
            run = session.get(RunRow, run_id)
            if run is not None and run.state == RunState.SUCCEEDED:
                project = session.get_one(ProjectRow, row.project_id).name
                performed = _performed(session, run)
                after = outcomes.completed(worklist.document_of(row), performed, self._station_of(project))
                attributes.check_completed(after)
                worklist.enter(session, row, State.COMPLETED, after)
            else:
                _cancel(session, row, _reason(row, run))
        return True


def _claim(session: Session, workitem_id: str, run_id: str) -> None:
    row = session.get(WorkitemRow, workitem_id, with_for_update=True)
    if row is None or row.state != State.SCHEDULED:
        raise _Taken
    worklist.claim(session, row, new_uid(), performer=worklist.SITE)
    session.add(PerformanceRow(workitem_id=workitem_id, run_id=run_id))


def _locked(session: Session, workitem_id: str) -> WorkitemRow:
    """Give a workitem in progress, locked for a change; what another worker has ended is not changed again."""
    row = session.get(WorkitemRow, workitem_id, with_for_update=True)
    if row is None or row.state != State.IN_PROGRESS:
        raise StateConflict("The workitem has ended meanwhile.")
    return row


def _cancel(session: Session, row: WorkitemRow, reason: str) -> None:
    document = attributes.canceled(worklist.document_of(row), now(), reason=reason)
    worklist.enter(session, row, State.CANCELED, document)


def _check_creator(session: Session, row: WorkitemRow) -> None:
    """See that whoever created a workitem may start runs, also now."""
    local = local_principal()
    principal = local if row.creator_id == local.user_id else load_principal(session, row.creator_id, "session")
    if principal is None:
        raise NotAllowed(f"{row.created_by}, who created the workitem, may not sign in any more.")
    try:
        authorize(session, principal, session.get_one(ProjectRow, row.project_id).name, Permission.RUN_START)
    except NotFound:
        raise NotAllowed(f"{row.created_by}, who created the workitem, is no member of the project any more.") from None


def _progress(session: Session, run_id: str) -> tuple[int, int, str]:
    """Count the tasks that are done, and all; and name one that runs."""
    tasks = select(TaskRow.state, func.count()).join(JobRow).where(JobRow.run_id == run_id).group_by(TaskRow.state)
    counts = {row[0]: int(row[1]) for row in session.execute(tasks)}
    running = select(TaskRow.plan).join(JobRow).where(JobRow.run_id == run_id, TaskRow.state == TaskState.RUNNING)
    plan = session.scalars(running.order_by(TaskRow.id).limit(1)).first()
    return counts.get(TaskState.SUCCEEDED, 0), sum(counts.values()), str(plan["title"]) if plan else "waiting"


def _description(document: dict[str, object]) -> str:
    return text_of(next(iter(items_of(document, PROGRESS)), {}), DESCRIPTION)


def _reason(row: WorkitemRow, run: RunRow | None) -> str:
    if run is None:
        return "The run is not there any more."
    if run.state == RunState.CANCELLED:
        wish = f": {row.cancel_reason}" if row.cancel_reason else "."
        return f"Canceled on request{wish}" if row.cancel_requested_at is not None else "The run was cancelled."
    failure = run.failure or {}
    return f"{failure.get('cause', 'The run failed.')} {failure.get('next_step', '')}".strip()


def _performed(session: Session, run: RunRow) -> outcomes.Performed:
    moment = now()
    return outcomes.Performed(
        title=f"{run.specification['title']} {run.version}",
        started_at=run.started_at or run.created_at,
        finished_at=run.finished_at or moment,
        parameters=run.parameters,
        series=_result_series(session, run),
    )


def _result_series(session: Session, run: RunRow) -> list[outcomes.ResultSeries]:
    """Give the series that a run made and that are still there, each once."""
    ids = dict.fromkeys(row.series_id for row in results_of(session, run.id) if row.series_id)
    query = select(SeriesRow.id, SeriesRow.series_uid, StudyRow.study_uid)
    query = query.join(StudyRow, StudyRow.id == SeriesRow.study_id)
    rows = session.execute(query.where(SeriesRow.project_id == run.project_id, SeriesRow.id.in_(ids))).all()
    return [
        outcomes.ResultSeries(study_uid=row.study_uid, series_uid=row.series_uid, instances=_instances(session, row.id))
        for row in sorted(rows, key=lambda row: list(ids).index(row.id))
    ]


def _instances(session: Session, series_id: str) -> list[tuple[str, str]]:
    query = select(InstanceRow.sop_class_uid, InstanceRow.sop_instance_uid).where(InstanceRow.series_id == series_id)
    ordered = query.order_by(InstanceRow.instance_number, InstanceRow.id).limit(outcomes.MAX_REFERENCES + 1)
    return [(row.sop_class_uid, row.sop_instance_uid) for row in session.execute(ordered)]
