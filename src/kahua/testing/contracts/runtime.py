"""What every runtime must do. Inherit from `RuntimeContract` and give it a fixture ``runtime``."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kahua.workflows.runtimes import Finished, Limits, Lost, Running, Runtime, Sight, TaskCommand

#: A task that should be over by now is not.
TOO_LONG_SECONDS = 20


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + TOO_LONG_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def wait_for_end(runtime: Runtime, folder: Path) -> Sight:
    """Wait until a task runs no more."""
    wait_for(lambda: not isinstance(runtime.look(folder), Running))
    return runtime.look(folder)


def ended(runtime: Runtime, folder: Path) -> Finished:
    """Wait until a task has ended, and say how."""
    sight = wait_for_end(runtime, folder)
    assert isinstance(sight, Finished), sight
    return sight


def python_command(folder: Path, program: str, **limits: float) -> TaskCommand:
    """Make the command of a task that runs a Python program in a folder of its own."""
    (folder / "work").mkdir(parents=True)
    (folder / "out").mkdir()
    return TaskCommand(
        attempt_id=folder.name + "-" + str(time.monotonic_ns()),
        folder=folder,
        arguments=(sys.executable, "-I", "-c", program),
        environment={"PATH": "/usr/bin:/bin"},
        readable=(Path(sys.prefix), Path(sys.base_prefix)),
        writable=(folder / "work", folder / "out"),
        limits=Limits(
            seconds=limits.get("seconds", 60),
            memory_bytes=int(limits.get("memory_bytes", 10**9)),
            file_bytes=int(limits.get("file_bytes", 10**9)),
            log_bytes=int(limits.get("log_bytes", 10**6)),
        ),
    )


class RuntimeContract:
    """Repeats the MUSTs of `Runtime` as tests."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path / "attempt"

    def test_a_task_that_ends_well_is_finished(self, runtime: Runtime, folder: Path) -> None:
        runtime.start(python_command(folder, "print('hello')"))
        sight = ended(runtime, folder)
        assert (sight.succeeded, sight.cause, sight.code) == (True, "exit", 0)
        assert (folder / "log").read_text() == "hello\n"

    def test_the_exit_status_is_passed_on(self, runtime: Runtime, folder: Path) -> None:
        runtime.start(python_command(folder, "raise SystemExit(5)"))
        sight = ended(runtime, folder)
        assert (sight.succeeded, sight.code) == (False, 5)

    def test_the_signal_that_ended_a_task_is_told(self, runtime: Runtime, folder: Path) -> None:
        runtime.start(python_command(folder, "import os; os.kill(os.getpid(), 11)"))
        assert ended(runtime, folder).signal == 11

    def test_a_command_that_does_not_exist_fails(self, runtime: Runtime, folder: Path) -> None:
        command = python_command(folder, "")
        missing = TaskCommand(**{**vars(command), "arguments": ("/usr/bin/no-such-program",)})
        runtime.start(missing)
        assert not ended(runtime, folder).succeeded
        assert "no-such-program" in (folder / "log").read_text() or "No such file" in (folder / "log").read_text()

    def test_start_does_not_wait_for_the_end(self, runtime: Runtime, folder: Path) -> None:
        runtime.start(python_command(folder, "import time; time.sleep(60)"))
        assert runtime.look(folder) == Running()
        runtime.kill(folder)

    def test_a_killed_task_is_gone(self, runtime: Runtime, folder: Path) -> None:
        program = "import time\nfor i in range(600): open('beat', 'w').write(str(i)); time.sleep(0.05)"
        runtime.start(python_command(folder, program))
        wait_for((folder / "work" / "beat").exists)
        runtime.kill(folder)
        self.assert_silent(folder)
        assert ended(runtime, folder).cause == "cancelled"

    def test_a_grandchild_in_its_own_session_dies_too(self, runtime: Runtime, folder: Path) -> None:
        runtime.start(python_command(folder, RESTLESS))
        wait_for((folder / "work" / "beat").exists)
        runtime.kill(folder)
        self.assert_silent(folder)

    def test_a_task_that_ignores_the_request_to_end_dies(self, runtime: Runtime, folder: Path) -> None:
        runtime.start(python_command(folder, "import signal; signal.signal(15, signal.SIG_IGN)\n" + BEAT))
        wait_for((folder / "work" / "beat").exists)
        runtime.kill(folder)
        self.assert_silent(folder)

    def test_what_a_task_leaves_behind_ends_with_it(self, runtime: Runtime, folder: Path) -> None:
        program = RESTLESS.replace("os.wait()", "time.sleep(0.5)")
        runtime.start(python_command(folder, program))
        assert ended(runtime, folder).succeeded
        self.assert_silent(folder)

    def test_killing_at_once_after_the_start_works(self, runtime: Runtime, folder: Path) -> None:
        runtime.start(python_command(folder, BEAT))
        runtime.kill(folder)
        assert not isinstance(wait_for_end(runtime, folder), Running)
        self.assert_silent(folder)

    def test_killing_twice_does_no_harm(self, runtime: Runtime, folder: Path) -> None:
        runtime.start(python_command(folder, BEAT))
        runtime.kill(folder)
        runtime.kill(folder)

    def test_a_start_that_never_happened_is_lost_for_good(self, runtime: Runtime, folder: Path) -> None:
        command = python_command(folder, BEAT)
        assert runtime.look(folder) == Lost()
        runtime.start(command)
        assert wait_for_end(runtime, folder) == Lost()
        self.assert_silent(folder)

    def test_a_task_over_its_time_is_ended(self, runtime: Runtime, folder: Path) -> None:
        runtime.start(python_command(folder, "import time; time.sleep(60)", seconds=0.3))
        assert ended(runtime, folder).cause == "timeout"

    def test_a_task_over_its_memory_is_ended(self, runtime: Runtime, folder: Path) -> None:
        program = "import time; hoard = b'x' * 300_000_000; time.sleep(60)"
        runtime.start(python_command(folder, program, memory_bytes=100_000_000))
        sight = ended(runtime, folder)
        assert sight.cause == "memory"
        assert (sight.peak_memory_bytes or 0) > 100_000_000

    def test_a_file_over_the_limit_ends_the_task(self, runtime: Runtime, folder: Path) -> None:
        program = "import signal; signal.signal(25, signal.SIG_DFL); open('f', 'wb').write(bytes(2_000_000))"
        runtime.start(python_command(folder, program, file_bytes=1_000_000))
        assert ended(runtime, folder).signal == 25
        assert (folder / "work" / "f").stat().st_size <= 1_000_000

    def test_a_long_log_keeps_its_begin_and_its_end(self, runtime: Runtime, folder: Path) -> None:
        program = "print('first')\nfor i in range(200_000): print('line', i)\nprint('last')"
        runtime.start(python_command(folder, program, log_bytes=300_000))
        assert ended(runtime, folder).succeeded
        log = (folder / "log").read_text()
        assert log.startswith("first\n")
        assert log.endswith("last\n")
        assert "bytes of the log were left out here" in log
        assert len(log) < 400_000

    def test_the_log_can_be_read_while_the_task_runs(self, runtime: Runtime, folder: Path) -> None:
        runtime.start(python_command(folder, "import time; print('early', flush=True); time.sleep(60)"))
        wait_for(lambda: (folder / "log").exists() and "early" in (folder / "log").read_text())
        assert runtime.look(folder) == Running()
        runtime.kill(folder)

    def test_nothing_of_the_environment_is_inherited(
        self, runtime: Runtime, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KAHUA_TEST_SECRET", "hidden")
        runtime.start(python_command(folder, "import os; print(sorted(os.environ))"))
        assert ended(runtime, folder).succeeded
        assert "SECRET" not in (folder / "log").read_text()

    def test_a_task_writes_into_its_own_folders(self, runtime: Runtime, folder: Path) -> None:
        program = f"open({str(folder / 'out' / 'x')!r}, 'w').write('result')"
        runtime.start(python_command(folder, program))
        assert ended(runtime, folder).succeeded
        assert (folder / "out" / "x").read_text() == "result"

    @staticmethod
    def assert_silent(folder: Path) -> None:
        """Nothing moves any more: the task's sign of life stays as it is."""
        beat = folder / "work" / "beat"
        before = beat.read_text() if beat.exists() else None
        time.sleep(0.3)
        assert (beat.read_text() if beat.exists() else None) == before


#: Gives a sign of life in its working folder, for long.
BEAT = """
import time
for i in range(1200):
    open('beat', 'w').write(str(i))
    time.sleep(0.05)
"""

#: Starts a process in a session of its own that ignores requests to end, and waits for it.
RESTLESS = f"""
import os, signal, time
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
{"".join("        " + line + chr(10) for line in BEAT.strip().splitlines())}
os.wait()
"""
