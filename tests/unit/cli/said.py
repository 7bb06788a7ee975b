"""What a command answers, and how tests call one."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command answered."""

    status: int
    out: str
    err: str


Kahua = Callable[..., Said]
