"""The embedded engine: a scheduler over the database, in a thread of the worker.

One loop, woken by what happens and looking by itself every half second: it takes in runs that are queued or to be
cancelled, looks after attempts, and starts tasks whose inputs and resources are there. The rows are the truth. All
that is held in memory is read from them at the start, so the engine may be killed at any moment.
"""

import fcntl
import os
import platform
import threading
import time
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from kahua.database import Database, new_id
from kahua.errors import StateConflict
from kahua.logs import get_logger
from kahua.workflows.cache import Cache
from kahua.workflows.catalogue import WorkflowCatalogue
from kahua.workflows.engines.attempts import SITE_KINDS, SITE_THREADS, ActiveAttempt, Attempts, Outcome
from kahua.workflows.engines.conclusions import Conclusions, begin_cancelling
from kahua.workflows.engines.ledger import Ledger, Share
from kahua.workflows.engines.queueing import next_tasks
from kahua.workflows.folders import RunFolders
from kahua.workflows.graph import ActiveRun, ActiveTask, load_run
from kahua.workflows.plan import PlannedTask
from kahua.workflows.planner import Machine
from kahua.workflows.provenance import input_objects, provenance
from kahua.workflows.runtimes import Runtime
from kahua.workflows.specification import Workflow
from kahua.workflows.states import AttemptState, JobState, RunState, TaskState
from kahua.workflows.tables import AttemptRow, JobRow, RunRow, TaskRow
from kahua.workflows.transfers import Transfers
from kahua.workflows.transitions import begin_attempt, change_job, change_run, run_row

log = get_logger()

#: Pause between two looks while processes run, and while nothing does.
BUSY_SECONDS = 0.05
IDLE_SECONDS = 0.5

#: Pause after something went wrong in the loop itself.
TROUBLE_SECONDS = 2.0

#: States of runs that the engine has to do with.
OPEN_STATES = (RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING)


class LocalEngine:
    """The engine `local`."""

    def __init__(
        self,
        *,
        database: Database,
        runtime: Runtime,
        catalogue: WorkflowCatalogue,
        transfers: Transfers,
        machine: Machine,
        folders: RunFolders,
        cache: Path,
        log_bytes: int,
        pause_seconds: float = 1.0,
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._folders = folders
        self._ledger = Ledger(machine)
        self._runs: dict[str, ActiveRun] = {}
        self._workflows: dict[str, Workflow] = {}
        self._active: dict[str, ActiveAttempt] = {}
        self._attempts = Attempts(
            runtime=runtime,
            catalogue=catalogue,
            transfers=transfers,
            cache=Cache(cache),
            folders=folders,
            log_bytes=log_bytes,
            wake=self.wake,
        )
        self._conclusions = Conclusions(machine=machine, pause_seconds=pause_seconds, provenance=self._provenance)
        self._event = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock: int | None = None
        self._looked_at_rows = 0.0

    def start(self) -> None:
        """Begin, and go on with what was left."""
        self._folders.root.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(self._folders.root / "engine.lock")
        self._thread = threading.Thread(target=self._loop, name="kahua-engine", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop starting tasks, and leave processes to themselves."""
        self._stopping.set()
        self.wake()
        if self._thread is not None:
            self._thread.join()
        self._attempts.close()
        self._look()  # what the site itself did has ended meanwhile
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def wake(self) -> None:
        """Look at the rows now."""
        self._event.set()

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                self._tick(woken=self._event.is_set())
                pause = BUSY_SECONDS if self._active else IDLE_SECONDS
            except Exception:  # the loop must go on, whatever one turn of it met
                log.exception("engine in trouble")
                self._forget()
                pause = TROUBLE_SECONDS
            self._event.wait(pause)

    def _tick(self, *, woken: bool) -> None:
        self._event.clear()
        if woken or time.monotonic() - self._looked_at_rows >= IDLE_SECONDS:
            self._looked_at_rows = time.monotonic()
            self._take_in()
        self._look()
        self._start_tasks()

    def _forget(self) -> None:
        """Throw away what may differ from the rows: the next turn reads them again, and adopts what runs."""
        self._runs.clear()
        for attempt in list(self._active.values()):
            if attempt.future is None:
                self._release(attempt)

    def _release(self, attempt: ActiveAttempt) -> None:
        del self._active[attempt.id]
        self._ledger.give_back(attempt.id)

    def _take_in(self) -> None:
        with self._database.read() as session:
            found = session.execute(
                select(RunRow.id, RunRow.state).where(RunRow.state.in_(OPEN_STATES)).order_by(RunRow.created_at)
            ).all()
        for run_id, state in found:
            if state == RunState.QUEUED:
                self._begin(run_id)
            run = self._runs.get(run_id) or self._load(run_id)
            if state == RunState.CANCELLING:
                self._cancel(run)

    def _begin(self, run_id: str) -> None:
        with self._database.write() as session:
            row = run_row(session, run_id)
            if row.state == RunState.QUEUED:  # it may have been cancelled a moment ago
                change_run(session, row, RunState.RUNNING)
        self._load(run_id)

    def _load(self, run_id: str) -> ActiveRun:
        """Read a run from its rows, and bind the attempts that run to it."""
        with self._database.read() as session:
            run = load_run(session, run_id)
            row = session.get_one(RunRow, run_id)
            running = session.execute(
                select(AttemptRow, TaskRow)
                .join(TaskRow, TaskRow.id == AttemptRow.task_id)
                .join(JobRow, JobRow.id == TaskRow.job_id)
                .where(JobRow.run_id == run_id, AttemptRow.state == AttemptState.RUNNING.value)
            ).all()
        self._runs[run_id] = run
        self._workflows[run_id] = Workflow.model_validate(row.specification)
        for attempt, task in running:
            self._bind(run, attempt, task)
        ids = {attempt.id for attempt, _ in running}
        for known in [known for known in self._active.values() if known.run.id == run_id and known.id not in ids]:
            self._release(known)
        return run

    def _bind(self, run: ActiveRun, row: AttemptRow, task_row: TaskRow) -> None:
        job = run.jobs[task_row.job_id]
        task = job.tasks[task_row.name]
        known = self._active.get(row.id)
        if known is not None:
            known.run, known.job, known.task = run, job, task
            return
        attempt = self._attempt(run, task, row.id, row.number, PlannedTask.model_validate(task_row.plan))
        self._active[row.id] = attempt
        if task.kind not in SITE_KINDS:
            log.info("attempt adopted", attempt=row.id, task=task.name)
            self._ledger.adopt(row.id, attempt.read_share())

    def _attempt(self, run: ActiveRun, task: ActiveTask, id_: str, number: int, plan: PlannedTask) -> ActiveAttempt:
        return ActiveAttempt(
            id=id_,
            number=number,
            run=run,
            job=run.jobs[task.job_id],
            task=task,
            plan=plan,
            folder=self._folders.attempt(run.id, task.job_id, task.id, number),
        )

    def _cancel(self, run: ActiveRun) -> None:
        if not run.is_cancelling or not self._is_running(run):
            with self._database.write() as session:
                begin_cancelling(session, run)
            self._drop_if_over(run)
        for attempt in list(self._active.values()):
            if attempt.run is run:
                self._attempts.kill(attempt)

    def _is_running(self, run: ActiveRun) -> bool:
        return any(attempt.run is run for attempt in self._active.values())

    def _look(self) -> None:
        for attempt in list(self._active.values()):
            outcome = self._attempts.look(attempt)
            if outcome is not None:
                self._conclude(attempt, outcome)

    def _conclude(self, attempt: ActiveAttempt, outcome: Outcome) -> None:
        if attempt.run.id not in self._runs:
            self._load(attempt.run.id)
        with self._database.write() as session:
            self._conclusions.conclude(session, attempt, outcome)
        self._release(attempt)
        if attempt.job.state is JobState.SUCCEEDED:
            self._folders.clear_job(attempt.run.id, attempt.job.id)
        self._drop_if_over(attempt.run)
        self._event.set()

    def _drop_if_over(self, run: ActiveRun) -> None:
        if not run.jobs:
            self._runs.pop(run.id, None)
            self._workflows.pop(run.id, None)

    def _start_tasks(self) -> None:
        for run, task in next_tasks(self._runs.values(), self._active.values(), self._ledger, SITE_THREADS):
            self._start(run, task)

    def _start(self, run: ActiveRun, task: ActiveTask) -> None:
        """Write the attempt's row, then start it: after a crash between the two, nothing runs and the row tells."""
        attempt_id, number = new_id(), task.attempts + 1
        share = Share(cpus=0, memory_bytes=0)
        if task.kind not in SITE_KINDS:
            taken = self._ledger.take(attempt_id, task.need)
            if taken is None:
                return
            share = taken
        plan = self._note(run, task, attempt_id, number)
        if plan is None:
            self._ledger.give_back(attempt_id)
            return
        attempt = self._attempt(run, task, attempt_id, number, plan)
        self._active[attempt_id] = attempt
        self._attempts.start(attempt, self._workflows[run.id], share)

    def _note(self, run: ActiveRun, task: ActiveTask, attempt_id: str, number: int) -> PlannedTask | None:
        """Write the row of an attempt; nothing if the run is not to go on."""
        job = run.jobs[task.job_id]
        self._folders.attempt(run.id, job.id, task.id, number).mkdir(parents=True, exist_ok=True)
        with self._database.write() as session:
            if run_row(session, run.id).state != RunState.RUNNING:
                return None
            if job.state is JobState.QUEUED:
                change_job(session, job.id, JobState.RUNNING)
            begin_attempt(session, task.id, attempt_id=attempt_id, number=number, host=platform.node())
            plan = PlannedTask.model_validate(session.get_one(TaskRow, task.id).plan)
        job.state, task.state, task.attempts, task.held_since = JobState.RUNNING, TaskState.RUNNING, number, None
        run.ready.pop(task.id, None)
        return plan

    def _provenance(self, session: Session, attempt: ActiveAttempt) -> dict[str, object]:
        """Where what an attempt kept came from."""
        fetches = [name for name, task in attempt.job.tasks.items() if task.kind == "fetch"]
        return provenance(
            session,
            run=session.get_one(RunRow, attempt.run.id),
            job_id=attempt.job.id,
            objects=input_objects(self._attempts.written_by(attempt, name) for name in fetches),
        )


def _lock(path: Path) -> int:
    """Hold the lock of the engine as long as this process lives."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise StateConflict(
            "Another worker already carries out the runs of this site.",
            remedy="Stop it first; one worker per data folder is enough.",
        ) from error
    return handle
