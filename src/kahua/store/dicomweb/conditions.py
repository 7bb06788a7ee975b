"""Turn a value of a query into a condition on columns (PS3.4 C.2.2.2).

A condition is a form and values: statements are made once for each form, whatever is asked for by it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, false, func, literal_column, or_, select, true
from sqlalchemy.orm import aliased

from kahua.dicom.names import GROUPS, is_any_name, name_patterns, name_words, wanted_groups
from kahua.dicom.rules import EMPTY, SEPARATOR, Rules, uids_of, values_of
from kahua.errors import InvalidInput
from kahua.store.dicomweb.attributes import Attribute, Matching
from kahua.store.dicomweb.patterns import BeginsWith, Fits
from kahua.store.tables import InstanceRow, SeriesRow, StudyRow

#: Longest value and most wildcards: what is longer costs more than it can find.
MAX_VALUE_LENGTH = 16_384
MAX_WILDCARDS = 10

#: Most UIDs in one list.
MAX_UIDS = 500

#: Parameter of every statement: whose rows are asked for.
PROJECT = "project"

#: Any characters, and any single one.
WILDCARDS = "*?"

#: A series of the same study, whichever series is asked for, and an instance of it.
_SIBLING = aliased(SeriesRow)
_WITHIN = aliased(InstanceRow)

_DATE = re.compile(r"\d{8}")
_TIME = re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?")

#: Comes after every digit that a time may go on with: 1030 ends with 10:30:59.999999, in any language's order.
_END = "9999999"


#: Makes the clause of a form, of the column and the places of its values.
Build = Callable[..., ColumnElement[bool]]


@dataclass(frozen=True)
class Condition:
    """A condition under which a row matches."""

    attribute: Attribute
    build: Build
    values: tuple[Any, ...] = ()
    #: An index leads to what matches: the value is known, or how it begins.
    is_led: bool = False

    @property
    def form(self) -> "Form":
        """What remains without the values."""
        return Form(self.attribute, self.build, len(self.values))


@dataclass(frozen=True)
class Form:
    """A condition without its values."""

    attribute: Attribute
    build: Build
    count: int

    @property
    def is_exact(self) -> bool:
        """Whether it names the values themselves."""
        return self.build in (_equals, _is_among)

    @property
    def has_project(self) -> bool:
        """Whether it says itself whose rows it means."""
        return self.attribute.matching is Matching.PERSON

    def clause(self, first: int) -> ColumnElement[bool]:
        """Give it as a clause whose values are parameters, named from `parameter_name(first)` on."""
        names = (parameter_name(number) for number in range(first, first + self.count))
        column = self.attribute.column
        return self.build(column, *(bindparam(name, type_=column.type) for name in names))


@dataclass(frozen=True)
class _Joined:
    """Several clauses in one, each with its number of values."""

    join: Callable[..., ColumnElement[bool]]
    parts: tuple[tuple[Build, int], ...]

    def __call__(self, column: Any, *values: Any) -> ColumnElement[bool]:
        clauses, first = [], 0
        for build, count in self.parts:
            clauses.append(build(column, *values[first : first + count]))
            first += count
        return self.join(*clauses)


@dataclass(frozen=True)
class _OfGroup:
    """A clause on one component group of a name.

    It says the project itself, for SQLite takes an index for each of several alternatives only if all is in it.
    """

    place: int
    build: Build

    def __call__(self, columns: Any, *values: Any) -> ColumnElement[bool]:
        return and_(StudyRow.project_id == bindparam(PROJECT), self.build(columns[self.place], *values))


def parameter_name(number: int) -> str:
    """Name the parameter of a statement's value."""
    return f"value{number}"


def is_universal(value: str) -> bool:
    """Whether everything matches, also what has no value (PS3.4 C.2.2.2.3)."""
    return value.strip(" ") in ("", "*")


def condition(attribute: Attribute, value: str, rules: Rules) -> Condition:
    """Give the condition under which a row matches a value that is not universal.

    Raises
    ------
    InvalidInput
        The value cannot be one of this attribute.
    """
    if len(value) > MAX_VALUE_LENGTH or "\0" in value:
        raise _invalid(attribute, "is too long or holds a character that no value has")
    if attribute.matching in (Matching.UID, Matching.CLASSES):
        return _uids(attribute, uids_of(value), rules)
    values = values_of(value, rules)
    if any(map(is_universal, values)):
        return Condition(attribute, _always)
    return _any_of(attribute, [_single(attribute, each, rules) for each in values])


def exactly(attribute: Attribute, value: str) -> Condition:
    """Give the condition that a value is this one, whatever characters it has."""
    return Condition(attribute, _equals, (value,), is_led=attribute.indexed)


def moment(date: Attribute, dates: str, times: str) -> Condition | None:
    """Give the condition on a date and a time that are one moment; None if they are no ranges of the same form.

    Raises
    ------
    InvalidInput
        A value is no date or time, nor a range of them.
    """
    if "-" not in dates or "-" not in times or SEPARATOR in dates + times:
        return None
    first_date, last_date = _ends(date, dates, _DATE)
    first_time, last_time = _ends(date, times.replace(":", ""), _TIME)
    if bool(first_time) != bool(first_date) or bool(last_time) != bool(last_date):
        return None
    parts: list[tuple[Build, tuple[Any, ...]]] = []
    if first_date:
        parts.append((_is_from_moment, (first_date, first_date, first_time)))
    if last_date:
        parts.append((_is_until_moment, (last_date, last_date, last_time + _END)))
    return _all_of(date, parts)


def _single(attribute: Attribute, value: str, rules: Rules) -> Condition:
    if value == EMPTY and rules.empty:
        return Condition(attribute, _EMPTY_FORMS.get(attribute.matching, _is_empty))
    match attribute.matching:
        case Matching.PERSON:
            return _words(attribute, value) if rules.fuzzy else _name(attribute, value)
        case Matching.DATE:
            return _range(attribute, value, _DATE)
        case Matching.TIME:
            return _range(attribute, value.replace(":", ""), _TIME)
        case Matching.NUMBER:
            return _number(attribute, value)
        case Matching.MODALITIES:
            of_one = _text(attribute, value)
            return Condition(attribute, _some_equals if of_one.build is _equals else _some_fits, of_one.values)
        case _:
            return _text(attribute, value)


def _uids(attribute: Attribute, uids: Sequence[str], rules: Rules) -> Condition:
    if len(uids) > MAX_UIDS:
        raise _invalid(attribute, f"lists more than {MAX_UIDS} UIDs")
    is_empty = list(uids) == [EMPTY] and rules.empty
    if attribute.matching is Matching.CLASSES:
        return Condition(attribute, _never) if is_empty else Condition(attribute, _some_class, tuple(uids))
    if len(uids) == 1:
        return Condition(attribute, _is_empty) if is_empty else exactly(attribute, uids[0])
    return Condition(attribute, _is_among, tuple(uids), is_led=attribute.indexed)


def _text(attribute: Attribute, value: str) -> Condition:
    if not _has_wildcards(attribute, value):
        return exactly(attribute, value)
    return Condition(attribute, _fits, Fits.forms(value))


def _has_wildcards(attribute: Attribute, value: str) -> bool:
    count = sum(value.count(wildcard) for wildcard in WILDCARDS)
    if count > MAX_WILDCARDS:
        raise _invalid(attribute, f"has more than {MAX_WILDCARDS} wildcards")
    return count > 0


def _name(attribute: Attribute, value: str) -> Condition:
    """Match each group that is named with its own, and a name that is none of several with any of the three."""
    groups = wanted_groups(value)
    if is_any_name(groups):
        return Condition(attribute, _always)
    named = [(place, _group(attribute, group)) for place, group in enumerate(groups) if not is_any_name((group,))]
    is_led = attribute.indexed and any(group.is_led for _, group in named)
    if len(groups) == 1:
        named = [(place, named[0][1]) for place in range(len(GROUPS))]
    parts = tuple((_OfGroup(place, group.build), len(group.values)) for place, group in named)
    values = tuple(value for _, group in named for value in group.values)
    return Condition(attribute, _Joined(or_ if len(groups) == 1 else and_, parts), values, is_led=is_led)


def _group(attribute: Attribute, group: str) -> Condition:
    """Give the condition on one group, folded."""
    if not _has_wildcards(attribute, group):
        return exactly(attribute, group)
    patterns = name_patterns(group)
    fits = _any_of(attribute, [Condition(attribute, _fits, Fits.forms(each)) for each in patterns])
    beginning = re.split(r"[*?]", patterns[-1], maxsplit=1)[0]
    if not beginning:
        return fits
    parts = [(_begins, BeginsWith.bounds(beginning)), (fits.build, fits.values)]
    return _all_of(attribute, parts, is_led=True)


def _words(attribute: Attribute, value: str) -> Condition:
    words = name_words(value)
    if len(words) > MAX_WILDCARDS:
        raise _invalid(attribute, f"has more than {MAX_WILDCARDS} words")
    if not words:
        return Condition(attribute, _always)
    return _all_of(attribute, [(_has_word, Fits.forms(f"* {word}*")) for word in words])


def _any_of(attribute: Attribute, conditions: Sequence[Condition]) -> Condition:
    if not conditions:
        return Condition(attribute, _never)
    if len(conditions) == 1:
        return conditions[0]
    parts = tuple((each.build, len(each.values)) for each in conditions)
    values = tuple(value for each in conditions for value in each.values)
    if all(each.build is _equals for each in conditions):
        return Condition(attribute, _is_among, values, is_led=attribute.indexed)
    is_led = attribute.matching is Matching.PERSON and all(each.is_led for each in conditions)
    return Condition(attribute, _Joined(or_, parts), values, is_led=is_led)


def _all_of(attribute: Attribute, parts: Sequence[tuple[Build, tuple[Any, ...]]], *, is_led: bool = False) -> Condition:
    builds = tuple((build, len(values)) for build, values in parts)
    values = tuple(value for _, values in parts for value in values)
    return Condition(attribute, _Joined(and_, builds), values, is_led=is_led)


def _range(attribute: Attribute, value: str, form: re.Pattern[str]) -> Condition:
    first, last = _ends(attribute, value, form)
    if "-" not in value:
        return Condition(attribute, _fits, Fits.forms(f"{first}*")) if form is _TIME else exactly(attribute, first)
    if not last:
        return Condition(attribute, _is_from, (first,))
    end = last + _END
    return Condition(attribute, _is_between, (first, end)) if first else Condition(attribute, _is_until, (end,))


def _ends(attribute: Attribute, value: str, form: re.Pattern[str]) -> tuple[str, str]:
    """Give the ends of a range, of which one may be missing; of a single value the first."""
    first, _, last = (part.strip(" ") for part in value.partition("-"))
    if not all(form.fullmatch(part) for part in (first, last) if part) or not (first or last):
        raise _invalid(attribute, "is no date or time, nor a range of them such as 20260101-20261231")
    return first, last


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


def _fits(column: Any, glob: Any, like: Any) -> ColumnElement[bool]:
    return Fits(column, glob, like)


def _begins(column: Any, first: Any, last: Any, pattern: Any) -> ColumnElement[bool]:
    return BeginsWith(column, first, last, pattern)


def _has_word(columns: Any, glob: Any, like: Any) -> ColumnElement[bool]:
    """Some word of some group begins so."""
    text: ColumnElement[str] = literal_column("''")
    for column in columns:
        text = text.concat(literal_column("' '")).concat(column)
    return Fits(func.replace(func.replace(text, "^", " "), ",", " "), glob, like)


def _is_from(column: Any, first: Any) -> ColumnElement[bool]:
    return and_(column != "", column >= first)


def _is_until(column: Any, last: Any) -> ColumnElement[bool]:
    return and_(column != "", column <= last)


def _is_between(column: Any, first: Any, last: Any) -> ColumnElement[bool]:
    return and_(column != "", column >= first, column <= last)


def _is_from_moment(date: Any, later: Any, same: Any, time: Any) -> ColumnElement[bool]:
    return and_(date != "", or_(date > later, and_(date == same, StudyRow.study_time >= time)))


def _is_until_moment(date: Any, earlier: Any, same: Any, time: Any) -> ColumnElement[bool]:
    return and_(date != "", or_(date < earlier, and_(date == same, StudyRow.study_time <= time)))


def _is_empty(column: Any) -> ColumnElement[bool]:
    return column == ""  # type: ignore[no-any-return]


def _is_no_number(column: Any) -> ColumnElement[bool]:
    return column.is_(None)  # type: ignore[no-any-return]


def _is_nameless(columns: Any) -> ColumnElement[bool]:
    return and_(*(column == "" for column in columns))


def _has_no_modality(_column: Any) -> ColumnElement[bool]:
    return ~_some_series(_SIBLING.modality != "")


#: How a value is empty, where it is not just an empty text.
_EMPTY_FORMS: dict[Matching, Build] = {
    Matching.NUMBER: _is_no_number,
    Matching.PERSON: _is_nameless,
    Matching.MODALITIES: _has_no_modality,
}


def _some_equals(_column: Any, modality: Any) -> ColumnElement[bool]:
    return _some_series(_equals(_SIBLING.modality, modality))


def _some_fits(_column: Any, glob: Any, like: Any) -> ColumnElement[bool]:
    return _some_series(_fits(_SIBLING.modality, glob, like))


def _some_class(_column: Any, *uids: Any) -> ColumnElement[bool]:
    return _some_series(
        select(_WITHIN.id)
        .where(_WITHIN.series_id == _SIBLING.id, _is_among(_WITHIN.sop_class_uid, *uids))
        .correlate(_SIBLING)
        .exists()
    )


def _some_series(of_series: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(_SIBLING.id).where(_SIBLING.study_id == StudyRow.id, of_series).correlate(StudyRow).exists()


def _never(_column: Any) -> ColumnElement[bool]:
    return false()


def _always(_column: Any) -> ColumnElement[bool]:
    return true()


def _invalid(attribute: Attribute, what: str) -> InvalidInput:
    return InvalidInput(f"The value of {attribute.keyword} {what}.", field=attribute.keyword)
