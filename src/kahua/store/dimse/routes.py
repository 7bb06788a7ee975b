"""Who a peer is to this site, and what it may do; decided by the site, for each association."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kahua.store.dimse.pdu import Rejection
from kahua.store.dimse.requestor import Destination

#: Finds where the objects of a C-MOVE go, by the AE title that it names; None if that is unknown.
Resolver = Callable[[str], Destination | None]


def nowhere(_title: str) -> Destination | None:
    """Know no destination."""
    return None


def unsaid(*_facts: object) -> None:
    """Note nothing."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks for an association, as far as it says."""

    called: str
    calling: str
    address: str
    #: It has shown a certificate of a known authority.
    is_certified: bool = False


@dataclass(frozen=True, kw_only=True)
class Route:
    """The project with which a peer deals, and what it may do there."""

    project_id: str
    #: Dataset to which the series that it sends are added.
    dataset: str | None = None
    may_store: bool = True
    #: Whether it may query, and retrieve to a destination.
    may_query: bool = False
    #: Whether it may retrieve to itself.
    may_get: bool = True
    #: Who it is to those who count associations: its name, with the most that it may have open at once.
    peer: str = ""
    max_associations: int | None = None
    destination: Resolver = nowhere
    #: Is told who is to get how many instances of which series (their ids), before the first one leaves.
    retrieves: Callable[[str, Sequence[str], int], None] = unsaid
    #: Is told who has retrieved, how many instances it has got, and how many not.
    retrieved: Callable[[str, int, int], None] = unsaid


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """The association is rejected."""

    rejection: Rejection = Rejection.CALLED_AE_TITLE_NOT_RECOGNIZED
    #: Why, for the log.
    reason: str = ""


#: Decides what a peer may do.
Router = Callable[[Caller], Route | Refusal]
