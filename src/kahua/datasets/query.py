"""The text by which people find series, taken apart.

::

    liver "portal venous" -localizer Modality:MR StudyDate:20200101-20201231

Every part must match. A plain part is found in any of the words of a series; a quoted one as it
stands in one attribute; ``Field:value`` in that field alone. A hyphen before a part excludes what
it matches.
"""

from dataclasses import dataclass
from enum import StrEnum

from kahua.errors import InvalidInput

#: Longest query, and most parts of one.
MAX_QUERY_LENGTH = 1000
MAX_TERMS = 50


class Field(StrEnum):
    """An attribute that can be asked for by name."""

    MODALITY = "Modality"
    PATIENT_ID = "PatientID"
    PATIENT_NAME = "PatientName"
    PATIENT_SEX = "PatientSex"
    STUDY_DATE = "StudyDate"
    STUDY_DESCRIPTION = "StudyDescription"
    STUDY_UID = "StudyInstanceUID"
    ACCESSION_NUMBER = "AccessionNumber"
    SERIES_DESCRIPTION = "SeriesDescription"
    SERIES_UID = "SeriesInstanceUID"
    BODY_PART = "BodyPartExamined"
    MANUFACTURER = "Manufacturer"
    #: What the badge says (`errors`), or the code of a finding (`missing-slices`); no attribute.
    VALIDATION = "Validation"
    #: Name of the peer at which alone the images are; no attribute.
    SOURCE = "Source"


_FIELDS = {field.value.lower(): field for field in Field}


@dataclass(frozen=True, kw_only=True)
class Term:
    """One part of a query."""

    text: str
    #: None for a part that may be found anywhere.
    field: Field | None = None
    is_phrase: bool = False
    is_excluded: bool = False


def parse_query(query: str) -> tuple[Term, ...]:
    """Take a query apart.

    Raises
    ------
    InvalidInput
        It cannot be understood; names the character at which that shows, counted from 1.
    """
    if len(query) > MAX_QUERY_LENGTH:
        raise InvalidInput(f"A query has at most {MAX_QUERY_LENGTH} characters.", field="q")
    terms, place = [], 0
    while (place := _skip_spaces(query, place)) < len(query):
        term, place = _read_term(query, place)
        terms.append(term)
        if len(terms) > MAX_TERMS:
            raise _error(f"A query has at most {MAX_TERMS} parts", place)
    return tuple(terms)


def _read_term(query: str, start: int) -> tuple[Term, int]:
    is_excluded = query[start] == "-"
    place = start + is_excluded
    field, place = _read_field(query, place)
    text, is_phrase, end = _read_value(query, place)
    if not text.strip():
        raise _error("Something to look for is missing", place)
    return Term(text=text, field=field, is_phrase=is_phrase, is_excluded=is_excluded), end


def _read_field(query: str, start: int) -> tuple[Field | None, int]:
    """Read the name before a colon, if the part has one outside of quotes."""
    end = start
    while end < len(query) and not query[end].isspace() and query[end] not in ':"':
        end += 1
    if end == len(query) or query[end] != ":":
        return None, start
    name = query[start:end]
    field = _FIELDS.get(name.lower())
    if field is None:
        raise _error(
            f"There is no field {name!r}", start, remedy=f"Put it in quotes, or use one of: {', '.join(Field)}."
        )
    return field, end + 1


def _read_value(query: str, start: int) -> tuple[str, bool, int]:
    """Read a word, or what stands in quotes; give whether it was quoted, and where it ends."""
    if start < len(query) and query[start] == '"':
        end = query.find('"', start + 1)
        if end == -1:
            raise _error("A quotation mark is not closed", start)
        return query[start + 1 : end], True, end + 1
    end = start
    while end < len(query) and not query[end].isspace() and query[end] != '"':
        end += 1
    return query[start:end], False, end


def _skip_spaces(query: str, place: int) -> int:
    while place < len(query) and query[place].isspace():
        place += 1
    return place


def _error(what: str, place: int, *, remedy: str | None = None) -> InvalidInput:
    return InvalidInput(f"{what} (character {place + 1}).", field="q", remedy=remedy, character=place + 1)
