"""Attempts at tasks: starts them, looks after them, and says how they ended."""

import errno
import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from kahua.errors import KahuaError, Unavailable
from kahua.logs import get_logger
from kahua.workflows.cache import Cache
from kahua.workflows.catalogue import WorkflowCatalogue
from kahua.workflows.engines.ledger import Share
from kahua.workflows.failures import CHECK_THE_LOG, Failure, failure_of_end, failure_of_error
from kahua.workflows.folders import RunFolders
from kahua.workflows.graph import ActiveJob, ActiveRun, ActiveTask
from kahua.workflows.plan import PlannedTask
from kahua.workflows.preparation import Preparation, check_targets, make_targets, prepare
from kahua.workflows.runtimes import LOG, OUT, Finished, Lost, Running, Runtime
from kahua.workflows.specification import Workflow
from kahua.workflows.transfers import Cancelled, Kept, Transfer, Transfers

log = get_logger()

#: Errors of the system that may pass: no room, no memory, too much open, a disk in trouble.
TRANSIENT = frozenset({errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.EIO})

#: Tasks of the site itself that run at once: they move bytes, and need no share of the machine.
SITE_THREADS = 4

#: Note in the folder of an attempt: what it holds.
SHARE = "share.json"

#: Kinds of tasks that the site does itself.
SITE_KINDS = frozenset({"fetch", "store"})


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an attempt ended."""

    kind: Literal["succeeded", "failed", "lost", "cancelled"]
    end: Finished | None = None
    failure: Failure | None = None
    #: Another attempt may well succeed, whatever the step allows.
    is_transient: bool = False
    kept: Kept | None = None


@dataclass
class ActiveAttempt:
    """An attempt that runs."""

    id: str
    number: int
    run: ActiveRun
    job: ActiveJob
    task: ActiveTask
    plan: PlannedTask
    folder: Path
    #: What the site itself does in a thread; empty for a process, and for what was found after a restart.
    future: "Future[Outcome] | None" = None
    #: The ending of its process, while it goes on.
    killing: "Future[None] | None" = None

    @property
    def out(self) -> Path:
        """Folder of what it writes."""
        return self.folder / OUT

    @property
    def log(self) -> Path:
        """Log of the attempt."""
        return self.folder / LOG

    def note_share(self, share: Share) -> None:
        """Keep what the attempt holds, for an engine that finds it later."""
        (self.folder / SHARE).write_text(json.dumps(asdict(share)))

    def read_share(self) -> Share:
        """Give what the attempt holds; what its task needs, if it was interrupted before it was noted."""
        try:
            noted = json.loads((self.folder / SHARE).read_text())
        except FileNotFoundError:
            return Share(cpus=self.task.need.cpus, memory_bytes=self.task.need.memory_bytes)
        return Share(cpus=noted["cpus"], memory_bytes=noted["memory_bytes"], gpus=tuple(noted["gpus"]))


class Attempts:
    """Starts attempts and looks after them."""

    def __init__(
        self,
        *,
        runtime: Runtime,
        catalogue: WorkflowCatalogue,
        transfers: Transfers,
        cache: Cache,
        folders: RunFolders,
        log_bytes: int,
        wake: Callable[[], None],
    ) -> None:
        self._runtime = runtime
        self._catalogue = catalogue
        self._transfers = transfers
        self._cache = cache
        self._folders = folders
        self._log_bytes = log_bytes
        self._wake = wake
        self._site = ThreadPoolExecutor(SITE_THREADS, "kahua-transfer")
        self._killers = ThreadPoolExecutor(SITE_THREADS, "kahua-kill")

    def start(self, attempt: ActiveAttempt, workflow: Workflow, share: Share) -> None:
        """Start an attempt whose row is written. Whatever goes wrong becomes its outcome."""
        if attempt.plan.kind in SITE_KINDS:
            self._in_thread(attempt, lambda: self._transfer(attempt, workflow))
            return
        try:
            if self._from_cache(attempt):
                self._in_thread(attempt, lambda: Outcome(kind="succeeded"))
                return
            attempt.note_share(share)
            given = self._preparation(attempt, share)
            self._runtime.start(prepare(attempt.plan, given))
        except Exception as error:  # noqa: BLE001 - here a task becomes failed, with its reason
            outcome = _outcome_of_error(error, attempt)
            self._in_thread(attempt, lambda: outcome)

    def look(self, attempt: ActiveAttempt) -> Outcome | None:
        """Say how an attempt ended; nothing while it runs."""
        if attempt.future is not None:
            return attempt.future.result() if attempt.future.done() else None
        if attempt.plan.kind in SITE_KINDS:  # its thread was in a process that is gone
            return Outcome(kind="lost")
        sight = self._runtime.look(attempt.folder)
        if isinstance(sight, Running):
            return None
        if isinstance(sight, Lost):
            self._runtime.kill(attempt.folder)  # its keeper is gone: what it kept may not be
            return Outcome(kind="lost")
        return self._outcome_of_end(sight, attempt)

    def kill(self, attempt: ActiveAttempt) -> None:
        """Begin to end an attempt; `look` tells when that is done."""
        if attempt.future is not None or (attempt.killing is not None and not attempt.killing.done()):
            return
        attempt.killing = self._killers.submit(self._kill, attempt)

    def close(self) -> None:
        """Wait for what the site itself does; leave processes alone."""
        self._site.shutdown()
        self._killers.shutdown()

    def _kill(self, attempt: ActiveAttempt) -> None:
        try:
            self._runtime.kill(attempt.folder)
        except KahuaError as error:  # the engine asks again as long as the task runs
            log.warning("task not ended", attempt=attempt.id, reason=str(error))
        self._wake()

    def _in_thread(self, attempt: ActiveAttempt, act: Callable[[], Outcome]) -> None:
        attempt.future = self._site.submit(self._act, attempt, act)

    def _act(self, attempt: ActiveAttempt, act: Callable[[], Outcome]) -> Outcome:
        try:
            return act()
        except Cancelled:
            return Outcome(kind="cancelled")
        except Exception as error:  # noqa: BLE001 - here a task becomes failed, with its reason
            return _outcome_of_error(error, attempt)
        finally:
            self._wake()

    def _transfer(self, attempt: ActiveAttempt, workflow: Workflow) -> Outcome:
        make_targets(attempt.plan, attempt.out)
        transfer = Transfer(
            project_id=attempt.run.project_id,
            run_id=attempt.run.id,
            job_id=attempt.job.id,
            person=attempt.run.person,
            workflow=workflow,
            task=attempt.plan,
            out=attempt.out,
            log=attempt.log,
            written_by=lambda name: self.written_by(attempt, name),
            is_cancelled=lambda: attempt.run.is_cancelling,
        )
        if attempt.plan.kind == "fetch":
            self._transfers.fetch(transfer)
            return Outcome(kind="succeeded")
        return Outcome(kind="succeeded", kept=self._transfers.keep(transfer))

    def _from_cache(self, attempt: ActiveAttempt) -> bool:
        attempt.out.mkdir(parents=True, exist_ok=True)
        if not self._cache.take(attempt.plan, attempt.out):
            return False
        attempt.log.write_text("Taken from the cache: the same objects were converted before.\n")
        return True

    def _preparation(self, attempt: ActiveAttempt, share: Share) -> Preparation:
        return Preparation(
            attempt_id=attempt.id,
            folder=attempt.folder,
            written_by=lambda name: self.written_by(attempt, name),
            installed=self._catalogue.get(attempt.run.workflow, attempt.run.version),
            cpus=share.cpus,
            memory_bytes=share.memory_bytes,
            gpus=share.gpus,
            log_bytes=self._log_bytes,
        )

    def written_by(self, attempt: ActiveAttempt, name: str) -> Path:
        """Folder of what a task of the same job wrote."""
        task = attempt.job.tasks[name]
        return self._folders.out(attempt.run.id, attempt.job.id, task.id, task.succeeded or 0)

    def _outcome_of_end(self, end: Finished, attempt: ActiveAttempt) -> Outcome:
        if end.cause == "cancelled" and attempt.run.is_cancelling:
            return Outcome(kind="cancelled", end=end)
        if not end.succeeded:
            return Outcome(kind="failed", end=end, failure=failure_of_end(end, attempt.plan, attempt.log))
        try:
            check_targets(attempt.plan, attempt.out)
            self._cache.keep(attempt.plan, attempt.out)
        except (KahuaError, OSError) as error:
            failed = _outcome_of_error(error, attempt)
            return Outcome(kind="failed", end=end, failure=failed.failure, is_transient=failed.is_transient)
        return Outcome(kind="succeeded", end=end)


def _outcome_of_error(error: Exception, attempt: ActiveAttempt) -> Outcome:
    if isinstance(error, KahuaError):
        failure = failure_of_error(error, attempt.log)
        return Outcome(kind="failed", failure=failure, is_transient=isinstance(error, Unavailable))
    log.error("task failed in the site's own hands", attempt=attempt.id, exc_info=error)
    cause = f"The site could not do this: {type(error).__name__}."
    if isinstance(error, OSError):
        cause = f"The site could not do this: {error.strerror or type(error).__name__}."
    return Outcome(
        kind="failed",
        failure=Failure(cause=cause, evidence=(str(error)[:500],), next_step=CHECK_THE_LOG),
        is_transient=isinstance(error, OSError) and error.errno in TRANSIENT,
    )
