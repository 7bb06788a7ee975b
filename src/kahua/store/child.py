"""Run a module of ours on untrusted data in a process of its own, which may die without harm.

Pixels are decoded and foreign files are parsed there: with limits on memory, processor time and file
size, and a deadline (data-safety rule 4).
"""

import resource
import signal
import subprocess
import sys
from dataclasses import dataclass

from kahua.errors import UndecodablePixels
from kahua.settings import process_environment
from kahua.waiting import may_wait

#: Exit status by which a child says: the input is at fault, and my last line says why.
REFUSED = 3

#: Longest reason that is passed on.
MAX_REASON_LENGTH = 400


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a child may use."""

    seconds: float
    memory_bytes: int = 4_000_000_000
    file_bytes: int = 8_000_000_000


def run_child(module: str, *arguments: str, bounds: Bounds) -> bytes:
    """Run a module as a program and return what it printed.

    Raises
    ------
    UndecodablePixels
        It refused its input, died, or took too long; the message says which.
    """
    may_wait()
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, arguments without a shell
        [sys.executable, "-m", "kahua.program", module, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=process_environment() | {"OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )
    limit(process.pid, bounds)
    try:
        output, complaints = process.communicate(timeout=bounds.seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise UndecodablePixels(f"It took longer than {bounds.seconds:.0f} seconds and was stopped.") from None
    if process.returncode:
        raise UndecodablePixels(reason_of(process.returncode, complaints))
    return output


def limit(pid: int, bounds: Bounds, *, processor_time: bool = True) -> None:
    """Set the limits from outside: nothing of the child's own input has been read at this moment.

    A child that does one thing after another has no limit on its processor time; its parent has a deadline for each.
    """
    limits = {
        resource.RLIMIT_AS: bounds.memory_bytes,
        resource.RLIMIT_FSIZE: bounds.file_bytes,
        resource.RLIMIT_CORE: 0,
        **({resource.RLIMIT_CPU: int(bounds.seconds) + 1} if processor_time else {}),
    }
    for kind, value in limits.items():
        try:
            resource.prlimit(pid, kind, (value, value))
        except ProcessLookupError:
            return  # it has ended already


def reason_of(status: int, complaints: bytes) -> str:
    """Say why a child ended, from its status and what it wrote on standard error."""
    lines = complaints.decode(errors="replace").strip().splitlines()
    last = lines[-1][:MAX_REASON_LENGTH] if lines else ""
    if status == REFUSED:
        return last
    if status < 0:
        return f"The decoder died ({signal.Signals(-status).name}) and was stopped."
    return f"The decoder failed: {last or f'status {status}'}."
