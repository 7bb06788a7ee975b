"""Decoding processes that live longer than one picture: to load their libraries takes far longer than to draw.

Each is limited like every child of `kahua.store.child`, is stopped when a picture takes too long, and
is replaced after some pictures, so that nothing that one file did to it lasts. None runs while nobody asks.
"""

import json
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import IO, cast

from kahua.errors import Unavailable, UndecodablePixels
from kahua.settings import process_environment
from kahua.store.child import Bounds, limit, reason_of
from kahua.store.pictures.serving import HEAD
from kahua.waiting import may_wait

#: Pictures after which a process is replaced: to start another takes as long as hundreds of them.
MAX_JOBS = 2000

#: A process that nobody asked for this long ends, in seconds.
IDLE_SECONDS = 60.0

#: Largest picture that is taken from a process.
MAX_PICTURE_BYTES = 1_000_000_000

#: Bytes of an answer that are read at once.
_PIECE = 1 << 20


class Decoders:
    """At most `most` processes of a module that does what it is asked for, line by line."""

    def __init__(self, module: str, *, most: int) -> None:
        self._module = module
        self._free = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._idle: list[_Decoder] = []
        self._busy: set[_Decoder] = set()
        self._is_closed = False
        self._timer: threading.Timer | None = None
        self._used_at = 0.0

    def ask(self, job: Mapping[str, object], *, bounds: Bounds) -> bytes:
        """Let a process do a job, and give its answer: a picture, or pixels.

        Raises
        ------
        UndecodablePixels
            It refused, died, or took too long; the message says which.
        Unavailable
            All are busy, and stay so for as long as a picture may take; or the site is being stopped.
        """
        may_wait()
        if not self._free.acquire(timeout=bounds.seconds):
            raise Unavailable("Too many pictures are being drawn at this moment.")
        try:
            decoder = self._take(bounds)
            try:
                return decoder.ask(job, seconds=bounds.seconds)
            except UndecodablePixels:
                if self._is_closed:  # it was killed: nothing is wrong with the picture
                    raise Unavailable("The site is being stopped.") from None
                raise
            finally:
                self._give_back(decoder)
        finally:
            self._free.release()

    def close(self) -> None:
        """End all processes, also those that draw at this moment; none begins afterwards."""
        with self._lock:
            self._is_closed = True
            for decoder in self._busy:
                decoder.kill()
        self._close_idle()

    def _close_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for decoder in idle:
            decoder.close()

    def _take(self, bounds: Bounds) -> "_Decoder":
        with self._lock:
            if self._is_closed:
                raise Unavailable("The site is being stopped.")
            decoder = self._idle.pop() if self._idle else _Decoder(self._module, bounds)
            self._busy.add(decoder)
            return decoder

    def _give_back(self, decoder: "_Decoder") -> None:
        with self._lock:
            self._busy.discard(decoder)
        if decoder.is_spent or self._is_closed:
            decoder.close()
            return
        with self._lock:
            self._idle.append(decoder)
            self._used_at = time.monotonic()
            if self._timer is None:
                self._wait(IDLE_SECONDS)

    def _wait(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._end_idle)
        self._timer.daemon = True
        self._timer.start()

    def _end_idle(self) -> None:
        """End the processes if nobody asked for long enough; one timer watches over all pictures."""
        with self._lock:
            left = self._used_at + IDLE_SECONDS - time.monotonic()
            self._timer = None
            if left > 0:
                self._wait(left)
                return
        self._close_idle()


class _Decoder:
    """One process; used by one thread at a time."""

    def __init__(self, module: str, bounds: Bounds) -> None:
        self._jobs = 0
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, arguments without a shell
            [sys.executable, "-m", "kahua.program", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what is wrong is told in the answer
            env=process_environment() | {"OMP_NUM_THREADS": "1"},
            start_new_session=True,
            bufsize=0,
        )
        self._jobs_in = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)
        # The deadline of a picture is kept by this side; the limit on processor time is for all of them together.
        limit(self._process.pid, replace(bounds, seconds=bounds.seconds * MAX_JOBS))

    @property
    def is_spent(self) -> bool:
        """Whether another one should draw the next picture."""
        return self._jobs >= MAX_JOBS or self._process.poll() is not None

    def ask(self, job: Mapping[str, object], *, seconds: float) -> bytes:
        """Have a job done."""
        self._jobs += 1
        deadline = time.monotonic() + seconds
        try:
            return self._answer(job, deadline)
        except (EOFError, OSError):  # it died, or the time is over; under load both may have happened
            self.close()
            if time.monotonic() >= deadline:
                raise UndecodablePixels(f"It took longer than {seconds:.0f} seconds and was stopped.") from None
            raise UndecodablePixels(reason_of(self._process.returncode, b"")) from None

    def kill(self) -> None:
        """End the process; who waits for its answer hears that it died."""
        self._process.kill()

    def close(self) -> None:
        """End the process, if it has not ended."""
        self._process.kill()  # does nothing to one that died by itself: its status tells how
        self._process.wait()
        for pipe in (self._jobs_in, self._answers):
            with suppress(OSError):  # what was written to a process that has died
                pipe.close()

    def _answer(self, job: Mapping[str, object], deadline: float) -> bytes:
        line = memoryview(json.dumps(job).encode() + b"\n")
        while line:
            line = line[self._jobs_in.write(line) :]
        done, length = HEAD.unpack(_exactly(self._answers, HEAD.size, deadline))
        if length > MAX_PICTURE_BYTES:
            raise EOFError
        content = _exactly(self._answers, length, deadline)
        if not done:
            raise UndecodablePixels(content.decode(errors="replace")[:400])
        return content


def _exactly(file: IO[bytes], count: int, deadline: float) -> bytes:
    """Read so many bytes from a pipe, up to a moment of `time.monotonic`."""
    pieces: list[bytes] = []
    with selectors.DefaultSelector() as selector:
        selector.register(file, selectors.EVENT_READ)
        while count:
            if not selector.select(max(deadline - time.monotonic(), 0)):
                raise TimeoutError
            piece = os.read(file.fileno(), min(count, _PIECE))
            if not piece:
                raise EOFError
            pieces.append(piece)
            count -= len(piece)
    return b"".join(pieces)
