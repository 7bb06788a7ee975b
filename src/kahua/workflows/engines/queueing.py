"""Which task comes next: fair between runs, in order within one, and no large task waits for ever."""

import time
from collections import Counter, deque
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from kahua.database import now
from kahua.workflows.engines.attempts import SITE_KINDS, ActiveAttempt
from kahua.workflows.engines.ledger import Ledger
from kahua.workflows.graph import ActiveRun, ActiveTask
from kahua.workflows.plan import Need

#: Ready tasks of one run that are looked at in one turn.
LOOK_AHEAD = 100

#: After this long a task that lacks something holds back others that would take the same.
HOLD_SECONDS = 30.0

#: No task waits longer for its next attempt.
LONGEST_WAIT = timedelta(hours=1)


def next_tasks(
    runs: Collection[ActiveRun], active: Collection[ActiveAttempt], ledger: Ledger, site_threads: int
) -> Iterator[tuple[ActiveRun, ActiveTask]]:
    """Give the tasks to start now, one by one; the caller takes the share of each before it asks for the next."""
    queues = {run.id: deque(_candidates(run)) for run in runs if run.ready and not run.is_cancelling}
    by_id = {run.id: run for run in runs}
    busy = Counter(attempt.run.id for attempt in active)
    free_threads = site_threads - sum(1 for attempt in active if attempt.plan.kind in SITE_KINDS)
    reserved: set[str] = set()
    while queues:
        run = by_id[min(queues, key=lambda id_: (busy[id_], by_id[id_].created_at))]
        if not queues[run.id]:
            del queues[run.id]
            continue
        task = queues[run.id].popleft()
        if task.kind in SITE_KINDS:
            starts = free_threads > 0
            free_threads -= starts
        else:
            starts = _fits(task, ledger, reserved)
        if starts:
            busy[run.id] += 1
            yield run, task


def _candidates(run: ActiveRun) -> list[ActiveTask]:
    moment = now()
    due = [task for task in run.ready.values() if not _waits(task, moment)]
    return sorted(due, key=lambda task: task.order)[:LOOK_AHEAD]


def _waits(task: ActiveTask, moment: datetime) -> bool:
    """Whether it is too early for a task; a wait that no pause explains was set by a clock that went ahead."""
    return task.not_before is not None and moment < task.not_before <= moment + LONGEST_WAIT


def _fits(task: ActiveTask, ledger: Ledger, reserved: set[str]) -> bool:
    """Whether a task can start; one that waited long reserves what it lacks."""
    if reserved & _wanted(task.need):
        return False
    lacking = ledger.lacking(task.need)
    if not lacking:
        return True
    task.held_since = task.held_since or time.monotonic()
    if time.monotonic() - task.held_since >= HOLD_SECONDS:
        reserved |= lacking
    return False


def _wanted(need: Need) -> set[str]:
    amounts = {"cpus": need.cpus, "memory": need.memory_bytes, "gpus": need.gpus}
    return {name for name, amount in amounts.items() if amount}
