"""What moves the objects, phase by phase; whoever comes after a mover that was killed goes on where it was."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from kahua.database import Database, now
from kahua.errors import StateConflict, Unavailable
from kahua.store.moving.copying import Copier
from kahua.store.moving.placed import lock_of
from kahua.store.moving.placement import MOVER_LOCK, Placement, change, note_copied, placement_of
from kahua.store.objects import FOLDERS, ObjectStore

#: How often a mover looks whether all processes have taken up a phase.
LOOK_SECONDS = 0.1

#: After so long it says for whom it waits.
PATIENCE_SECONDS = 5.0

#: Hears what is being done, and of how many folders in all how many are done.
Tell = Callable[[str, int], None]


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A move that is over."""

    source: str
    target: str
    objects: int
    size: int
    keep: bool
    #: Those that were damaged already at the old place, and were copied as they were.
    damaged: int


class Mover:
    """Moves all objects of a site to another place while it serves."""

    def __init__(
        self,
        *,
        database: Database,
        default: str,
        open_store: Callable[[str], ObjectStore],
        tell: Tell = lambda _text, _folders: None,
    ) -> None:
        self._database = database
        self._default = default
        self._open_store = open_store
        self._tell = tell

    def check(self, target: str) -> Placement:
        """See whether a move to a place could begin or go on; return where the objects are.

        Raises
        ------
        StateConflict
            The objects are there, or others are.
        Unavailable
            The place cannot be used.
        """
        present = self._placement()
        if not present.moves and target == present.source:
            raise StateConflict(f"The objects are at {target} already.")
        if present.moves and target not in (present.source, present.target):
            raise StateConflict(
                f"The objects are moving from {present.source} to {present.target}.",
                remedy=f"Finish that first, or turn back: `kahua move-objects {present.source}`.",
            )
        store = self._open_store(target)
        store.check()
        if not present.moves and next(store.keys(), None) is not None:
            raise StateConflict(
                f"There are objects at {target} already: copies that were kept, or another site's.",
                remedy="Remove them by hand, or name an empty place.",
            )
        return present

    def count(self) -> int:
        """Count the objects that are where they move from, or would."""
        store = self._open_store(self._placement().source)
        return sum(1 for folder in FOLDERS for _ in store.keys(folder))

    def move(self, target: str, *, keep: bool = False, rate: float | None = None) -> Moved:
        """Move all objects to a place, or go on with it; to the place they come from, it turns back.

        Parameters
        ----------
        keep
            Leave the copies at the old place; what is erased later is not erased there.
        rate
            Bytes a second that are copied at most.

        Raises
        ------
        StateConflict
            Another process moves objects, they are there already, or others are.
        Unavailable
            A place cannot be used, by the mover or by another process of the site.
        """
        with self._alone():
            present = self.check(target)
            self._await_all(present)
            if target != present.target:
                self._begin(present, target, keep=keep)
            return self._go_on(rate)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        hold = self._database.take_now(MOVER_LOCK)
        if hold is None:
            raise StateConflict("The objects are being moved by another process.", remedy="Let it finish, or end it.")
        try:
            yield
        finally:
            hold.end()

    def _begin(self, present: Placement, target: str, *, keep: bool) -> None:
        source = present.target if present.moves else present.source  # written last: by turning back, the former target
        with self._database.write() as session:
            change(
                session,
                present,
                phase="opening",
                source=source,
                target=target,
                keep=keep,
                folders=0,
                objects=0,
                size=0,
                started_at=now(),
            )

    def _go_on(self, rate: float | None) -> Moved:
        present = self._placement()
        with closing(self._copier(present, rate)) as copier:
            return self._carry_on(present, copier)

    def _copier(self, present: Placement, rate: float | None) -> Copier:
        return Copier(
            database=self._database,
            source=self._open_store(present.source),
            target=self._open_store(present.target),
            rate=rate,
        )

    def _carry_on(self, present: Placement, copier: Copier) -> Moved:
        if present.phase == "opening":
            self._open(present)
        if (present := self._placement()).phase == "copying":
            self._await_all(present)
            self._copy(copier, present)
            self._advance(self._placement(), phase="removing", folders=len(FOLDERS))
        self._await_all(self._placement())
        if not self._placement().keep:
            self._remove(copier)
        return self._settle(self._placement(), damaged=len(copier.damaged))

    def _open(self, present: Placement) -> None:
        try:
            self._await_all(present)
        except Unavailable:
            if next(self._open_store(present.target).keys(), None) is None:  # else it turns back: both places have some
                self._advance(present, phase="settled", target="")
            raise
        self._advance(present, phase="copying")

    def _copy(self, copier: Copier, present: Placement) -> None:
        self._tell("Copying objects", present.folders)
        for turn in copier.copy(present.folders):
            with self._database.write() as session:
                note_copied(session, folders=turn.folders, objects=turn.objects, size=turn.size)
            self._tell("Copying objects", turn.folders)

    def _remove(self, copier: Copier) -> None:
        self._tell("Removing old copies", 0)
        for turn in copier.remove():
            self._tell("Removing old copies", turn.folders)
        copier.clean()

    def _settle(self, present: Placement, *, damaged: int) -> Moved:
        self._advance(present, phase="settled", source=present.target, target="")
        self._await_all(self._placement())
        return Moved(
            source=present.source,
            target=present.target,
            objects=present.objects,
            size=present.size,
            keep=present.keep,
            damaged=damaged,
        )

    def _advance(self, present: Placement, **values: object) -> None:
        with self._database.write() as session:
            change(session, present, **values)

    def _await_all(self, present: Placement) -> None:
        """Wait until no process works by the generation before this one."""
        begun = time.monotonic()
        while (hold := self._database.take_now(lock_of(present.generation - 1))) is None:
            if present.phase == "opening" and (reason := self._placement().obstacle):
                raise Unavailable(
                    f"A part of the site cannot use the new place, so that nothing was moved: {reason}",
                    remedy="Start the site with all settings of both places, then move again.",
                )
            if time.monotonic() > begun + PATIENCE_SECONDS:
                self._tell("Waiting for parts of the site that still write as before", present.folders)
            time.sleep(LOOK_SECONDS)
        hold.end()

    def _placement(self) -> Placement:
        with self._database.read() as session:
            return placement_of(session, self._default)
