"""Conditions on workitems, as searches and filtered subscriptions have them (PS3.4 section C.2.2.2)."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from kahua.dicom.rules import PLAIN, Rules
from kahua.errors import InvalidInput
from kahua.store.workitems.documents import Json

if TYPE_CHECKING:
    from kahua.dicom.matching import AttributePath

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
    from kahua.dicom.matching import attribute_path, matches  # late: it loads pydicom's dictionary

    filters = [(attribute_path(name), value) for name, value in parameters]
    if len(filters) > MAX_FILTERS:
        raise InvalidInput(f"At most {MAX_FILTERS} attributes can be matched at once.")
    for path, value in filters:
        matches({}, path, value)  # a value without meaning is refused now, not when something is looked at
    return filters


def fits(document: Json, filters: Filters, *, rules: Rules = PLAIN) -> bool:
    """Whether a workitem has them all."""
    from kahua.dicom.matching import matches  # late: it loads pydicom's dictionary

    return all(matches(document, path, value, rules) for path, value in filters)
