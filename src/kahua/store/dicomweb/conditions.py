"""Turn a value of a query into a condition on a column (PS3.4 C.2.2.2).

A condition is a form and values: statements are made once for each form, whatever is asked for by it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, false, func, or_, select
from sqlalchemy.orm import aliased

from kahua.dicom import fold
from kahua.errors import InvalidInput
from kahua.store.dicomweb.attributes import Attribute, Matching
from kahua.store.dicomweb.beginning import BeginsWith
from kahua.store.tables import SeriesRow, StudyRow

#: Longest value and most wildcards: what is longer costs more than it can find.
MAX_VALUE_LENGTH = 16_384
MAX_WILDCARDS = 10

#: Most UIDs in one list.
MAX_UIDS = 500

#: Any characters, and any single one.
WILDCARDS = "*?"

#: A series of the same study, whichever series is asked for.
_SIBLING = aliased(SeriesRow)

_UID_LIST_SEPARATOR = re.compile(r"[\\,]")
_DATE = re.compile(r"\d{8}")
_TIME = re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?")


#: Makes the clause of a form, of the column and the places of its values.
Build = Callable[..., ColumnElement[bool]]


@dataclass(frozen=True)
class Condition:
    """A condition under which a row matches."""

    attribute: Attribute
    build: Build
    values: tuple[Any, ...] = ()

    @property
    def form(self) -> "Form":
        """What remains without the values."""
        return Form(self.attribute, self.build, len(self.values))

    def clause(self) -> ColumnElement[bool]:
        """Give it as a clause that holds its values."""
        return self.build(self.attribute.column, *self.values)


@dataclass(frozen=True)
class Form:
    """A condition without its values."""

    attribute: Attribute
    build: Build
    count: int

    def clause(self, first: int) -> ColumnElement[bool]:
        """Give it as a clause whose values are parameters, named from `parameter_name(first)` on."""
        names = (parameter_name(number) for number in range(first, first + self.count))
        column = self.attribute.column
        return self.build(column, *(bindparam(name, type_=column.type) for name in names))


def parameter_name(number: int) -> str:
    """Name the parameter of a statement's value."""
    return f"value{number}"


def is_universal(value: str) -> bool:
    """Whether everything matches, also what has no value (PS3.4 C.2.2.2.3)."""
    return value in ("", "*")


def condition(attribute: Attribute, value: str, *, fuzzy: bool) -> Condition:
    """Give the condition under which a row matches a value that is not universal.

    Raises
    ------
    InvalidInput
        The value cannot be one of this attribute.
    """
    if len(value) > MAX_VALUE_LENGTH or "\0" in value:
        raise _invalid(attribute, "is too long or holds a character that no value has")
    match attribute.matching:
        case Matching.UID:
            return _uids(attribute, value)
        case Matching.TEXT:
            return _text(attribute, value)
        case Matching.PERSON:
            return _person(attribute, value, fuzzy=fuzzy)
        case Matching.DATE:
            return _range(attribute, value, _DATE)
        case Matching.TIME:
            return _range(attribute, value.replace(":", ""), _TIME)
        case Matching.NUMBER:
            return _number(attribute, value)
        case Matching.MODALITIES:
            of_one = _text(attribute, value)
            return Condition(attribute, _some_equals if of_one.build is _equals else _some_is_like, of_one.values)


def exactly(attribute: Attribute, value: str) -> Condition:
    """Give the condition that a value is this one, whatever characters it has."""
    return Condition(attribute, _equals, (value,))


def _uids(attribute: Attribute, value: str) -> Condition:
    uids = [uid.strip() for uid in _UID_LIST_SEPARATOR.split(value)]
    if len(uids) > MAX_UIDS:
        raise _invalid(attribute, f"lists more than {MAX_UIDS} UIDs")
    return exactly(attribute, uids[0]) if len(uids) == 1 else Condition(attribute, _is_among, tuple(uids))


def _text(attribute: Attribute, value: str) -> Condition:
    if not _has_wildcards(attribute, value):
        return exactly(attribute, value)
    return Condition(attribute, _is_like, (_pattern(value.lower()),))


def _has_wildcards(attribute: Attribute, value: str) -> bool:
    count = sum(value.count(wildcard) for wildcard in WILDCARDS)
    if count > MAX_WILDCARDS:
        raise _invalid(attribute, f"has more than {MAX_WILDCARDS} wildcards")
    return count > 0


def _person(attribute: Attribute, value: str, *, fuzzy: bool) -> Condition:
    folded = fold(value)
    if not fuzzy:
        return _name(attribute, folded)
    words = [word for word in re.split(r"[\s^=,]+", folded.replace("*", " ").replace("?", " ")) if word]
    if len(words) > MAX_WILDCARDS:
        raise _invalid(attribute, f"has more than {MAX_WILDCARDS} words")
    if not words:
        return Condition(attribute, _never)
    return Condition(
        attribute, _has_words, tuple(_pattern(f"{start}{word}*") for word in words for start in ("", "*^"))
    )


def _name(attribute: Attribute, folded: str) -> Condition:
    if not _has_wildcards(attribute, folded):
        return exactly(attribute, folded)
    beginning = re.split(r"[*?]", folded, maxsplit=1)[0]
    if not beginning:
        return Condition(attribute, _is_like_folded, (_pattern(folded),))
    return Condition(attribute, _begins, (*BeginsWith.bounds(beginning), _pattern(folded)))


def _range(attribute: Attribute, value: str, form: re.Pattern[str]) -> Condition:
    first, dash, last = value.partition("-")
    if not all(form.fullmatch(part) for part in (first, last) if part) or not (first or last):
        raise _invalid(attribute, "is no date or time, nor a range of them such as 20260101-20261231")
    if not dash:
        return Condition(attribute, _is_like_folded, (f"{first}%",)) if form is _TIME else exactly(attribute, first)
    end = last + "9999999"  # 1030 ends with 10:30:59.999999, in any language's order
    if not last:
        return Condition(attribute, _is_from, (first,))
    return Condition(attribute, _is_between, (first, end)) if first else Condition(attribute, _is_until, (end,))


def _number(attribute: Attribute, value: str) -> Condition:
    try:
        number = int(value)
    except ValueError:
        raise _invalid(attribute, "is no whole number") from None
    if not -(2**31) <= number < 2**31:
        return Condition(attribute, _never)
    return Condition(attribute, _equals, (number,))


def _equals(column: Any, value: Any) -> ColumnElement[bool]:
    return column == value  # type: ignore[no-any-return]


def _is_among(column: Any, *values: Any) -> ColumnElement[bool]:
    return column.in_(values)  # type: ignore[no-any-return]


def _is_like(column: Any, pattern: Any) -> ColumnElement[bool]:
    return func.lower(column).like(pattern, escape="\\")


def _is_like_folded(column: Any, pattern: Any) -> ColumnElement[bool]:
    return column.like(pattern, escape="\\")  # type: ignore[no-any-return]


def _begins(column: Any, first: Any, last: Any, beginning: Any, pattern: Any) -> ColumnElement[bool]:
    return and_(BeginsWith(column, first, last, beginning), _is_like_folded(column, pattern))


def _has_words(column: Any, *patterns: Any) -> ColumnElement[bool]:
    """Every word begins the value, or one of its components."""
    pairs = zip(patterns[::2], patterns[1::2], strict=True)
    return and_(*(or_(_is_like_folded(column, one), _is_like_folded(column, other)) for one, other in pairs))


def _is_from(column: Any, first: Any) -> ColumnElement[bool]:
    return and_(column != "", column >= first)


def _is_until(column: Any, last: Any) -> ColumnElement[bool]:
    return and_(column != "", column <= last)


def _is_between(column: Any, first: Any, last: Any) -> ColumnElement[bool]:
    return and_(column != "", column >= first, column <= last)


def _some_equals(_column: Any, modality: Any) -> ColumnElement[bool]:
    return _some_series(_equals(_SIBLING.modality, modality))


def _some_is_like(_column: Any, pattern: Any) -> ColumnElement[bool]:
    return _some_series(_is_like(_SIBLING.modality, pattern))


def _some_series(of_series: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(_SIBLING.id).where(_SIBLING.study_id == StudyRow.id, of_series).correlate(StudyRow).exists()


def _never(_column: Any) -> ColumnElement[bool]:
    return false()


def _pattern(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%").replace("?", "_")


def _invalid(attribute: Attribute, what: str) -> InvalidInput:
    return InvalidInput(f"The value of {attribute.keyword} {what}.", field=attribute.keyword)
