"""Child processes that de-identify: started when there is work, bounded, replaced after some objects, ended when idle.

Each is limited like every child of `kahua.store.child`; one that dies over an object, or takes too long, costs that
object and nothing else.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final, cast

from kahua.errors import DicomRefused
from kahua.settings import process_environment
from kahua.store.child import Bounds, limit
from kahua.store.confidentiality import Instructions
from kahua.store.ingest.staging import saying_full_disk

#: What a child may use; the seconds are for one object.
BOUNDS: Final = Bounds(seconds=300)

#: Objects after which a child is replaced, so that nothing that one of them did to it lasts.
MAX_JOBS: Final = 2000

#: A child that nobody asked for this long ends, in seconds.
IDLE_SECONDS: Final = 60.0


class Treaters:
    """At most `most` child processes, each for one thread at a time."""

    def __init__(self, *, most: int) -> None:
        self._free = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._is_closed = False
        self._timer: threading.Timer | None = None

    def treat(self, instructions: Instructions, *, source: Path, target: Path, subject: str) -> dict[str, Any]:
        """Have a file de-identified; give the fields of `kahua.dicom.deidentification.Changes`.

        Raises
        ------
        DicomRefused
            It cannot be de-identified, or the process died over it, or took too long.
        OutOfSpace
            The disk is full.
        Unavailable
            The disk fails, or is read-only.
        """
        job = {"source": str(source.resolve()), "target": str(target), "subject": subject}
        with self._child() as child:
            answer = child.ask(instructions, job)
        if "refused" in answer:
            raise DicomRefused(str(answer["refused"]))
        if "failed" in answer:
            with saying_full_disk():
                raise OSError(answer["failed"], os.strerror(answer["failed"]))
        return answer

    def close(self) -> None:
        """End all, those that are busy too; who waits for their answer gets a refusal."""
        with self._lock:
            self._is_closed = True
            for child in self._busy:
                child.kill()
        self._end_idle()

    @contextmanager
    def _child(self) -> Iterator["_Child"]:
        with self._free:
            child = self._take()
            try:
                yield child
            finally:
                self._give_back(child)

    def _take(self) -> "_Child":
        with self._lock:
            if self._is_closed:
                raise DicomRefused("De-identification was stopped.")
            child = self._idle.pop() if self._idle else _Child()
            self._busy.add(child)
            return child

    def _give_back(self, child: "_Child") -> None:
        with self._lock:
            self._busy.discard(child)
            is_kept = not (child.is_spent or self._is_closed)
            if is_kept:
                self._idle.append(child)
                self._restart_timer()
        if not is_kept:
            child.stop()

    def _restart_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(IDLE_SECONDS, self._end_idle)
        self._timer.daemon = True
        self._timer.start()

    def _end_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
            if self._timer is not None:
                self._timer.cancel()
        for child in idle:
            child.stop()


class _Child:
    """One process that answers one question after another."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "kahua.store.confidentiality.deidentify"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what it complains of may hold values of the object
            env=process_environment() | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,
        )
        limit(self._process.pid, BOUNDS, processor_time=False)
        self._questions = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)
        self._instructions: Instructions | None = None
        self._jobs = 0

    @property
    def is_spent(self) -> bool:
        """Whether another one should be asked next."""
        return self._jobs >= MAX_JOBS or self._process.poll() is not None

    def ask(self, instructions: Instructions, job: dict[str, str]) -> dict[str, Any]:
        """Have an object treated; instructions are said only where they differ from those of the last one."""
        self._jobs += 1
        deadline = threading.Timer(BOUNDS.seconds, self.kill)
        deadline.start()
        try:
            if instructions != self._instructions:
                self._say({"instructions": instructions.as_json()})
                self._instructions = instructions
            self._say(job)
            line = self._answers.readline()
        except BrokenPipeError:
            line = b""
        finally:
            deadline.cancel()
        if not line:
            self.stop()
            raise DicomRefused("The process that should de-identify it failed.")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def kill(self) -> None:
        """Have it end at once."""
        self._process.kill()

    def stop(self) -> None:
        """End it, and wait until it is gone."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._questions, self._answers):
            with suppress(BrokenPipeError):  # what was not sent yet is no longer wanted
                pipe.close()

    def _say(self, message: dict[str, Any]) -> None:
        self._questions.write(json.dumps(message).encode() + b"\n")
        self._questions.flush()
