from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from kahua.workflows.engines import queueing
from kahua.workflows.engines.ledger import Ledger
from kahua.workflows.engines.queueing import next_tasks
from kahua.workflows.graph import ActiveRun, ActiveTask
from kahua.workflows.plan import Need
from kahua.workflows.planner import Machine
from kahua.workflows.states import TaskState


def task(name: str, order: int = 0, *, kind: str = "step", cpus: int = 1, gpus: int = 0) -> ActiveTask:
    return ActiveTask(
        id=name,
        job_id="j",
        name=name,
        title=name,
        kind=kind,
        after=(),
        need=Need(cpus=cpus, memory_bytes=10, gpus=gpus),
        retries=0,
        order=(order, 0),
        state=TaskState.WAITING,
        not_before=None,
    )


def run(name: str, *tasks: ActiveTask, minutes: int = 0) -> ActiveRun:
    return ActiveRun(
        id=name,
        project_id="p",
        workflow="e/w",
        version="1",
        person="ada",
        created_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes),
        jobs={},
        total=1,
        failures=[],
        ready={task.id: task for task in tasks},
    )


def started(runs: Iterable[ActiveRun], ledger: Ledger) -> list[str]:
    names = []
    for _, chosen in next_tasks(list(runs), [], ledger, 4):
        if chosen.kind == "step":
            ledger.take(chosen.id, chosen.need)
        names.append(chosen.name)
    return names


def machine(cpus: int = 2, gpus: int = 0) -> Ledger:
    return Ledger(Machine(cpus=cpus, memory_bytes=1000, gpus=gpus))


def test_two_runs_share_the_machine() -> None:
    first = run("r1", task("a1"), task("a2", 1), task("a3", 2))
    second = run("r2", task("b1"), task("b2", 1), minutes=1)
    assert started([first, second], machine(cpus=4)) == ["a1", "b1", "a2", "b2"]


def test_earlier_jobs_come_first() -> None:
    assert started([run("r", task("late", 2), task("soon", 1))], machine(cpus=1)) == ["soon"]


def test_a_pause_is_kept() -> None:
    waiting = task("a")
    waiting.not_before = datetime.now(UTC) + timedelta(hours=1)
    assert started([run("r", waiting)], machine()) == []


def test_a_pause_that_a_clock_made_too_long_is_none() -> None:
    waiting = task("a")
    waiting.not_before = datetime.now(UTC) + timedelta(days=365)
    assert started([run("r", waiting)], machine()) == ["a"]


def test_a_cancelled_run_starts_nothing() -> None:
    cancelled = run("r", task("a"))
    cancelled.is_cancelling = True
    assert started([cancelled], machine()) == []


def test_smaller_tasks_use_what_a_large_one_leaves() -> None:
    books = machine(cpus=2)
    books.take("running", Need(cpus=1))
    assert started([run("r", task("large", cpus=2), task("small", 1))], books) == ["small"]


def test_a_large_task_that_waited_long_is_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queueing, "HOLD_SECONDS", 0.0)
    books = machine(cpus=2)
    books.take("running", Need(cpus=1))
    waiting = [run("r", task("large", cpus=2), task("small", 1))]
    assert started(waiting, books) == []
    books.give_back("running")
    assert started(waiting, books) == ["large"]


def test_who_waits_for_a_gpu_holds_back_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queueing, "HOLD_SECONDS", 0.0)
    books = machine(cpus=4, gpus=1)
    books.take("running", Need(cpus=1, gpus=1))
    waiting = [run("r", task("gpu", gpus=1), task("plain", 1), task("other gpu", 2, gpus=1))]
    assert started(waiting, books) == ["plain"]


def test_the_sites_own_tasks_are_bounded_in_number() -> None:
    fetches = [task(f"f{number}", number, kind="fetch", cpus=0) for number in range(9)]
    assert started([run("r", *fetches)], machine()) == ["f0", "f1", "f2", "f3"]
