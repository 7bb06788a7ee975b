"""What a task is, once a job is planned: a value that is stored with the task and executed as it stands."""

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from kahua.workflows.parts import Part

#: What a task does: bring objects of the archive into a folder, convert, run a step, keep an output.
TaskKind = Literal["fetch", "convert", "step", "store"]

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class Source(Part):
    """Something that an earlier task wrote."""

    task: str
    #: Path below the folder of what it wrote.
    path: str
    #: Name among several that form one input; empty if it is the input by itself.
    name: str = ""


class Target(Part):
    """Something that a task has to write."""

    #: Path below the folder of what it writes.
    path: str
    is_folder: bool = False


class Need(Part):
    """Resources that a task takes while it runs."""

    cpus: int = 0
    memory_bytes: int = 0
    gpus: int = 0


class PlannedTask(Part):
    """One task of a job."""

    name: str
    kind: TaskKind
    title: str
    #: Tasks of the job that must have succeeded first.
    after: tuple[str, ...] = ()
    inputs: dict[str, tuple[Source, ...]] = Field(default_factory=dict)
    outputs: dict[str, Target] = Field(default_factory=dict)
    #: Arguments with placeholders; ``{details}`` is a file that holds the details as JSON.
    command: tuple[str, ...] = ()
    #: Environment of the extension; empty for the site's own.
    environment: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    #: What the task must know beyond its inputs.
    details: dict[str, Any] = Field(default_factory=dict)
    need: Need = Need()
    #: Largest file that it may write, and longest time that it may take.
    file_bytes: int = 0
    seconds: float = 0
    network: bool = False
    #: Further attempts after one that failed.
    retries: int = 0
    #: Names the content of what it writes, if that depends on its inputs alone.
    cache_key: str = ""


def fill(argument: str, values: Mapping[str, str]) -> str:
    """Replace every placeholder at once: a value that looks like a placeholder stays as it is."""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], argument)


def as_argument(value: Any) -> str:
    """Write the value of a parameter as an argument of a command."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
