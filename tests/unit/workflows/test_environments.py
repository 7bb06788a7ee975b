import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kahua.errors import InvalidInput, PeerUnavailable
from kahua.settings import load_settings
from kahua.testing.wheels import write_wheel
from kahua.workflows.environments import MARKER, EnvironmentBuilder, environment_digest

BUILD = """
import os, signal, sys
from pathlib import Path
from kahua.settings import load_settings
from kahua.workflows.environments import EnvironmentBuilder

def tell(line):
    print(line, flush=True)
    if sys.argv[3] and sys.argv[3] in line:
        os.kill(os.getpid(), signal.SIGKILL)

EnvironmentBuilder(load_settings(data_dir=Path(sys.argv[1]))).build(Path(sys.argv[2]), progress=tell)
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """Lock of one tiny package that lies in the folder ``wheels``."""
    file = tmp_path / "requirements.txt"
    file.write_text(write_wheel(tmp_path / "wheels", name="tiny", version="2.5"))
    return file


@pytest.fixture
def pip(tmp_path: Path) -> dict[str, str]:
    """Environment of a machine without network, whose pip finds packages in the folder ``wheels``."""
    configuration = tmp_path / "pip.conf"
    configuration.write_text(
        f"[global]\nno-index = true\nfind-links = {tmp_path / 'wheels'}\n  {tmp_path / 'absent'}\n"
        "extra-index-url = file:///absent/simple\n"
    )
    return {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PIP_CONFIG_FILE": str(configuration)}


def builder(tmp_path: Path, pip: dict[str, str]) -> EnvironmentBuilder:
    return EnvironmentBuilder(load_settings(data_dir=tmp_path / "data"), pip)


def build_elsewhere(tmp_path: Path, lock: Path, pip: dict[str, str], *, killed_at: str = "") -> subprocess.Popen[str]:
    """Build in a process of its own, which may kill itself when a line says so."""
    command = [sys.executable, "-c", BUILD, str(tmp_path / "data"), str(lock), killed_at]
    return subprocess.Popen(command, env=pip, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_an_environment_holds_the_locked_packages_and_runs_alone(tmp_path: Path, lock: Path, pip: dict) -> None:
    lines: list[str] = []
    environment = builder(tmp_path, pip).build(lock, progress=lines.append)

    ask = "import sys, tiny; print(tiny.VERSION, sys.prefix != sys.base_prefix)"
    answer = subprocess.run([environment.python, "-c", ask], capture_output=True, text=True, check=True)
    assert answer.stdout == "2.5 True\n"
    assert lines[0].startswith("Making a Python")
    assert any("tiny==2.5" in line for line in lines)
    assert list(environment.folder.glob("lib/*/site-packages/__pycache__/tiny.*.pyc")), "bytecode is compiled"


def test_the_same_lock_gives_the_same_environment_without_building(tmp_path: Path, lock: Path, pip: dict) -> None:
    first = builder(tmp_path, pip).build(lock)
    lines: list[str] = []
    assert builder(tmp_path, pip).build(lock, progress=lines.append) == first
    assert builder(tmp_path, pip).find(lock) == first
    assert lines == []


def test_another_lock_or_other_overrides_name_another_environment(tmp_path: Path, lock: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("tiny==2.6\n")
    names = {environment_digest(lock), environment_digest(other), environment_digest(lock, other)}
    assert len(names) == 3


def test_overrides_replace_what_a_package_declares(tmp_path: Path, pip: dict) -> None:
    lock, overrides = tmp_path / "requirements.txt", tmp_path / "overrides.txt"
    lock.write_text(write_wheel(tmp_path / "wheels", name="model", requires=("desktop", "engine>=9")))
    write_wheel(tmp_path / "wheels", name="engine", version="1.0")
    overrides.write_text('desktop; sys_platform == "never"\nengine==1.0\n')

    environment = builder(tmp_path, pip).build(lock, overrides)
    ask = "import model, engine; print(engine.VERSION)"
    assert subprocess.check_output([environment.python, "-c", ask], text=True) == "1.0\n"


@pytest.mark.parametrize("moment", ["Making a Python", "Creating virtual environment", "Resolved"])
def test_a_build_killed_half_way_is_no_environment_and_is_built_again(
    tmp_path: Path, lock: Path, pip: dict, moment: str
) -> None:
    killed = build_elsewhere(tmp_path, lock, pip, killed_at=moment)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL

    here = builder(tmp_path, pip)
    assert here.find(lock) is None
    environment = here.build(lock)
    assert subprocess.check_output([environment.python, "-c", "import tiny; print(tiny.VERSION)"]) == b"2.5\n"


def test_of_two_builders_at_once_one_builds_and_the_other_waits(tmp_path: Path, lock: Path, pip: dict) -> None:
    both = [build_elsewhere(tmp_path, lock, pip) for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert sum("Making a Python" in output for output in outputs) == 1
    assert builder(tmp_path, pip).find(lock)


def test_an_environment_whose_python_is_gone_is_built_again(tmp_path: Path, lock: Path, pip: dict) -> None:
    environment = builder(tmp_path, pip).build(lock)
    environment.python.unlink()
    assert builder(tmp_path, pip).find(lock) is None
    assert builder(tmp_path, pip).build(lock).python.exists()


def test_a_removed_environment_is_gone(tmp_path: Path, lock: Path, pip: dict) -> None:
    environment = builder(tmp_path, pip).build(lock)
    builder(tmp_path, pip).remove(environment.digest)
    builder(tmp_path, pip).remove(environment.digest)
    assert not environment.folder.exists()


def test_a_file_that_is_not_the_locked_one_is_refused(tmp_path: Path, lock: Path, pip: dict) -> None:
    lock.write_text(f"tiny==2.5 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(InvalidInput, match="not the file that the lock names") as refused:
        builder(tmp_path, pip).build(lock)
    assert "mirror" in str(refused.value.remedy)
    assert not list((tmp_path / "data").glob(f"environments/*/{MARKER}"))


def test_a_package_that_nobody_offers_is_named_with_the_way_out(tmp_path: Path, lock: Path, pip: dict) -> None:
    lock.write_text("absent-package==1.0\n")
    with pytest.raises(InvalidInput, match="absent-package") as refused:
        builder(tmp_path, pip).build(lock)
    assert "pip's configuration" in str(refused.value.remedy)


def test_an_index_that_does_not_answer_is_a_failure_that_may_pass(tmp_path: Path, lock: Path, pip: dict) -> None:
    lock.write_text("absent-package==1.0\n")
    nowhere = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://someone:secret@127.0.0.1:9/simple"}
    lines: list[str] = []
    with pytest.raises(PeerUnavailable) as failed:
        builder(tmp_path, pip | nowhere | {"UV_HTTP_RETRIES": "0"}).build(lock, progress=lines.append)
    assert "secret" not in str(failed.value)
    assert "secret" not in "".join(lines)
