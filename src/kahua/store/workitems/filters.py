"""Conditions on workitems, as searches and filtered subscriptions have them (PS3.4 section C.2.2.2)."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from kahua.dicom.rules import PLAIN, Rules
from kahua.errors import InvalidInput

if TYPE_CHECKING:
    from kahua.dicom.matching import AttributePath, Keys

#: Most conditions at once.
MAX_FILTERS: Final = 30

Filters = Sequence[tuple["AttributePath", str]]


def read_filters(parameters: Iterable[tuple[str, str]]) -> Filters:
    """Read names and values that a workitem must have.

    Raises
    ------
    InvalidInput
        A name is no attribute, a value cannot be one of it, or there are too many.
    """
    from kahua.dicom.matching import attribute_path  # late: it loads pydicom's dictionary

    filters = [(attribute_path(name), value) for name, value in parameters]
    if len(filters) > MAX_FILTERS:
        raise InvalidInput(f"At most {MAX_FILTERS} attributes can be matched at once.")
    keys_of(filters)  # a value without meaning is refused now, not when something is looked at
    return filters


def keys_of(filters: Filters, *, rules: Rules = PLAIN) -> "Keys":
    """Read the conditions once for many workitems."""
    from kahua.dicom.matching import Keys  # late: it loads pydicom's dictionary

    return Keys(filters, rules)
