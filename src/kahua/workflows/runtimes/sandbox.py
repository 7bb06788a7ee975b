"""Shuts a task in by bubblewrap: it sees the system's programs, its inputs and its own folder, and no network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from kahua.errors import MisconfiguredSite
from kahua.walls import bubblewrap, problem_with_walls, walls
from kahua.workflows.runtimes import Boundary, TaskCommand


def choose_boundary(setting: Literal["auto", "bubblewrap", "none"]) -> Boundary:
    """Find out what can keep tasks apart from this machine.

    Raises
    ------
    MisconfiguredSite
        Bubblewrap was asked for, and does not work here.
    """
    if setting == "none":
        return Boundary(name="none", reason="The setting sandbox is none: tasks are not shut in.")
    problem = problem_with_walls()
    if problem is None:
        return Boundary(name="bubblewrap", reason="Tasks are shut in by bubblewrap.")
    if setting == "bubblewrap":
        raise MisconfiguredSite(
            f"Tasks cannot be shut in by bubblewrap: {problem}",
            setting="sandbox",
            remedy="Install bubblewrap and allow user namespaces, or set sandbox to auto.",
        )
    return Boundary(name="none", reason=f"Tasks are not shut in: {problem}")


def shut_in(command: TaskCommand) -> list[str]:
    """Arguments that run a command in the sandbox."""
    arguments = [bubblewrap() or "bwrap", *walls(network=command.network)]
    for path in _outer_first(command.readable):
        arguments += ["--ro-bind", str(path), str(path)]
    for path in _outer_first(command.writable):
        arguments += ["--bind", str(path), str(path)]
    if command.gpus:
        for device in sorted(Path("/dev").glob("nvidia*")):
            arguments += ["--dev-bind", str(device), str(device)]
    return [*arguments, "--", *command.arguments]


def _outer_first(paths: Sequence[Path]) -> list[Path]:
    """Order paths so that a bind over an outer folder does not hide one within it."""
    return sorted(dict.fromkeys(paths), key=lambda path: len(path.parts))
