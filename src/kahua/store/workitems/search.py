"""Search for workitems (PS3.18 section 11.9): what columns can decide first, the rest in the documents."""

import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import orjson
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from kahua.dicom.rules import PLAIN, Rules
from kahua.errors import InvalidInput
from kahua.store.dicomweb.query import MAX_LIMIT, RULES, flag, natural
from kahua.store.workitems.attributes import PERFORMED, SOP_INSTANCE, STATE
from kahua.store.workitems.documents import Json
from kahua.store.workitems.filters import Filters, keys_of, read_filters
from kahua.store.workitems.states import State
from kahua.store.workitems.tables import WorkitemRow

#: Most workitems that one search looks through.
MAX_CANDIDATES: Final = 20_000

#: Rows that are read at once, and bytes of an answer after which it ends.
BATCH: Final = 100
MAX_ANSWER_BYTES: Final = 32_000_000

#: Representations of text that is matched as it is written, and what stands for several values, for none, or is
#: written in another way in JSON.
TEXTS: Final = frozenset({"AE", "CS", "LO", "LT", "SH", "ST", "UC", "UI", "UR", "UT"})
_SEVERAL: Final = re.compile(r'[\\",\x00-\x1f\x7f\ud800-\udfff]')

#: Attributes that are only in an answer if it was asked for them, or for all.
ON_REQUEST: Final = frozenset({PERFORMED})


@dataclass(frozen=True, kw_only=True)
class WorkitemQuery:
    """A question for workitems."""

    filters: Filters = ()
    rules: Rules = PLAIN
    limit: int = MAX_LIMIT
    offset: int = 0
    #: Tags that are to be in the answer besides the usual ones; `all` stands for all.
    fields: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Found:
    """A page of what matched, next work first."""

    documents: tuple[Json, ...]
    #: There would be more.
    truncated: bool


def parse_workitem_query(parameters: Iterable[tuple[str, str]]) -> WorkitemQuery:
    """Read the query parameters of a request.

    Raises
    ------
    InvalidInput
        A parameter names no attribute, or has an impossible value.
    """
    numbers, matches, fields = {"limit": MAX_LIMIT, "offset": 0}, [], set[str]()
    rules: dict[str, bool] = {}
    for name, value in parameters:
        if name in numbers:
            numbers[name] = natural(name, value)
        elif name in RULES:
            rules[RULES[name]] = flag(name, value)
        elif name == "includefield":
            fields.update(each for each in value.split(",") if each)
        elif name != "accept":
            matches.append((name, value))
    return WorkitemQuery(
        filters=read_filters(matches),
        rules=Rules(**rules),
        limit=min(numbers["limit"], MAX_LIMIT),
        offset=numbers["offset"],
        fields=frozenset(_tags(fields)),
    )


def search(session: Session, project_id: str, query: WorkitemQuery) -> Found:
    """Give the workitems of a project that match, in the order in which they are to be done.

    Raises
    ------
    InvalidInput
        Too many would have to be looked through.
    """
    page: list[Json] = []
    passed, size = 0, 0
    keys = keys_of(query.filters, rules=query.rules)
    texts = [text for path, value in query.filters if (text := _needed(path.vr, value))]
    for body in _candidates(session, project_id, query):
        if any(text not in body for text in texts):
            continue
        document: Json = orjson.loads(body)
        if not keys.fit(document):
            continue
        passed += 1
        if passed <= query.offset:
            continue
        if len(page) == query.limit or size > MAX_ANSWER_BYTES:
            return Found(documents=tuple(page), truncated=True)
        page.append(_shown(document, query.fields))
        size += len(body)
    return Found(documents=tuple(page), truncated=False)


def _candidates(session: Session, project_id: str, query: WorkitemQuery) -> Iterator[bytes]:
    conditions = [WorkitemRow.project_id == project_id, *_conditions(query.filters)]
    rows = select(WorkitemRow.document).where(*conditions).order_by(WorkitemRow.starts_at, WorkitemRow.id)
    rows = rows.limit(MAX_CANDIDATES + 1).execution_options(yield_per=BATCH)
    with closing(session.scalars(rows)) as found:
        for count, document in enumerate(found, start=1):
            if count > MAX_CANDIDATES:
                raise InvalidInput(
                    f"More than {MAX_CANDIDATES} workitems would have to be looked through.",
                    remedy="Name the ProcedureStepState or the PatientID as well.",
                )
            yield document


def _conditions(filters: Filters) -> Iterator[ColumnElement[bool]]:
    """Give what columns can decide: each row that they exclude would not match."""
    for path, value in filters:
        if path.tags == (STATE,) and value in list(State):
            yield WorkitemRow.state == value
        elif path.tags == (SOP_INSTANCE,) and value not in ("", "*"):
            yield WorkitemRow.uid.in_(value.replace("\\", ",").split(","))
        elif path.tags == ("00100020",) and value and not {*'*?\\"'} & set(value):
            yield WorkitemRow.patient_id == value


def _needed(vr: str, value: str) -> bytes:
    """Give what a document holds if it matches a value: looking for it costs a tenth of reading the document."""
    if vr not in TEXTS or _SEVERAL.search(value):
        return b""
    return max(re.split(r"[*?]", value.strip(" ")), key=len).encode()


def _shown(document: Json, fields: frozenset[str]) -> Json:
    if "all" in fields:
        return document
    return {tag: element for tag, element in document.items() if tag not in ON_REQUEST - fields}


def _tags(names: Iterable[str]) -> Iterator[str]:
    from kahua.dicom.matching import attribute_path  # late: it loads pydicom's dictionary

    for name in names:
        yield name if name == "all" else attribute_path(name).tags[0]
