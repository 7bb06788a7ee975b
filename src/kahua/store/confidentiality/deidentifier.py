"""De-identify objects of the archive, several at once, in the order in which they are asked for."""

import shutil
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from kahua.errors import DicomRefused, NotFound
from kahua.store.confidentiality import Instructions
from kahua.store.confidentiality.treaters import Treaters
from kahua.store.ingest.staging import saying_full_disk
from kahua.store.objects import ObjectStore

#: Child processes of one export or sending. Each costs some 100 MB while it lasts.
WORKERS: Final = 2

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Treated:
    """What became of one object: a file that the reader deletes, or a refusal.

    An object that the profile holds back is refused, too.
    """

    path: Path | None = None
    refusal: str = ""
    #: Fields of `kahua.dicom.deidentification.Changes`; of a refused object there may be none.
    changes: dict[str, Any]


class Deidentifier:
    """Treats the objects of one export or sending; close it, and its processes and files are gone."""

    def __init__(self, *, objects: ObjectStore, staging: Path, instructions: Instructions) -> None:
        self._objects, self._instructions = objects, instructions
        with saying_full_disk():
            self._folder = Path(tempfile.mkdtemp(prefix="export-", dir=staging))
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="deidentify")
        self._treaters = Treaters(most=WORKERS)

    def __enter__(self) -> Self:
        """Use it in a `with` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything, whatever is under way."""
        self._treaters.close()
        self._threads.shutdown(cancel_futures=True)
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
        try:
            with self._objects.local_file(key) as source:
                changes = self._treaters.treat(self._instructions, source=source, target=target, subject=subject)
        except (DicomRefused, NotFound) as error:
            target.unlink(missing_ok=True)
            return Treated(refusal=error.message, changes={})
        if changes["held"]:
            target.unlink()
            return Treated(refusal=changes["held"], changes=changes)
        return Treated(path=target, changes=changes)
