"""What a query may agree on with the archive before it is carried out (PS3.4 C.5.1.1, PS3.18 section 8.3.4)."""

from dataclasses import dataclass
from typing import Final

from kahua.errors import InvalidInput

#: The value that stands for having none, where that is agreed (PS3.4 C.2.2.2.7).
EMPTY: Final = '""'

#: Most values of a list that are no UIDs: each is a condition of its own.
MAX_VALUES: Final = 50

#: Separates the values of a list (PS3.4 C.2.2.2.2 and C.2.2.2.8).
SEPARATOR: Final = "\\"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How the values of a query are read."""

    #: Names are matched by the beginnings of their words (PS3.4 C.2.2.2.1.1).
    fuzzy: bool = False
    #: `EMPTY` matches what has no value.
    empty: bool = False
    #: Any of several values matches; without it a list is a value that nothing has, but for UIDs.
    multiple: bool = True
    #: A date and a time are one moment, the ranges of both one range (PS3.4 C.2.2.2.5).
    combined: bool = False


#: What holds where nothing was agreed on.
PLAIN: Final = Rules()


def uids_of(value: str) -> list[str]:
    """Return the UIDs of a list (PS3.4 C.2.2.2.2), in which a comma separates as well (PS3.18 section 8.3.4.1)."""
    return [each.strip(" ") for each in value.replace(",", SEPARATOR).split(SEPARATOR)]


def values_of(value: str, rules: Rules) -> list[str]:
    """Return the values that are asked for: those of a list, if there may be one, or the only one.

    Raises
    ------
    InvalidInput
        There are too many.
    """
    if SEPARATOR not in value or not rules.multiple:
        return [value.strip(" ")]
    values = [stripped for each in value.split(SEPARATOR) if (stripped := each.strip(" "))]
    if len(values) > MAX_VALUES:
        raise InvalidInput(f"A list has at most {MAX_VALUES} values that are no UIDs.")
    return values
