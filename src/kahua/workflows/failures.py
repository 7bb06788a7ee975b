"""Why something failed, told to the person who started it: cause, evidence, next step."""

import os
import signal
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kahua.errors import KahuaError, Unavailable
from kahua.workflows.plan import PlannedTask
from kahua.workflows.runtimes import Finished
from kahua.workflows.sizes import format_bytes

#: Lines of the log, and bytes at its end, that stand as evidence.
EVIDENCE_LINES = 15
EVIDENCE_BYTES = 8_000

#: Status with which a keeper says that the command could not be started.
COMMAND_NOT_STARTED = 127

#: Status with which a converter of the site says that it refused its input, in a sentence.
REFUSED_BY_CONVERTER = 2

#: Longest last line of a log that is part of a cause.
LAST_WORDS = 300

CHECK_THE_LOG = "Read the log of the attempt. If the data are at fault, choose others; else tell the extension's maker."
RESUME = "Resume the run; what is finished is kept."


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A failure, in words."""

    cause: str
    #: What shows it: the last lines of the log.
    evidence: tuple[str, ...] = ()
    next_step: str

    def as_json(self) -> dict[str, Any]:
        """Give it as rows keep it."""
        return {**asdict(self), "evidence": list(self.evidence)}


def failure_of_end(end: Finished, task: PlannedTask, log: Path) -> Failure:
    """Say why a task that ended badly did so."""
    cause, next_step = _cause(end, task)
    evidence = last_lines(log)
    if evidence and end.cause == "exit" and end.signal is None:
        cause = f"{cause} {_last_words(end, task, evidence[-1].strip())}"
    return Failure(cause=cause, evidence=evidence, next_step=next_step)


def failure_of_error(error: KahuaError, log: Path) -> Failure:
    """Say why a task failed in the site's own hands."""
    usual = RESUME if isinstance(error, Unavailable) else CHECK_THE_LOG
    return Failure(cause=error.message, evidence=last_lines(log), next_step=error.remedy or usual)


def failure_of_loss(attempts: int) -> Failure:
    """Say that the task's process was gone, again and again."""
    cause = f"The process of the task vanished {attempts} times without a trace, as when the machine is switched off."
    return Failure(cause=cause, next_step=f"Find out what ends processes on this machine. {RESUME}")


def failure_of_parts(parts: Sequence[tuple[str, Failure]], total: int, noun: str) -> Failure:
    """Sum up the failures of the parts of a whole, each with its title."""
    title, first = parts[0]
    count = f"{len(parts)} of {total} {noun}s" if total > 1 else f"The {noun}"
    return Failure(
        cause=f"{count} failed. {'First: ' if len(parts) > 1 else ''}{title}: {first.cause}",
        evidence=first.evidence,
        next_step=first.next_step,
    )


def last_lines(log: Path) -> tuple[str, ...]:
    """Give the end of a log, printable."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - EVIDENCE_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ()
    lines = ["".join(c if c.isprintable() or c == "\t" else " " for c in line) for line in text.splitlines()]
    return tuple([line for line in lines if line.strip()][-EVIDENCE_LINES:])


def _last_words(end: Finished, task: PlannedTask, line: str) -> str:
    """What the task itself says about its end: a converter of the site in a sentence, others in any way."""
    if task.kind == "convert" and end.code == REFUSED_BY_CONVERTER:
        return line[:LAST_WORDS]
    return f"It last wrote: {line[:LAST_WORDS]}"


def _cause(end: Finished, task: PlannedTask) -> tuple[str, str]:
    memory = format_bytes(task.need.memory_bytes)
    match end.cause:
        case "timeout":
            return f"The task was ended after {task.seconds / 60:g} minutes, the time it may take.", (
                "Try a smaller series, or give the step more minutes in its extension."
            )
        case "memory":
            return f"The task was ended because it used more than {memory} of memory.", (
                "Try a smaller series, or give the step more memory in its extension."
            )
        case "cancelled":
            return "The task was ended by somebody on this machine.", RESUME
    if end.signal == signal.SIGKILL:
        return "The task was killed, most likely because the machine had no memory left.", (
            f"Let other programs end, or lower worker_memory_bytes. {RESUME}"
        )
    if end.signal == signal.SIGXFSZ:
        return f"The task tried to write a file larger than {format_bytes(task.file_bytes)}.", (
            "Give the step more disk in its extension."
        )
    if end.signal is not None:
        return f"The task crashed ({signal.Signals(end.signal).name}).", CHECK_THE_LOG
    if task.kind == "convert" and end.code == REFUSED_BY_CONVERTER:
        return "The conversion is not possible.", "Choose other data, or see whether the series is complete."
    if end.code == COMMAND_NOT_STARTED:
        return "The command of the task could not be started.", "Install the extension again, or tell its maker."
    return f"The task ended with exit status {end.code}.", CHECK_THE_LOG
