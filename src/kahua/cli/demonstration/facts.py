"""What the demonstration found to hold, one line a fact."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fact:
    """A statement that was looked into."""

    text: str
    holds: bool
    #: What was seen.
    seen: str

    def __str__(self) -> str:
        return f"{'ok  ' if self.holds else 'FAIL'}  {self.text}: {self.seen}"


@dataclass
class Facts:
    """All facts of one demonstration."""

    tell: Callable[[Fact], None]
    found: list[Fact] = field(default_factory=list)

    def note(self, text: str, *, holds: bool, seen: object) -> None:
        """Add a fact and tell of it."""
        fact = Fact(text, holds, str(seen))
        self.found.append(fact)
        self.tell(fact)

    @property
    def all_hold(self) -> bool:
        """Whether everything that was looked into holds."""
        return bool(self.found) and all(fact.holds for fact in self.found)
