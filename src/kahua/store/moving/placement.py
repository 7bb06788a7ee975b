"""Where the objects of a site are, as the database says."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from kahua.database import now
from kahua.errors import MisconfiguredSite
from kahua.store.tables import ObjectPlaceRow
from kahua.store.text import cut

Phase = Literal["settled", "opening", "copying", "removing"]

#: Lock of who moves objects: one at a time.
MOVER_LOCK = "mover"


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where objects are, and whereto they are moving; places as in the setting ``object_store``."""

    generation: int
    phase: Phase
    source: str
    target: str = ""
    keep: bool = False
    folders: int = 0
    objects: int = 0
    size: int = 0
    started_at: datetime | None = None
    obstacle: str = ""

    @property
    def moves(self) -> bool:
        """Whether objects are moving."""
        return self.phase != "settled"


def placement_of(session: Session, default: str) -> Placement:
    """Read where objects are; by default, for a site that was never started, at the place of the setting."""
    row = session.scalar(select(ObjectPlaceRow))
    if row is None:
        return Placement(generation=0, phase="settled", source=default)
    return Placement(
        generation=row.generation,
        phase=row.phase,
        source=row.source,
        target=row.target,
        keep=row.keep,
        folders=row.folders,
        objects=row.objects,
        size=row.size,
        started_at=row.started_at,
        obstacle=row.obstacle,
    )


def settle(session: Session, place: str) -> None:
    """Note at the first start where objects are kept."""
    if session.scalar(select(ObjectPlaceRow)) is None:
        session.add(
            ObjectPlaceRow(
                id=1,
                generation=0,
                phase="settled",
                source=place,
                target="",
                obstacle="",
                started_at=now(),
                changed_at=now(),
            )
        )


def change(session: Session, present: Placement, **values: Any) -> None:
    """Begin another phase: all processes of the site will take it up."""
    settle(session, present.source)
    row = session.scalars(select(ObjectPlaceRow)).one()
    for name, value in {"obstacle": "", "changed_at": now(), **values}.items():
        setattr(row, name, value)
    row.generation = present.generation + 1


def note_copied(session: Session, *, folders: int, objects: int, size: int) -> None:
    """Note that so many folders are copied in all, with so many more objects and bytes."""
    row = session.scalars(select(ObjectPlaceRow)).one()
    row.folders, row.objects, row.size, row.changed_at = folders, row.objects + objects, row.size + size, now()


def note_obstacle(session: Session, generation: int, reason: str) -> None:
    """Note why a process cannot take up what the row says."""
    row = session.scalar(select(ObjectPlaceRow).where(ObjectPlaceRow.generation == generation))
    if row is not None:
        row.obstacle = cut(reason, 1000)


def check_place(session: Session, place: str) -> None:
    """Refuse a setting that contradicts where the objects are.

    Raises
    ------
    MisconfiguredSite
        It does.
    """
    placement = placement_of(session, place)
    if place == placement.source or (placement.moves and place == placement.target):
        return
    raise MisconfiguredSite(
        f"The objects of this site are at {placement.source}, not at {place}.",
        setting="object_store",
        remedy=f'Set object_store = "{placement.source}"; `kahua move-objects {place}` would then move them.',
    )
