"""Instances that arrive together, in one request or one folder."""

import threading
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Protocol

from kahua.errors import KahuaError
from kahua.store.ingest.filing import Entry, ObjectGone
from kahua.store.ingest.group_commit import MAX_GROUP
from kahua.store.ingest.origin import Accepted, Origin
from kahua.store.ingest.staging import FileData, StagedData

#: Most instances of a batch that are being written or wait for it: who adds more waits.
IN_FLIGHT = 6


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


class Batch:
    """Writes what is added by several threads while more is added, and makes the rows of up to 64 at once."""

    def __init__(self, archive: Storing, project_id: str, workers: Executor) -> None:
        self._archive = archive
        self._project_id = project_id
        self._workers = workers
        self._room = threading.Semaphore(IN_FLIGHT)
        self._added: list[_Added] = []
        self._results: list[Accepted | KahuaError] = []

    def add(self, data: StagedData, origin: Origin) -> None:
        """Store a Part 10 file; its bytes must stay until `finish` or `abandon`, and its memory may be let go."""
        self._room.acquire()
        entry = self._workers.submit(self._keep, data, origin)
        self._added.append(_Added(origin, entry, data if isinstance(data, FileData) else None))
        if len(self._added) == MAX_GROUP:
            self._settle()

    def finish(self) -> list[Accepted | KahuaError]:
        """Give one result for each that was added, in order; one that is refused does not hinder the others."""
        self._settle()
        return self._results

    def abandon(self) -> None:
        """Wait for what is being written, and let go what has no rows yet."""
        entries = [added.entry.result() for added in self._added if added.entry.exception() is None]
        self._added.clear()
        self._archive.forget([entry for entry in entries if isinstance(entry, Entry)])

    def _keep(self, data: StagedData, origin: Origin) -> Entry | KahuaError:
        try:
            return self._archive.keep(self._project_id, data, origin)
        except KahuaError as error:
            return error
        finally:
            self._room.release()

    def _settle(self) -> None:
        kept = [(added, added.entry.result()) for added in self._added]
        filed = iter(self._archive.file([entry for _, entry in kept if isinstance(entry, Entry)]))
        for added, entry in kept:
            self._results.append(entry if isinstance(entry, KahuaError) else self._result(added, next(filed)))
        self._added.clear()

    def _result(self, added: _Added, filed: Accepted | Exception) -> Accepted | KahuaError:
        if isinstance(filed, ObjectGone) and added.again is not None and added.again.path.exists():
            try:
                (filed,) = self._archive.file([self._archive.keep(self._project_id, added.again, added.origin)])
            except KahuaError as error:
                return error
        if isinstance(filed, Accepted | KahuaError):
            return filed
        raise filed
