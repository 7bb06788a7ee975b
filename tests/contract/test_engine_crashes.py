"""The embedded engine, its keepers and its tasks are killed at any moment; runs end as if nothing had happened."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kahua.errors import StateConflict
from kahua.testing.contracts.engine import assert_silent, wait_for_beats
from kahua.testing.workflows import WorkflowSite, python_workflow
from kahua.workflows.engines.local import LocalEngine
from kahua.workflows.folders import RunFolders
from kahua.workflows.runtimes.process import ProcessRuntime

#: A worker: an engine in a process of its own, until it is killed.
WORKER = """
import sys, time
from pathlib import Path
from kahua.logs import configure_logs
from kahua.testing.workflows import WorkflowSite
from kahua.workflows.engines.local import LocalEngine
from kahua.workflows.folders import RunFolders
from kahua.workflows.runtimes.process import ProcessRuntime
configure_logs("info", component="test")
site = WorkflowSite(Path(sys.argv[1]))
engine = LocalEngine(
    database=site.database, runtime=ProcessRuntime(site.boundary), catalogue=site.catalogue,
    transfers=site.transfers, machine=site.machine, folders=RunFolders(site.folder / "runs"),
    cache=site.folder / "cache", log_bytes=1_000_000, pause_seconds=0.05,
)
engine.start()
print("ready", flush=True)
time.sleep(3600)
"""

#: Takes a lock of its series for half a second: two at once, and the run fails.
EXCLUSIVE = """
import fcntl, os, sys, time
series = os.path.basename(sys.argv[1])
lock = open(f'{LOCKS}/{series}', 'a')
fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
lock.write('x'); lock.flush()
time.sleep(0.5)
open(sys.argv[2] + '/series', 'w').write(series)
"""

#: Does its work once it is allowed to.
PATIENT = """
import os, sys, time
while not os.path.exists('GO'): open(sys.argv[2] + '/beat', 'a').write('x'); time.sleep(0.02)
open(sys.argv[2] + '/done', 'w').write(str(os.getpid()))
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[WorkflowSite]:
    site = WorkflowSite(tmp_path / "site")
    yield site
    site.database.close()


@contextmanager
def worker(site: WorkflowSite) -> Iterator[subprocess.Popen[bytes]]:
    """Start a worker, and kill it at the end if nobody has."""
    with (site.folder / "worker.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-c", WORKER, str(site.folder)], stdout=subprocess.PIPE, stderr=log)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"ready\n", (site.folder / "worker.log").read_text()
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def keepers(site: WorkflowSite) -> list[int]:
    """Process ids of the keepers that were started."""
    notes = [json.loads(path.read_text()) for path in site.folder.glob("runs/*/*/*/*/shim.json")]
    return [note["pid"] for note in notes if "pid" in note]


def test_a_surviving_process_is_adopted(site: WorkflowSite) -> None:
    run_id = site.start_run(site.add_series(), program=PATIENT.replace("GO", str(site.folder / "go")))
    with worker(site):
        wait_for_beats(site.folder, 1)
    with worker(site):
        (site.folder / "go").touch()
        assert site.wait(run_id).state == "succeeded"
    assert len(site.attempts(site.task(run_id, "run"))) == 1


def test_a_task_that_ended_meanwhile_is_taken(site: WorkflowSite) -> None:
    run_id = site.start_run(site.add_series(), program=PATIENT.replace("GO", str(site.folder / "go")))
    with worker(site):
        wait_for_beats(site.folder, 1)
    (site.folder / "go").touch()
    deadline = time.monotonic() + 20
    while not list(site.folder.glob("runs/*/*/*/*/exit.json")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with worker(site):
        assert site.wait(run_id).state == "succeeded"
    assert len(site.attempts(site.task(run_id, "run"))) == 1


def test_a_lost_process_is_tried_again(site: WorkflowSite) -> None:
    run_id = site.start_run(site.add_series(), program=PATIENT.replace("GO", str(site.folder / "go")))
    with worker(site):
        beats = wait_for_beats(site.folder, 1)
        (keeper,) = keepers(site)
    os.kill(keeper, signal.SIGKILL)
    with worker(site):
        (site.folder / "go").touch()
        assert site.wait(run_id).state == "succeeded"
    assert [attempt.state for attempt in site.attempts(site.task(run_id, "run"))] == ["lost", "succeeded"]
    assert_silent(beats)


def test_a_killed_keeper_is_noticed_at_once(site: WorkflowSite) -> None:
    run_id = site.start_run(site.add_series(), program=PATIENT.replace("GO", str(site.folder / "go")))
    with worker(site):
        beats = wait_for_beats(site.folder, 1)
        os.kill(keepers(site)[0], signal.SIGKILL)
        wait_for_beats(site.folder, 2)
        assert_silent(beats[:1])
        (site.folder / "go").touch()
        assert site.wait(run_id).state == "succeeded"
    assert len(site.results(run_id)) == 1


def test_a_killed_task_fails_with_its_signal(site: WorkflowSite) -> None:
    run_id = site.start_run(site.add_series(), program="import os; os.kill(os.getpid(), 9)")
    with worker(site):
        site.wait(run_id)
    failure = site.task(run_id, "run").failure
    assert failure is not None
    assert "The task was killed" in failure["cause"]
    assert site.attempts(site.task(run_id, "run"))[0].exit_code == -9


def test_a_reused_pid_is_no_task_of_ours(site: WorkflowSite) -> None:
    run_id = site.start_run(site.add_series(), program=PATIENT.replace("GO", str(site.folder / "go")))
    with worker(site):
        wait_for_beats(site.folder, 1)
        (keeper,) = keepers(site)
    os.kill(keeper, signal.SIGKILL)
    (note,) = site.folder.glob("runs/*/*/*/*/shim.json")
    note.write_text(json.dumps(json.loads(note.read_text()) | {"pid": os.getpid()}))
    with worker(site):
        (site.folder / "go").touch()
        assert site.wait(run_id).state == "succeeded"


def test_a_run_is_cancelled_by_the_next_worker(site: WorkflowSite) -> None:
    run_id = site.start_run(site.add_series(), site.add_series(), program=PATIENT.replace("GO", "/nowhere"))
    with worker(site):
        beats = wait_for_beats(site.folder, 2)
    site.cancel(run_id)
    with worker(site):
        assert site.wait(run_id).state == "cancelled"
    assert_silent(beats)


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_moments_nothing_is_lost_or_doubled(site: WorkflowSite, seed: int) -> None:
    moments = random.Random(seed)  # noqa: S311 - the same moments every time
    (site.folder / "locks").mkdir()
    program = EXCLUSIVE.replace("{LOCKS}", str(site.folder / "locks"))
    series = [site.add_series() for _ in range(6)]
    run_id = site.start_run(*series, program=program)
    for _ in range(6):
        with worker(site):
            time.sleep(moments.uniform(0, 0.9))
    with worker(site):
        run = site.wait(run_id)
    assert run.state == "succeeded", (run.failure, site.describe(run_id))
    stored = sorted(b"".join(site.objects.stream(file.object_key)).decode() for file in site.files(run_id))
    assert stored == sorted(series)
    assert len(site.results(run_id)) == 6


def test_only_one_engine_works_on_a_site(site: WorkflowSite) -> None:
    with worker(site):
        other = LocalEngine(
            database=site.database,
            runtime=ProcessRuntime(site.boundary),
            catalogue=site.catalogue,
            transfers=site.transfers,
            machine=site.machine,
            folders=RunFolders(site.folder / "runs"),
            cache=site.folder / "cache",
            log_bytes=1_000_000,
        )
        with pytest.raises(StateConflict, match="Another worker"):
            other.start()
        other.stop()


def test_a_stopped_engine_leaves_its_tasks_to_the_next(site: WorkflowSite) -> None:
    site.installed = site.catalogue.add("test/program", python_workflow())
    run_id = site.start_run(site.add_series(), program=PATIENT.replace("GO", str(site.folder / "go")))
    for is_last in (False, True):
        engine = LocalEngine(
            database=site.database,
            runtime=ProcessRuntime(site.boundary),
            catalogue=site.catalogue,
            transfers=site.transfers,
            machine=site.machine,
            folders=RunFolders(site.folder / "runs"),
            cache=site.folder / "cache",
            log_bytes=1_000_000,
        )
        engine.start()
        wait_for_beats(site.folder, 1)
        if is_last:
            (site.folder / "go").touch()
            assert site.wait(run_id).state == "succeeded"
        engine.stop()
    assert len(site.attempts(site.task(run_id, "run"))) == 1
