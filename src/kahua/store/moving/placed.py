"""The object store of one process, at the place that the database names, also while objects move."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kahua.database import Database, Hold
from kahua.errors import KahuaError, NotFound, Unavailable
from kahua.logs import get_logger
from kahua.store.moving.placement import Placement, note_obstacle, placement_of
from kahua.store.objects import CHUNK_BYTES, NO_ENDS, Chunks, Ends, ObjectStore, PairedStores

#: How often a process looks whether objects move.
LOOK_SECONDS = 0.5

log = get_logger()


def lock_of(generation: int) -> str:
    """Name of the lock of all who have taken up a generation; before the next but one, all have left it."""
    return f"objects-{generation % 2}"


@dataclass
class _View:
    """A generation of the placement that this process has taken up."""

    placement: Placement
    store: ObjectStore
    hold: Hold
    #: Threads that write, or have a file of it open, at this moment.
    users: int = 0


class PlacedStore:
    """Implements `kahua.store.ObjectStore` by the store, or the two, that the database names.

    What it has taken up it holds by a lock for as long as a thread writes by it. Before the next phase of a move
    begins, the mover waits for the locks of all processes.
    """

    def __init__(self, *, database: Database, default: str, open_store: Callable[[str], ObjectStore]) -> None:
        self._database = database
        self._default = default
        self._open_store = open_store
        self._stores: dict[str, ObjectStore] = {}
        self._view: _View | None = None
        self._changed = threading.Condition()
        self._looking = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self) -> None:
        """Take up, in a thread, what changes from now on: every process that stays must."""
        self.look()
        self._thread = threading.Thread(target=self._follow, name="placement", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Take up what the database says now, when those are done who use what it said before.

        Raises
        ------
        KahuaError
            What it says cannot be taken up; all stays as it was.
        """
        with self._looking:
            old = self._view
            if old is not None and self._is_valid(old):
                return
            new = self._take_up()
            with self._changed:
                self._view = new
                self._changed.wait_for(lambda: old is None or not old.users or self._stop.is_set())
            if old is not None:
                old.hold.end()

    def close(self) -> None:
        """Let go of what was taken up."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        if self._view is not None:
            self._view.hold.end()
            self._view = None

    def put(self, key: str, chunks: Chunks) -> int:
        """Keep the bytes, durably; return their number."""
        with self._in_use() as view:
            size = view.store.put(key, chunks)
            view.hold.check()
        return size

    def put_file(self, key: str, path: Path) -> int:
        """Take a file over, durably; return its size. The file is gone from its place afterwards."""
        with self._in_use() as view:
            size = view.store.put_file(key, path)
            view.hold.check()
        return size

    def read(self, key: str, *, start: int = 0, length: int | None = None, between: Ends = NO_ENDS) -> bytes:
        """Give `length` bytes from `start`: fewer where the object ends before, all to its end without `length`."""
        return self._store.read(key, start=start, length=length, between=between)

    def stream(
        self, key: str, *, start: int = 0, length: int | None = None, chunk_bytes: int = CHUNK_BYTES
    ) -> Iterator[bytes]:
        """Give what `read` gives, piece by piece; an object that leaves its store meanwhile is read on in the other."""
        store = self._store
        pieces = store.stream(key, start=start, length=length, chunk_bytes=chunk_bytes)
        return self._read_on(key, store, pieces, start=start, length=length, chunk_bytes=chunk_bytes)

    def size(self, key: str) -> int:
        """Count the bytes of an object."""
        return self._store.size(key)

    def exists(self, key: str) -> bool:
        """Tell whether there is an object of this key."""
        return self._store.exists(key)

    def stored_at(self, key: str) -> datetime:
        """Tell when the object was put."""
        return self._store.stored_at(key)

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        with self._in_use() as view:
            view.store.delete(key)

    def keys(self, folder: str | None = None) -> Iterator[str]:
        """List all keys, or those of one folder, in no order."""
        return self._store.keys(folder)

    def path(self, key: str) -> Path | None:
        """Give a local file with the bytes, to be opened for reading only; None where there is none that stays."""
        return self._store.path(key)

    @contextmanager
    def local_file(self, key: str) -> Iterator[Path]:
        """Give a readable local file for the time of a `with` block, fetched if it must be."""
        with self._in_use() as view, view.store.local_file(key) as path:
            yield path

    def left_over(self, *, older_than_seconds: float) -> int:
        """Count what writers that died left behind."""
        return self._store.left_over(older_than_seconds=older_than_seconds)

    def clean(self, *, older_than_seconds: float) -> int:
        """Remove what writers that died left behind; return the number of files."""
        return self._store.clean(older_than_seconds=older_than_seconds)

    def check(self) -> None:
        """See whether the store can be used.

        Raises
        ------
        MisconfiguredSite
            Not before someone corrects a setting.
        Unavailable
            Not at this moment.
        """
        self._store.check()

    @property
    def _store(self) -> ObjectStore:
        if (view := self._view) is None:
            self.look()
            return self._store
        return view.store

    def _read_on(
        self,
        key: str,
        store: ObjectStore,
        pieces: Iterator[bytes],
        *,
        start: int,
        length: int | None,
        chunk_bytes: int,
    ) -> Iterator[bytes]:
        given = 0
        try:
            for piece in pieces:
                given += len(piece)
                yield piece
        except (NotFound, Unavailable):
            self.look()
            if self._store is store:
                raise
            rest = None if length is None else length - given
            yield from self._store.stream(key, start=start + given, length=rest, chunk_bytes=chunk_bytes)

    @contextmanager
    def _in_use(self) -> Iterator[_View]:
        if self._view is None:
            self.look()
        with self._changed:
            view = self._view
            if view is None:
                raise Unavailable("The site is being stopped.")
            view.users += 1
        try:
            yield view
        finally:
            with self._changed:
                view.users -= 1
                self._changed.notify_all()

    def _is_valid(self, view: _View) -> bool:
        if self._read().generation != view.placement.generation:
            return False
        try:
            view.hold.check()
        except Unavailable:
            return False
        return True

    def _read(self) -> Placement:
        with self._database.read() as session:
            return placement_of(session, self._default)

    def _take_up(self) -> _View:
        while True:
            placement = self._read()
            hold = self._database.take(lock_of(placement.generation), alone=False)
            if self._read().generation == placement.generation:
                return _View(placement, self._store_of(placement, hold), hold)
            hold.end()  # it began between the two looks, and the mover may not have waited for this lock

    def _store_of(self, placement: Placement, hold: Hold) -> ObjectStore:
        try:
            return self._stores_of(placement)
        except KahuaError as error:
            hold.end()
            with self._database.write() as session:
                note_obstacle(session, placement.generation, str(error))
            raise

    def _stores_of(self, placement: Placement) -> ObjectStore:
        source = self._opened(placement.source)
        if not placement.moves:
            return source
        target = self._opened(placement.target)
        if placement.phase == "opening":
            return PairedStores(into=source, beside=target, first=source)
        return PairedStores(into=target, beside=source, first=target if placement.phase == "removing" else source)

    def _opened(self, place: str) -> ObjectStore:
        if place not in self._stores:
            self._stores[place] = self._open_store(place)
        return self._stores[place]

    def _follow(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            try:
                self.look()
            except KahuaError as error:
                log.warning("place of the objects not taken up", code=error.code, reason=error.message)
            except Exception:  # the outermost edge of the thread: it looks again
                log.exception("place of the objects not taken up")
