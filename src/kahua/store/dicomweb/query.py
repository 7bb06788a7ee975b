"""Queries for studies, series and instances: read, carried out, answered (QIDO-RS, PS3.18 section 10.6)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from kahua.database import Readable
from kahua.dicom import INDEX_TAGS, INSTANCE_TAGS
from kahua.dicom.rules import Rules
from kahua.errors import InvalidInput
from kahua.store.dicomweb.attributes import BY_NAME, Attribute, Level
from kahua.store.dicomweb.beyond import MAX_CANDIDATES, completed, rows_that_fit
from kahua.store.dicomweb.documents import Documents
from kahua.store.dicomweb.rows import CLASSES, COMPUTED, serialised, with_classes
from kahua.store.dicomweb.selection import select_rows
from kahua.store.metadata import with_addresses

if TYPE_CHECKING:
    from kahua.dicom.matching import AttributePath

#: Most rows of one answer; who wants more asks for the next page.
MAX_LIMIT = 1000

#: Most rows of an answer with attributes that no index has.
MAX_LIMIT_BEYOND = 200

#: Largest offset: paging this far costs more than asking again with a narrower question.
MAX_OFFSET = 1_000_000

#: Most attributes of one query, asked for or matched.
MAX_ATTRIBUTES = 100

#: Tag or keyword, or several, nested in sequences: what ``includefield`` may name.
_FIELD = re.compile(r"[0-9A-Za-z.,]{1,2000}")

#: Dates and times are always matched together (PS3.18 section 10.6).
QIDO = Rules(combined=True)

#: Query parameters that say how values are read (PS3.18 table 8.3.4-1), and the fields of `Rules` that they set.
RULES = {"fuzzymatching": "fuzzy", "emptyvaluematching": "empty", "multiplevaluematching": "multiple"}

#: Query parameters that are no attributes (PS3.18 table 8.3.4-1), and what XML Schema calls their values.
PARAMETERS = {"limit": "nonNegativeInteger", "offset": "nonNegativeInteger", "includefield": "string"} | dict.fromkeys(
    RULES, "boolean"
)

#: Attributes that are made for an answer, here or by C-FIND, and that no object has.
_MADE = {
    "QueryRetrieveLevel": "00080052",
    "RetrieveAETitle": "00080054",
    "InstanceAvailability": "00080056",
    "RetrieveURL": "00081190",
    "NumberOfPatientRelatedStudies": "00201200",
    "NumberOfPatientRelatedSeries": "00201202",
    "NumberOfPatientRelatedInstances": "00201204",
    "NumberOfStudyRelatedSeries": "00201206",
    "NumberOfStudyRelatedInstances": "00201208",
    "NumberOfSeriesRelatedInstances": "00201209",
}

#: Keys that are ignored, and what the answer says of it.
_IGNORED = dict.fromkeys(
    ("TimezoneOffsetFromUTC", "00080201"),
    "TimezoneOffsetFromUTC is ignored: dates and times are matched as they are stored.",
) | {name: f"{keyword} is ignored: it is not matched." for keyword, tag in _MADE.items() for name in (keyword, tag)}

_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_FLAGS = {"true": True, "false": False}


@dataclass(frozen=True, kw_only=True)
class Query:
    """A question for studies, series or instances."""

    level: Level
    matches: tuple[tuple[Attribute, str], ...] = ()
    limit: int = MAX_LIMIT
    offset: int = 0
    #: How the values are read.
    rules: Rules = QIDO
    #: Attributes that no index has, to be matched in the objects.
    beyond: "tuple[tuple[AttributePath, str], ...]" = ()
    #: Tags that are to be in the answer besides those of the index; `everything` stands for all.
    fields: tuple[str, ...] = ()
    everything: bool = False
    #: SOP Classes in Study is to be in the answer.
    classes: bool = False
    #: What of the question is not carried out, in sentences.
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Rows as DICOM JSON."""

    body: bytes
    count: int
    #: There would be more.
    truncated: bool


def parse_query(level: Level, parameters: Iterable[tuple[str, str]]) -> Query:
    """Read the query parameters of a request.

    Raises
    ------
    InvalidInput
        A parameter names no attribute, or one of a lower level, or has an impossible value.
    """
    matches: list[tuple[Attribute, str]] = []
    beyond: list[tuple[AttributePath, str]] = []
    numbers = {"limit": MAX_LIMIT, "offset": 0}
    fields: list[str] = []
    rules: dict[str, bool] = {}
    warnings: list[str] = []
    for name, value in parameters:
        if name in numbers:
            numbers[name] = natural(name, value)
        elif name in RULES:
            rules[RULES[name]] = flag(name, value)
        elif name == "includefield":
            fields += _fields(value)
        elif name == "accept":
            continue  # for whoever serialises the answer (PS3.18 section 8.3.3.1)
        elif name in _IGNORED:
            warnings += [_IGNORED[name]] if value else []
        elif attribute := _attribute(level, name):
            matches.append((attribute, value))
        else:
            beyond.append((_path(name), value))
    if numbers["offset"] > MAX_OFFSET:
        raise InvalidInput(f"The offset is above {MAX_OFFSET}.", field="offset", remedy="Ask a narrower question.")
    if len(matches) + len(beyond) + len(fields) > MAX_ATTRIBUTES:
        raise InvalidInput(f"A query names at most {MAX_ATTRIBUTES} attributes.")
    return _with_fields(
        Query(
            level=level,
            matches=tuple(matches),
            limit=min(numbers["limit"], MAX_LIMIT),
            offset=numbers["offset"],
            rules=replace(QIDO, **rules) if rules else QIDO,
            beyond=tuple(beyond),
            warnings=tuple(dict.fromkeys(warnings)),
        ),
        fields,
    )


def find(
    readable: Readable,
    project_id: str,
    query: Query,
    *,
    base_url: str,
    study_uid: str | None = None,
    series_uid: str | None = None,
    documents: Documents | None = None,
) -> Answer:
    """Carry out a query within a project.

    Parameters
    ----------
    base_url
        Address of the project's DICOMweb service, for the Retrieve URL of each row.
    study_uid, series_uid
        Only what lies in this study, and in this series.
    documents
        Where attributes that no index has are read; without, only the index is asked and answered.

    Raises
    ------
    InvalidInput
        A value cannot be one of its attribute.
    TooMuch
        Too many objects would have to be read.
    """
    if documents is None and (query.beyond or query.fields or query.everything):
        raise InvalidInput("Only attributes of the index can be asked for here.")
    found = find_rows(readable, project_id, query, study_uid=study_uid, series_uid=series_uid, documents=documents)
    page = found[: query.limit]
    bodies = serialised(readable, query.level, page, base_url, below_series=series_uid is not None)
    if query.classes:
        bodies = with_classes(readable, page, bodies)
    if documents and (query.fields or query.everything):
        fields = None if query.everything else query.fields
        bodies = [
            with_addresses(completed(body, query.level, row, fields, documents), base_url)
            for row, body in zip(page, bodies, strict=True)
        ]
    return Answer(body=b"[" + b",".join(bodies) + b"]", count=len(page), truncated=len(found) > query.limit)


def find_rows(
    readable: Readable,
    project_id: str,
    query: Query,
    *,
    study_uid: str | None = None,
    series_uid: str | None = None,
    documents: Documents | None = None,
) -> Sequence[Any]:
    """Give the rows of `kahua.store.dicomweb.selection` that an answer is made of, one more where there are more.

    Raises
    ------
    InvalidInput
        A value cannot be one of its attribute.
    TooMuch
        Too many objects would have to be read.
    """

    def rows(limit: int, offset: int) -> list[Any]:
        return select_rows(
            readable,
            project_id,
            query.level,
            query.matches,
            rules=query.rules,
            limit=limit,
            offset=offset,
            study_uid=study_uid,
            series_uid=series_uid,
        )

    if documents is None or not query.beyond:
        return rows(query.limit + 1, query.offset)
    candidates = rows(MAX_CANDIDATES + 1, 0)
    fitting = rows_that_fit(query.level, candidates, query.beyond, query.rules, documents)
    return list(islice(fitting, query.offset, query.offset + query.limit + 1))


def _with_fields(query: Query, fields: list[str]) -> Query:
    """Note what is asked for beyond the index; what it has of this level and those above is always answered."""
    if not fields:
        return query
    everything = "all" in fields and query.level is not Level.STUDY
    known = INSTANCE_TAGS if query.level is Level.INSTANCE else INDEX_TAGS
    tags = {_tag(name) for name in fields if name != "all"}
    beyond = sorted(tags - {*known, *COMPUTED, CLASSES})
    limit = min(query.limit, MAX_LIMIT_BEYOND) if everything or beyond else query.limit
    classes = CLASSES in tags and query.level is Level.STUDY
    return replace(query, limit=limit, fields=tuple(beyond), everything=everything, classes=classes)


def _tag(name: str) -> str:
    """Give the tag of an attribute, or of the outermost sequence that leads to it."""
    first = name.split(".")[0]
    if first in BY_NAME:
        return BY_NAME[first].tag
    return first.upper() if _TAG.fullmatch(first) else _path(first).tags[0]


def _path(name: str) -> "AttributePath":
    from kahua.dicom.matching import attribute_path  # late: it loads pydicom's dictionary, which few queries need

    return attribute_path(name)


def _attribute(level: Level, name: str) -> Attribute | None:
    """Give an attribute of the index; None if it is not in it.

    Raises
    ------
    InvalidInput
        It belongs to a lower level.
    """
    levels = list(Level)
    attribute = BY_NAME.get(name) or BY_NAME.get(name.upper())
    if attribute is not None and levels.index(attribute.level) > levels.index(level):
        raise InvalidInput(
            f"{name[:64]} cannot be matched in a query for {level}.",
            field=name[:64],
            remedy=f"Ask for {attribute.level}.",
        )
    return attribute


def natural(name: str, value: str) -> int:
    """Read a whole number from 0 on.

    Raises
    ------
    InvalidInput
        It is none.
    """
    if not value.isascii() or not value.isdigit() or len(value) > len(str(MAX_OFFSET * 10)):
        raise InvalidInput(f"The value of {name} is no whole number from 0 on.", field=name)
    return int(value)


def flag(name: str, value: str) -> bool:
    """Read true or false.

    Raises
    ------
    InvalidInput
        It is neither.
    """
    if value.lower() not in _FLAGS:
        raise InvalidInput(f"The value of {name} is neither true nor false.", field=name)
    return _FLAGS[value.lower()]


def _fields(value: str) -> list[str]:
    if value and not _FIELD.fullmatch(value):
        raise InvalidInput("The value of includefield is neither tags nor keywords, nor all.", field="includefield")
    return [name for name in value.split(",") if name]
