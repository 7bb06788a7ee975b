import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kahua.testing.contracts.runtime import BEAT, RESTLESS, RuntimeContract, ended, python_command, wait_for
from kahua.workflows.runtimes import Boundary, Lost, Running
from kahua.workflows.runtimes.process import ProcessRuntime
from kahua.workflows.runtimes.sandbox import choose_boundary


def keeper_of(folder: Path) -> int:
    wait_for((folder / "shim.json").exists)
    return int(json.loads((folder / "shim.json").read_text())["pid"])


class ProcessContract(RuntimeContract):
    def test_another_process_can_look_after_a_task(self, runtime: ProcessRuntime, folder: Path) -> None:
        runtime.start(python_command(folder, BEAT))
        wait_for((folder / "work" / "beat").exists)
        other = ProcessRuntime(runtime.boundary)
        assert other.look(folder) == Running()
        other.kill(folder)
        assert ended(other, folder).cause == "cancelled"
        self.assert_silent(folder)

    def test_the_exit_status_outlives_the_starter(self, runtime: ProcessRuntime, folder: Path) -> None:
        program = "import time; time.sleep(0.5); raise SystemExit(5)"
        starter = f"""
import os
from pathlib import Path
from kahua.testing.contracts.runtime import python_command, wait_for
from kahua.workflows.runtimes import Boundary
from kahua.workflows.runtimes.process import ProcessRuntime
folder = Path({str(folder)!r})
ProcessRuntime(Boundary(name={runtime.boundary.name!r})).start(python_command(folder, {program!r}))
wait_for((folder / "shim.json").exists)
os.kill(os.getpid(), 9)
"""
        assert subprocess.run([sys.executable, "-c", starter], check=False).returncode == -signal.SIGKILL
        assert ended(runtime, folder).code == 5

    def test_a_task_whose_keeper_was_killed_is_lost(self, runtime: ProcessRuntime, folder: Path) -> None:
        runtime.start(python_command(folder, RESTLESS))
        wait_for((folder / "work" / "beat").exists)
        os.kill(keeper_of(folder), signal.SIGKILL)
        wait_for(lambda: runtime.look(folder) == Lost())
        runtime.kill(folder)
        self.assert_silent(folder)

    def test_a_pid_that_was_given_again_is_not_the_task(self, runtime: ProcessRuntime, folder: Path) -> None:
        folder.mkdir()
        stranger = subprocess.Popen(["sleep", "60"])
        try:
            note = {
                "pid": stranger.pid,
                "start": "1",
                "boot": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
            }
            (folder / "shim.json").write_text(json.dumps(note))
            assert runtime.look(folder) == Lost()
            runtime.kill(folder)
            assert stranger.poll() is None
        finally:
            stranger.kill()
            stranger.wait()


class TestWithoutSandbox(ProcessContract):
    @pytest.fixture
    def runtime(self) -> ProcessRuntime:
        return ProcessRuntime(Boundary(name="none"))


class TestInBubblewrap(ProcessContract):
    @pytest.fixture
    def runtime(self) -> ProcessRuntime:
        boundary = choose_boundary("auto")
        if boundary.name != "bubblewrap":
            pytest.skip(boundary.reason)
        return ProcessRuntime(boundary)

    def test_a_task_sees_nothing_but_its_own(self, runtime: ProcessRuntime, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("of another project")
        program = f"""
import os, pathlib
print(pathlib.Path({str(tmp_path / "secret")!r}).exists(), pathlib.Path('/etc/passwd').exists())
print(len([name for name in os.listdir('/proc') if name.isdecimal()]) < 5)
"""
        runtime.start(python_command(folder, program))
        assert ended(runtime, folder).succeeded
        assert (folder / "log").read_text() == "False False\nTrue\n"

    def test_a_task_has_no_network(self, runtime: ProcessRuntime, folder: Path) -> None:
        program = "print([line.split(':')[0].strip() for line in open('/proc/net/dev') if ':' in line])"
        runtime.start(python_command(folder, program))
        assert ended(runtime, folder).succeeded
        assert (folder / "log").read_text() == "['lo']\n"

    def test_a_task_cannot_write_what_it_may_read(self, runtime: ProcessRuntime, folder: Path) -> None:
        program = f"open({str(Path(sys.prefix) / 'mark')!r}, 'w')"
        runtime.start(python_command(folder, program))
        assert not ended(runtime, folder).succeeded
        assert "Read-only file system" in (folder / "log").read_text()
