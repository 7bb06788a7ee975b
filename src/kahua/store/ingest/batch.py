"""Instances that arrive together, in one request or one folder."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from kahua.errors import KahuaError
from kahua.store.ingest.filing import Entry, ObjectGone
from kahua.store.ingest.group_commit import MAX_GROUP
from kahua.store.ingest.origin import Accepted, Origin
from kahua.store.ingest.staging import FileData, StagedData

#: Instances of batches that are read and synced at once: syncing waits for the disk, not for the processor.
PARALLEL_FILES = 8

#: Most instances of all batches that are being written or wait for it: who adds more waits.
IN_FLIGHT = 16

Result = TypeVar("Result")


class Storing(Protocol):
    """What an archive does for a batch."""

    def keep(self, project_id: str, data: StagedData, origin: Origin) -> Entry:
        """Make the object of a Part 10 file, durably."""

    def file(self, entries: Sequence[Entry]) -> list[Accepted | Exception]:
        """Make the rows."""

    def forget(self, entries: Sequence[Entry]) -> None:
        """Let the objects go, whose rows will not be made."""


@dataclass(frozen=True)
class _Added:
    origin: Origin
    entry: "Future[Entry | KahuaError]"
    #: The file to store again should its object be removed at this moment; what was in memory is not kept for that.
    again: FileData | None


class Workers:
    """The threads of an archive that write what is added to its batches."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(PARALLEL_FILES, thread_name_prefix="ingest")
        self._room = threading.Semaphore(IN_FLIGHT)

    def close(self) -> None:
        """Finish what waits."""
        self._pool.shutdown()

    def write(self, call: Callable[[], Result]) -> "Future[Result]":
        """Do something soon that holds the bytes of an instance; wait while too many do."""
        self._room.acquire()
        written = self._pool.submit(call)
        written.add_done_callback(lambda _: self._room.release())
        return written

    def file(self, call: Callable[[], Result]) -> "Future[Result]":
        """Do something soon that waits for nothing but what was to be written before."""
        return self._pool.submit(call)


class Batch:
    """Writes what is added by several threads while more is added, and makes the rows of up to 64 at once."""

    def __init__(self, archive: Storing, project_id: str, workers: Workers) -> None:
        self._archive = archive
        self._project_id = project_id
        self._workers = workers
        self._added: list[_Added] = []
        #: Those whose rows are being made, while more are added.
        self._filing: tuple[list[_Added], Future[list[Accepted | KahuaError]]] | None = None
        self._results: list[Accepted | KahuaError] = []

    def add(self, data: StagedData, origin: Origin) -> None:
        """Store a Part 10 file; its bytes must stay until `finish` or `abandon`, and its memory may be let go."""
        entry = self._workers.write(lambda: self._keep(data, origin))
        self._added.append(_Added(origin, entry, data if isinstance(data, FileData) else None))
        if len(self._added) == MAX_GROUP:
            self._take_results()
            group, self._added = self._added, []
            self._filing = group, self._workers.file(lambda: self._settle(group))

    def finish(self) -> list[Accepted | KahuaError]:
        """Give one result for each that was added, in order; one that is refused does not hinder the others."""
        self._take_results()
        self._results += self._settle(self._added)
        self._added = []
        return self._results

    def abandon(self) -> None:
        """Wait for what is being written, and let go what has no rows yet."""
        if self._filing is not None:
            group, filing = self._filing
            if filing.exception() is not None:
                self._added += group
            self._filing = None
        entries = [added.entry.result() for added in self._added if added.entry.exception() is None]
        self._added = []
        self._archive.forget([entry for entry in entries if isinstance(entry, Entry)])

    def _keep(self, data: StagedData, origin: Origin) -> Entry | KahuaError:
        try:
            return self._archive.keep(self._project_id, data, origin)
        except KahuaError as error:
            return error

    def _take_results(self) -> None:
        if self._filing is not None:
            _, filing = self._filing
            self._results += filing.result()
            self._filing = None

    def _settle(self, group: Sequence[_Added]) -> list[Accepted | KahuaError]:
        """Make the rows of a group as soon as it is written."""
        kept = [(added, added.entry.result()) for added in group]
        filed = iter(self._archive.file([entry for _, entry in kept if isinstance(entry, Entry)]))
        return [entry if isinstance(entry, KahuaError) else self._result(added, next(filed)) for added, entry in kept]

    def _result(self, added: _Added, filed: Accepted | Exception) -> Accepted | KahuaError:
        if isinstance(filed, ObjectGone) and added.again is not None and added.again.path.exists():
            try:
                (filed,) = self._archive.file([self._archive.keep(self._project_id, added.again, added.origin)])
            except KahuaError as error:
                return error
        if isinstance(filed, Accepted | KahuaError):
            return filed
        raise filed
