"""Facts that happened, announced by a lower component and heard by higher ones.

An event is written to the outbox in the same transaction as the change that it tells of
(`kahua.database.announce`), and delivered by the worker afterwards, at least once. A consumer must
therefore do the same thing again without harm.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar


class Lane(StrEnum):
    """On which way a consumer gets its events: who takes long holds nobody up who does not."""

    #: What changes a few rows.
    QUICK = "quick"
    #: What reads objects, decodes pixels, or lets other programs look at them.
    SLOW = "slow"


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened in a project."""

    name: ClassVar[str]
    #: Field that says what it is about: events about one thing are delivered in their order.
    about: ClassVar[str] = "series_id"

    #: Id of the project in which it happened.
    project_id: str

    @property
    def subject(self) -> str:
        """Id of what it is about."""
        return str(getattr(self, self.about))

    def payload(self) -> dict[str, Any]:
        """Fields of the event, JSON-compatible."""
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class SeriesReceived(Event):
    """Instances were added to a series; announced once for a group of instances."""

    name = "series-received"

    series_id: str
    #: Counts up with every change of the series' instances.
    revision: int
    #: Name of the dataset to which the sender wants the series added. The instances may all have been there before:
    #: then the revision is one that was announced already.
    dataset: str | None = None


@dataclass(frozen=True, kw_only=True)
class InstanceSetAside(Event):
    """An instance of a series was sent again with other content, and was set aside in quarantine."""

    name = "instance-set-aside"

    series_id: str


@dataclass(frozen=True, kw_only=True)
class SeriesRemoved(Event):
    """A series and all its instances were removed from a project."""

    name = "series-removed"

    series_id: str


@dataclass(frozen=True, kw_only=True)
class InstancesRemoved(Event):
    """Some instances of a series were removed from a project; others are still there."""

    name = "instances-removed"

    series_id: str
    #: Counts up with every change of the series' instances.
    revision: int


@dataclass(frozen=True, kw_only=True)
class SeriesErased(Event):
    """The rows of an erasure are gone; what lies outside the database is still to go."""

    name = "series-erased"
    about = "erasure"

    #: Id of the erasure, in the audit log; and who wanted it.
    erasure: str
    actor: str
    #: Keys of the objects.
    objects: list[str]
    #: What else lies outside the database, by component.
    leftovers: dict[str, list[str]]


@dataclass(frozen=True, kw_only=True)
class RunFinished(Event):
    """A run reached a final state."""

    name = "run-finished"
    about = "run_id"

    run_id: str
    state: str


EVENTS: dict[str, type[Event]] = {
    event.name: event
    for event in (SeriesReceived, InstanceSetAside, SeriesRemoved, InstancesRemoved, SeriesErased, RunFinished)
}


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """A consumer's wish to hear one kind of event."""

    #: Stable name: the outbox remembers by it what was delivered.
    consumer: str
    event: type[Event]
    handle: Callable[[Any], None]
    lane: Lane = Lane.QUICK
