"""De-identify objects in child processes, several at once, in the order in which they are asked for."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Timer
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from kahua.dicom import Profile, Pseudonyms
from kahua.errors import DicomRefused, NotFound
from kahua.settings import process_environment
from kahua.store.child import Bounds, limit
from kahua.store.objects import ObjectStore

#: Child processes of one export. Each costs some 100 MB while it lasts.
WORKERS: Final = 2

#: What a child may use; the seconds are for one object.
BOUNDS: Final = Bounds(seconds=300)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Treated:
    """What became of one object: a file that the reader deletes, or a refusal.

    An object that the profile holds back is refused, too.
    """

    path: Path | None = None
    refusal: str = ""
    #: Fields of `kahua.dicom.deidentification.Changes`.
    changes: dict[str, Any]


class Deidentifier:
    """Treats the objects of one export; close it, and its processes and files are gone."""

    def __init__(self, *, objects: ObjectStore, staging: Path, pseudonyms: Pseudonyms, profile: Profile) -> None:
        self._objects = objects
        self._folder = Path(tempfile.mkdtemp(prefix="export-", dir=staging))
        self._start = {"key": pseudonyms.key.hex(), "profile": asdict(profile)}
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="deidentify")
        self._children: SimpleQueue[_Child] = SimpleQueue()
        self._all: list[_Child] = []
        self._is_closed = False
        for _ in range(WORKERS):
            self._children.put(self._new_child())

    def __enter__(self) -> Self:
        """Use it in a `with` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything, whatever is under way."""
        self._is_closed = True
        for child in self._all:
            child.kill()  # whoever waits for its answer waits no longer
        self._threads.shutdown(cancel_futures=True)
        for child in self._all:
            child.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def treat(self, jobs: Iterable[tuple[T, str, str]]) -> Iterator[tuple[T, Treated]]:
        """Give what became of each object (anything of the caller's, object key, subject), in the order given."""
        waiting: deque[tuple[T, Future[Treated]]] = deque()
        for what, key, subject in jobs:
            waiting.append((what, self._threads.submit(self._one, key, subject)))
            if len(waiting) > WORKERS:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()

    def _one(self, key: str, subject: str) -> Treated:
        target = Path(tempfile.mktemp(dir=self._folder))  # noqa: S306 - the folder is ours alone
        child = self._children.get()
        try:
            with self._objects.local_file(key) as source:
                answer = child.ask({"source": str(source.resolve()), "target": str(target), "subject": subject})
        except (DicomRefused, NotFound) as error:
            answer = {"refused": error.message}
        finally:
            self._children.put(child if child.is_alive or self._is_closed else self._new_child())
        refusal = answer.pop("refused", "") or answer.get("held", "")
        if refusal:
            target.unlink(missing_ok=True)
        return Treated(path=None if refusal else target, refusal=refusal, changes=answer)

    def _new_child(self) -> "_Child":
        child = _Child(self._start)
        self._all.append(child)
        return child


class _Child:
    """One process that answers one question after another."""

    def __init__(self, start: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "kahua.store.deidentify"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what it complains of may hold values of the object
            env=process_environment() | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,
            text=True,
        )
        limit(self._process.pid, BOUNDS, processor_time=False)
        self._say(start)

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked again."""
        return self._process.poll() is None

    def ask(self, job: dict[str, str]) -> dict[str, Any]:
        """Have an object treated.

        Raises
        ------
        DicomRefused
            The process died over it, or took too long.
        """
        deadline = Timer(BOUNDS.seconds, self._process.kill)
        deadline.start()
        try:
            self._say(job)
            assert self._process.stdout is not None  # noqa: S101 - it was asked for
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
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
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                _close(pipe)

    def _say(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()


def _close(pipe: Any) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        return  # what was not sent yet is no longer wanted
