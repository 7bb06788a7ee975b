"""What every engine must do. Inherit from `EngineContract` and give it the fixtures ``site`` and ``engine``."""

import time
from collections.abc import Callable
from pathlib import Path

from kahua.errors import OutOfSpace
from kahua.testing.workflows import WorkflowSite, python_workflow
from kahua.workflows.engines import Engine

#: Waits for the end of the world, giving a sign of life in the file that its output folder holds.
FOREVER = "import sys, time\nfor i in range(10**6): open(sys.argv[2] + '/beat', 'w').write(str(i)); time.sleep(0.02)"

#: Makes an engine for a site; the test starts and stops it.
MakeEngine = Callable[[WorkflowSite], Engine]


class EngineContract:
    """Repeats the MUSTs of `Engine` as tests. The fixture ``engine`` is started and will be stopped."""

    def test_a_run_succeeds_with_a_result_for_each_job(self, site: WorkflowSite, engine: Engine) -> None:
        run_id = site.start_run(site.add_series(), site.add_series())
        engine.wake()
        run = site.wait(run_id)
        assert (run.state, run.failure) == ("succeeded", None)
        assert len(site.results(run_id)) == len(site.files(run_id)) == 2
        assert {task.state for task in site.tasks(run_id)} == {"succeeded"}

    def test_a_run_is_seen_without_being_told(self, site: WorkflowSite, engine: Engine) -> None:  # noqa: ARG002
        began = time.monotonic()
        run_id = site.start_run(site.add_series())
        site.wait(run_id, state="running")
        assert time.monotonic() - began < 2

    def test_a_result_tells_where_it_came_from(self, site: WorkflowSite, engine: Engine) -> None:
        series_id = site.add_series()
        run_id = site.start_run(series_id)
        engine.wake()
        site.wait(run_id)
        (result,) = site.results(run_id)
        provenance = result.provenance
        assert provenance["person"] == "ada"
        assert provenance["workflow"]["extension_digest"] == "1" * 64
        assert provenance["workflow"]["environments"] == {"python": "0" * 64}
        (given,) = provenance["inputs"]
        assert given["series_id"] == series_id
        assert len(given["objects"]) == 3
        assert [task["task"] for task in provenance["tasks"]] == ["fetch:image", "run", "store:result"]

    def test_a_failure_tells_cause_evidence_and_next_step(self, site: WorkflowSite, engine: Engine) -> None:
        run_id = site.start_run(site.add_series(), program="print('no brain found'); raise SystemExit(3)")
        engine.wake()
        run = site.wait(run_id)
        assert run.state == "failed"
        failure = site.task(run_id, "run").failure
        assert failure is not None
        assert failure["cause"] == "The task ended with exit status 3. It last wrote: no brain found"
        assert failure["evidence"] == ["no brain found"]
        assert failure["next_step"]
        assert run.failure is not None
        assert run.failure["cause"] == f"The job failed. run: {failure['cause']}"

    def test_what_comes_after_a_failure_is_skipped(self, site: WorkflowSite, engine: Engine) -> None:
        run_id = site.start_run(site.add_series(), program="raise SystemExit(3)")
        engine.wake()
        site.wait(run_id)
        assert [task.state for task in site.tasks(run_id)] == ["succeeded", "failed", "skipped"]

    def test_one_failing_job_does_not_keep_the_others(self, site: WorkflowSite, engine: Engine) -> None:
        series = [site.add_series(slices=count) for count in (3, 2, 3)]
        program = "import os, sys; open(sys.argv[2] + '/n', 'w').write('n'); len(os.listdir(sys.argv[1])) == 3 or 1 / 0"
        run_id = site.start_run(*series, program=program)
        engine.wake()
        run = site.wait(run_id)
        assert run.failure is not None
        assert run.failure["cause"].startswith("1 of 3 jobs failed.")
        assert len(site.results(run_id)) == 2

    def test_a_missing_output_is_a_failure(self, site: WorkflowSite, engine: Engine) -> None:
        run_id = site.start_run(site.add_series(), program="print('forgot')")
        engine.wake()
        site.wait(run_id)
        failure = site.task(run_id, "run").failure
        assert failure is not None
        assert "did not write its output 'result'" in failure["cause"]

    def test_a_task_over_its_memory_says_so(self, site: WorkflowSite, engine: Engine) -> None:
        run_id = site.start_run(site.add_series(), program="import time; x = b'x' * 800_000_000; time.sleep(60)")
        engine.wake()
        site.wait(run_id)
        failure = site.task(run_id, "run").failure
        assert failure is not None
        assert "more than 500 MB of memory" in failure["cause"]

    def test_cancelling_ends_the_processes(self, site: WorkflowSite, engine: Engine) -> None:
        run_id = site.start_run(site.add_series(), site.add_series(), program=FOREVER)
        engine.wake()
        beats = wait_for_beats(site.folder, 2)
        began = time.monotonic()
        site.cancel(run_id)
        engine.wake()
        assert site.wait(run_id).state == "cancelled"
        assert time.monotonic() - began < 10
        assert_silent(beats)
        assert {task.state for task in site.tasks(run_id)} <= {"succeeded", "cancelled"}

    def test_a_run_can_be_cancelled_at_any_moment_of_its_start(self, site: WorkflowSite, engine: Engine) -> None:
        for pause in (0.0, 0.02, 0.05, 0.1, 0.2):
            run_id = site.start_run(site.add_series(), program=FOREVER)
            engine.wake()
            time.sleep(pause)
            site.cancel(run_id)
            engine.wake()
            assert site.wait(run_id).state == "cancelled"
            assert_silent(list(site.folder.rglob("beat")))

    def test_a_resumed_run_keeps_what_is_finished(self, site: WorkflowSite, engine: Engine) -> None:
        site.catalogue.add("test/program", site.installed.workflow)
        run_id = site.start_run(site.add_series(), program="raise SystemExit(1)")
        engine.wake()
        site.wait(run_id)
        site.resume(run_id)
        engine.wake()
        assert site.wait(run_id).state == "failed"
        assert len(site.attempts(site.task(run_id, "fetch:image"))) == 1
        assert [attempt.state for attempt in site.attempts(site.task(run_id, "run"))] == ["failed", "failed"]

    def test_a_cancelled_run_can_be_resumed(self, site: WorkflowSite, engine: Engine) -> None:
        program = "import sys, time; time.sleep(1); open(sys.argv[2] + '/x', 'w').write('x')"
        run_id = site.start_run(site.add_series(), program=program)
        engine.wake()
        site.wait(run_id, state="running")
        site.cancel(run_id)
        engine.wake()
        assert site.wait(run_id).state == "cancelled"
        site.resume(run_id)
        engine.wake()
        assert site.wait(run_id).state == "succeeded"
        assert len(site.results(run_id)) == 1

    def test_many_jobs_never_need_more_than_there_is(self, site: WorkflowSite, engine: Engine) -> None:
        run_id = site.start_run(*(site.add_series() for _ in range(50)))
        engine.wake()
        assert site.wait(run_id).state == "succeeded"
        assert len(site.results(run_id)) == 50
        assert most_at_once(site, run_id) <= site.machine.cpus

    def test_an_interrupted_archive_is_asked_again(self, site: WorkflowSite, engine: Engine) -> None:
        workflow = python_workflow(outputs={"result": {"type": "image", "from": "run"}})
        site.installed = site.catalogue.add("test/program", workflow)
        site.archive_errors.append(OutOfSpace())
        run_id = site.start_run(site.add_series())
        engine.wake()
        assert site.wait(run_id).state == "succeeded"
        attempts = site.attempts(site.task(run_id, "store:result"))
        assert [attempt.state for attempt in attempts] == ["failed", "succeeded"]

    def test_a_step_with_retries_is_tried_again(self, site: WorkflowSite, engine: Engine) -> None:
        site.installed = site.catalogue.add("test/program", python_workflow(step={"retries": 2}))
        run_id = site.start_run(site.add_series(), program="raise SystemExit(1)")
        engine.wake()
        site.wait(run_id)
        assert len(site.attempts(site.task(run_id, "run"))) == 3

    def test_a_job_on_a_dataset_works_on_all_series(self, site: WorkflowSite, engine: Engine) -> None:
        site.installed = site.catalogue.add("test/program", python_workflow(unit="dataset"))
        series = [site.add_series(), site.add_series()]
        run_id = site.start_run(*series)
        engine.wake()
        assert site.wait(run_id).state == "succeeded"
        (file,) = site.files(run_id)
        listed = b"".join(site.objects.stream(file.object_key)).decode()
        assert listed == str(sorted(series))

    def test_a_series_that_changed_meanwhile_is_refused(self, site: WorkflowSite, engine: Engine) -> None:
        series_id = site.add_series()
        run_id = site.start_run(series_id)
        site.remove_instance(series_id)
        engine.wake()
        site.wait(run_id)
        failure = site.task(run_id, "fetch:image").failure
        assert failure is not None
        assert "has changed since the run was started" in failure["cause"]


def wait_for_beats(folder: Path, count: int) -> list[Path]:
    """Wait until that many tasks give a sign of life."""
    deadline = time.monotonic() + 30
    while len(beats := list(folder.rglob("beat"))) < count:
        assert time.monotonic() < deadline, "the tasks did not start"
        time.sleep(0.02)
    return beats


def assert_silent(beats: list[Path]) -> None:
    """None of the tasks gives a sign of life any more."""
    before = [beat.read_text() for beat in beats if beat.exists()]
    time.sleep(0.2)
    assert [beat.read_text() for beat in beats if beat.exists()] == before


def most_at_once(site: WorkflowSite, run_id: str) -> int:
    """Most steps of a run that ran at the same time."""
    changes = []
    for task in site.tasks(run_id):
        if task.plan["kind"] == "step":
            for attempt in site.attempts(task):
                assert attempt.finished_at is not None
                changes += [(attempt.started_at, 1), (attempt.finished_at, -1)]
    running = most = 0
    for _, change in sorted(changes):
        running += change
        most = max(most, running)
    return most
