"""What was drawn of a series, and which part of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:  # those who only choose what is drawn need no arrays
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Pictures of a series, in the order in which it is leafed through."""

    #: Shape (rows, columns) or (rows, columns, 3) each; none if there is nothing to draw.
    pictures: "Sequence[NDArray[np.uint8]]"
    #: Which of them stands for the series.
    best: int = 0
    #: What is to be said of them, or why there are none.
    note: str = ""


def evenly(items: Sequence[T], most: int) -> list[T]:
    """Give at most that many of the items, at even distances; the middle of a long list is among them."""
    if len(items) <= most:
        return list(items)
    step = len(items) / most
    return [items[int(step * (number + 0.5))] for number in range(most)]
