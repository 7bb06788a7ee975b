"""Turn a value of a query into a condition on a column (PS3.4 C.2.2.2)."""

import re
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, select, true
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


def is_universal(value: str) -> bool:
    """Whether everything matches, also what has no value (PS3.4 C.2.2.2.3)."""
    return value in ("", "*")


def condition(attribute: Attribute, value: str, *, fuzzy: bool) -> ColumnElement[bool]:
    """Give the condition under which a row matches.

    Raises
    ------
    InvalidInput
        The value cannot be one of this attribute.
    """
    if is_universal(value):
        return true()
    if len(value) > MAX_VALUE_LENGTH or "\0" in value:
        raise _invalid(attribute, "is too long or holds a character that no value has")
    column: Any = attribute.column
    match attribute.matching:
        case Matching.UID:
            return _uids(attribute, value)
        case Matching.TEXT:
            return _text(attribute, column, value)
        case Matching.PERSON:
            return _person(attribute, value, fuzzy=fuzzy)
        case Matching.DATE:
            return _range(attribute, value, _DATE)
        case Matching.TIME:
            return _range(attribute, value.replace(":", ""), _TIME)
        case Matching.NUMBER:
            return _number(attribute, value)
        case Matching.MODALITIES:
            modality = _text(attribute, _SIBLING.modality, value)
            return select(_SIBLING.id).where(_SIBLING.study_id == StudyRow.id, modality).correlate(StudyRow).exists()


def _uids(attribute: Attribute, value: str) -> ColumnElement[bool]:
    uids = [uid.strip() for uid in _UID_LIST_SEPARATOR.split(value)]
    if len(uids) > MAX_UIDS:
        raise _invalid(attribute, f"lists more than {MAX_UIDS} UIDs")
    return attribute.column.in_(uids)


def _text(attribute: Attribute, column: Any, value: str) -> ColumnElement[bool]:
    if not _has_wildcards(attribute, value):
        return column == value  # type: ignore[no-any-return]
    return func.lower(column).like(_pattern(value.lower()), escape="\\")


def _has_wildcards(attribute: Attribute, value: str) -> bool:
    count = sum(value.count(wildcard) for wildcard in WILDCARDS)
    if count > MAX_WILDCARDS:
        raise _invalid(attribute, f"has more than {MAX_WILDCARDS} wildcards")
    return count > 0


def _person(attribute: Attribute, value: str, *, fuzzy: bool) -> ColumnElement[bool]:
    folded = fold(value)
    if not fuzzy:
        return _name(attribute, folded)
    words = [word for word in re.split(r"[\s^=,]+", folded.replace("*", " ").replace("?", " ")) if word]
    if len(words) > MAX_WILDCARDS:
        raise _invalid(attribute, f"has more than {MAX_WILDCARDS} words")
    begins = [attribute.column.like(_pattern(f"{start}{word}*"), escape="\\") for word in words for start in ("", "*^")]
    pairs = zip(begins[::2], begins[1::2], strict=True)
    return and_(*(first | later for first, later in pairs)) if words else false()


def _name(attribute: Attribute, folded: str) -> ColumnElement[bool]:
    column: Any = attribute.column
    if not _has_wildcards(attribute, folded):
        return column == folded  # type: ignore[no-any-return]
    matching = column.like(_pattern(folded), escape="\\")
    beginning = re.split(r"[*?]", folded, maxsplit=1)[0]
    return and_(BeginsWith(column, beginning), matching) if beginning else matching


def _range(attribute: Attribute, value: str, form: re.Pattern[str]) -> ColumnElement[bool]:
    first, dash, last = value.partition("-")
    if not all(form.fullmatch(part) for part in (first, last) if part) or not (first or last):
        raise _invalid(attribute, "is no date or time, nor a range of them such as 20260101-20261231")
    column = attribute.column
    if not dash:
        return column.like(f"{first}%") if form is _TIME else column == first
    conditions = [column != ""]
    if first:
        conditions.append(column >= first)
    if last:
        conditions.append(column <= last + "9999999")  # 1030 ends with 10:30:59.999999, in any language's order
    return and_(*conditions)


def _number(attribute: Attribute, value: str) -> ColumnElement[bool]:
    try:
        number = int(value)
    except ValueError:
        raise _invalid(attribute, "is no whole number") from None
    if not -(2**31) <= number < 2**31:
        return false()
    return attribute.column == number


def _pattern(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%").replace("?", "_")


def _invalid(attribute: Attribute, what: str) -> InvalidInput:
    return InvalidInput(f"The value of {attribute.keyword} {what}.", field=attribute.keyword)
