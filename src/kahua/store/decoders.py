"""Drawing processes that live longer than one picture: to load their libraries takes far longer than to draw.

Each is limited like every child of `kahua.store.child`, is stopped when a picture takes too long, and
is replaced after some pictures, so that nothing that one file did to it lasts. None runs while nobody asks.
"""

import json
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from typing import IO, cast

from kahua.errors import Unavailable, UndecodablePixels
from kahua.settings import process_environment
from kahua.store.child import Bounds, limit, reason_of

#: Pictures after which a process is replaced.
MAX_JOBS = 200

#: A process that nobody asked for this long ends, in seconds.
IDLE_SECONDS = 60.0

#: Largest picture that is taken from a process.
MAX_PICTURE_BYTES = 1_000_000_000

#: How an answer begins: whether it is a picture (1) or a refusal (0), and its length.
HEAD = struct.Struct("<BQ")


class Decoders:
    """At most `most` processes of a module that draws what it is asked for, line by line."""

    def __init__(self, module: str, *, most: int) -> None:
        self._module = module
        self._free = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._idle: list[_Decoder] = []
        self._timer: threading.Timer | None = None

    def draw(self, job: dict[str, object], *, bounds: Bounds) -> bytes:
        """Let a process draw a picture.

        Raises
        ------
        UndecodablePixels
            It refused, died, or took too long; the message says which.
        Unavailable
            All are busy, and stay so for as long as a picture may take.
        """
        if not self._free.acquire(timeout=bounds.seconds):
            raise Unavailable("Too many pictures are being drawn at this moment.")
        try:
            decoder = self._take(bounds)
            try:
                picture = decoder.draw(job, seconds=bounds.seconds)
            finally:
                self._give_back(decoder)
        finally:
            self._free.release()
        return picture

    def close(self) -> None:
        """End all processes that are idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for decoder in idle:
            decoder.close()

    def _take(self, bounds: Bounds) -> "_Decoder":
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return _Decoder(self._module, bounds)

    def _give_back(self, decoder: "_Decoder") -> None:
        if decoder.is_spent:
            decoder.close()
            return
        with self._lock:
            self._idle.append(decoder)
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(IDLE_SECONDS, self.close)
            self._timer.daemon = True
            self._timer.start()


class _Decoder:
    """One process; used by one thread at a time."""

    def __init__(self, module: str, bounds: Bounds) -> None:
        self._jobs = 0
        self._late = threading.Event()
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, arguments without a shell
            [sys.executable, "-m", module, "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what is wrong is told in the answer
            env=process_environment() | {"OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
        self._jobs_in = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)
        # The deadline of a picture is kept by this side; the limit on processor time is for all of them together.
        limit(self._process.pid, replace(bounds, seconds=bounds.seconds * MAX_JOBS))

    @property
    def is_spent(self) -> bool:
        """Whether another one should draw the next picture."""
        return self._jobs >= MAX_JOBS or self._late.is_set() or self._process.poll() is not None

    def draw(self, job: dict[str, object], *, seconds: float) -> bytes:
        """Draw a picture within a time."""
        self._jobs += 1
        deadline = threading.Timer(seconds, self._stop)
        deadline.start()
        try:
            return self._answer(job)
        except (EOFError, OSError):
            self.close()
            if self._late.is_set():
                raise UndecodablePixels(f"It took longer than {seconds:.0f} seconds and was stopped.") from None
            raise UndecodablePixels(reason_of(self._process.returncode, b"")) from None
        finally:
            deadline.cancel()

    def close(self) -> None:
        """End the process, if it has not ended."""
        self._process.kill()  # does nothing to one that died by itself: its status tells how
        self._process.wait()
        for pipe in (self._jobs_in, self._answers):
            with suppress(OSError):  # what was written to a process that has died
                pipe.close()

    def _answer(self, job: dict[str, object]) -> bytes:
        self._jobs_in.write(json.dumps(job).encode() + b"\n")
        self._jobs_in.flush()
        drawn, length = HEAD.unpack(_exactly(self._answers, HEAD.size))
        if length > MAX_PICTURE_BYTES:
            raise EOFError
        content = _exactly(self._answers, length)
        if not drawn:
            raise UndecodablePixels(content.decode(errors="replace")[:400])
        return content

    def _stop(self) -> None:
        self._late.set()
        self._process.kill()


def _exactly(file: IO[bytes], count: int) -> bytes:
    content = file.read(count)
    if len(content) < count:
        raise EOFError
    return content
