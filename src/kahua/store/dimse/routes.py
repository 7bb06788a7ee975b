"""Where what a sender sends is to go; decided by the site, for each association."""

from collections.abc import Callable
from dataclasses import dataclass

from kahua.store.dimse.pdu import Rejection


@dataclass(frozen=True, kw_only=True)
class Route:
    """The project that receives, and the dataset to which the series are added."""

    project_id: str
    dataset: str | None = None


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """The association is rejected."""

    rejection: Rejection = Rejection.CALLED_AE_TITLE_NOT_RECOGNIZED
    #: Why, for the log.
    reason: str = ""


#: Called AE title, calling AE title and address of the sender, to where it goes.
Router = Callable[[str, str, str], Route | Refusal]
