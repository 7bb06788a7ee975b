"""Queries for studies, series and instances: read, carried out, answered (QIDO-RS, PS3.18 section 10.6)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from kahua.errors import InvalidInput
from kahua.store.dicomweb.attributes import BY_NAME, Attribute, Level
from kahua.store.dicomweb.rows import documents
from kahua.store.dicomweb.selection import select_rows

#: Most rows of one answer; who wants more asks for the next page.
MAX_LIMIT = 1000

#: Largest offset: paging this far costs more than asking again with a narrower question.
MAX_OFFSET = 1_000_000

#: Tag or keyword, or several, nested in sequences: what ``includefield`` may name.
_FIELD = re.compile(r"[0-9A-Za-z.,]{1,2000}")


@dataclass(frozen=True, kw_only=True)
class Query:
    """A question for studies, series or instances."""

    level: Level
    matches: tuple[tuple[Attribute, str], ...] = ()
    limit: int = MAX_LIMIT
    offset: int = 0
    #: Names are matched by the beginnings of their words.
    fuzzy: bool = False


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Rows as DICOM JSON."""

    body: bytes
    count: int
    #: There would be more.
    truncated: bool


def parse_query(level: Level, parameters: Iterable[tuple[str, str]]) -> Query:
    """Read the query parameters of a request.

    Every attribute of an answer is returned in any case, so that ``includefield`` adds nothing.

    Raises
    ------
    InvalidInput
        A parameter is unknown, not supported for matching on this level, or has an impossible value.
    """
    matches: list[tuple[Attribute, str]] = []
    numbers = {"limit": MAX_LIMIT, "offset": 0}
    fuzzy = False
    for name, value in parameters:
        if name in numbers:
            numbers[name] = _natural(name, value)
        elif name == "fuzzymatching":
            fuzzy = value.lower() == "true"
        elif name == "includefield":
            _check_field(value)
        else:
            matches.append((_attribute(level, name), value))
    if numbers["offset"] > MAX_OFFSET:
        raise InvalidInput(f"The offset is above {MAX_OFFSET}.", field="offset", remedy="Ask a narrower question.")
    return Query(
        level=level,
        matches=tuple(matches),
        limit=min(numbers["limit"], MAX_LIMIT),
        offset=numbers["offset"],
        fuzzy=fuzzy,
    )


def find(
    session: Session,
    project_id: str,
    query: Query,
    *,
    base_url: str,
    study_uid: str | None = None,
    series_uid: str | None = None,
) -> Answer:
    """Carry out a query within a project.

    Parameters
    ----------
    base_url
        Address of the project's DICOMweb service, for the Retrieve URL of each row.
    study_uid, series_uid
        Only what lies in this study, and in this series.
    """
    connection = session.connection()
    rows = select_rows(
        connection,
        project_id,
        query.level,
        query.matches,
        fuzzy=query.fuzzy,
        limit=query.limit + 1,
        offset=query.offset,
        study_uid=study_uid,
        series_uid=series_uid,
    )
    page = rows[: query.limit]
    bodies = documents(connection, query.level, page, base_url)
    return Answer(body=b"[" + b",".join(bodies) + b"]", count=len(page), truncated=len(rows) > query.limit)


def _attribute(level: Level, name: str) -> Attribute:
    levels = list(Level)
    attribute = BY_NAME.get(name) or BY_NAME.get(name.upper())
    if attribute is None or levels.index(attribute.level) > levels.index(level):
        known = ", ".join(found.keyword for found in _matchable(level))
        raise InvalidInput(
            f"{name[:64]} cannot be matched in a query for {level}.", field=name[:64], remedy=f"Use {known}."
        )
    return attribute


def _matchable(level: Level) -> list[Attribute]:
    levels = list(Level)
    upper = levels[: levels.index(level) + 1]
    return [attribute for name, attribute in BY_NAME.items() if name == attribute.tag and attribute.level in upper]


def _natural(name: str, value: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > len(str(MAX_OFFSET * 10)):
        raise InvalidInput(f"The value of {name} is no whole number from 0 on.", field=name)
    return int(value)


def _check_field(value: str) -> None:
    if value and not _FIELD.fullmatch(value):
        raise InvalidInput("The value of includefield is neither tags nor keywords, nor all.", field="includefield")
