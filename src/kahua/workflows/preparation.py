"""Makes a command ready for a runtime: folders, paths in place of placeholders, environment, limits."""

import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kahua.errors import TaskFailed
from kahua.workflows.catalogue import InstalledWorkflow
from kahua.workflows.interpreters import folder_of_kahua, places_of
from kahua.workflows.plan import PlannedTask, Source, as_argument, fill
from kahua.workflows.runtimes import OUT, WORK, Limits, TaskCommand

#: Variables by which libraries learn how many threads they may start.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """What a task needs besides its plan."""

    attempt_id: str
    #: Folder of the attempt.
    folder: Path
    #: Gives the folder of what an earlier task of the job wrote.
    written_by: Callable[[str], Path]
    installed: InstalledWorkflow
    cpus: int
    memory_bytes: int
    gpus: Sequence[int]
    log_bytes: int


def prepare(task: PlannedTask, given: Preparation) -> TaskCommand:
    """Fill the folder of an attempt and give the command to start in it.

    Raises
    ------
    TaskFailed
        An environment or an input is not there any more.
    """
    out, work, inside = given.folder / OUT, given.folder / WORK, given.folder / "in"
    for folder in (work, inside):
        folder.mkdir(parents=True, exist_ok=True)
    make_targets(task, out)
    values, inputs = _inputs(task, given, inside)
    values |= {f"outputs.{name}": str(out / target.path) for name, target in task.outputs.items()}
    values |= {f"parameters.{name}": as_argument(value) for name, value in task.parameters.items()}
    values |= {"extension": str(given.installed.folder), "details": str(inside / "details.json")}
    (inside / "details.json").write_text(json.dumps(task.details))
    (inside / "parameters.json").write_text(json.dumps(task.parameters))
    python = _python(task, given.installed)
    path = f"{python.parent}:{SYSTEM_PATH}"
    return TaskCommand(
        attempt_id=given.attempt_id,
        folder=given.folder,
        arguments=(
            _program(task.command[0], python, path),
            *(fill(argument, values) for argument in task.command[1:]),
        ),
        environment=_environment(path, work, given.cpus, given.gpus),
        readable=(*_programs(task, given.installed, python), inside, *inputs),
        writable=(work, out),
        limits=Limits(
            seconds=task.seconds,
            memory_bytes=given.memory_bytes,
            file_bytes=task.file_bytes,
            log_bytes=given.log_bytes,
        ),
        network=task.network,
        gpus=len(given.gpus),
    )


def make_targets(task: PlannedTask, out: Path) -> None:
    """Make the folders into which a task writes."""
    out.mkdir(parents=True, exist_ok=True)
    for target in task.outputs.values():
        path = out / target.path
        (path if target.is_folder else path.parent).mkdir(parents=True, exist_ok=True)


def check_targets(task: PlannedTask, out: Path) -> None:
    """Make sure that a task wrote all that it has to write.

    Raises
    ------
    TaskFailed
        Something is missing or empty; names the output.
    """
    for name, target in task.outputs.items():
        path = out / target.path
        is_there = path.is_dir() and any(path.iterdir()) if target.is_folder else path.is_file() and path.stat().st_size
        if not is_there:
            raise TaskFailed(
                f"The task ended well, but did not write its output '{name}'.",
                remedy="Tell the maker of the extension: each output that the manifest names must be written.",
            )


def _inputs(task: PlannedTask, given: Preparation, inside: Path) -> tuple[dict[str, str], list[Path]]:
    values, readable = {}, []
    for name, sources in task.inputs.items():
        paths = [_existing(given, source) for source in sources]
        readable += paths
        if sources[0].name:
            (inside / name).mkdir(exist_ok=True)
            for source, path in zip(sources, paths, strict=True):
                (inside / name / source.name).symlink_to(path)
            values[f"inputs.{name}"] = str(inside / name)
        else:
            values[f"inputs.{name}"] = str(paths[0])
    return values, readable


def _existing(given: Preparation, source: Source) -> Path:
    path = given.written_by(source.task) / source.path
    if not path.exists():
        raise TaskFailed(f"What the task '{source.task}' wrote is not there any more.", remedy="Repeat the run.")
    return path


def _python(task: PlannedTask, installed: InstalledWorkflow) -> Path:
    if not task.environment:
        return Path(sys.executable)
    environment = installed.environments.get(task.environment)
    if environment is None or not environment.python.exists():
        raise TaskFailed(
            f"The environment '{task.environment}' of {installed.name} {installed.version} is not there.",
            remedy="Install the extension again, then resume the run.",
        )
    return environment.python


def _program(name: str, python: Path, path: str) -> str:
    """Full path of a program: of the environment, else of the system."""
    return shutil.which(name, path=path) or str(python.parent / name)


def _programs(task: PlannedTask, installed: InstalledWorkflow, python: Path) -> tuple[Path, ...]:
    own = installed.folder if task.environment else folder_of_kahua()
    return (own, *places_of(python))


def _environment(path: str, work: Path, cpus: int, gpus: Sequence[int]) -> Mapping[str, str]:
    return {
        "PATH": path,
        "HOME": str(work),
        "TMPDIR": str(work),
        "USER": "task",
        "LOGNAME": "task",
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "CUDA_VISIBLE_DEVICES": ",".join(map(str, gpus)),
        **dict.fromkeys(THREAD_VARIABLES, str(cpus)),
    }
