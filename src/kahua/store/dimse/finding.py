"""C-FIND as service class provider: Patient Root and Study Root (PS3.4 C.4.1, C.6)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from kahua.database import Look
from kahua.dicom import INDEX_TAGS
from kahua.dicom.rules import Rules
from kahua.errors import InvalidInput, TooMuch
from kahua.store.dicomweb.attributes import BY_NAME, Attribute, Level
from kahua.store.dicomweb.beyond import MAX_CANDIDATES, completed
from kahua.store.dicomweb.documents import Documents
from kahua.store.dicomweb.query import MAX_ATTRIBUTES, MAX_LIMIT_BEYOND, Query, find_rows
from kahua.store.dicomweb.rows import CLASSES, COMPUTED, serialised, with_classes
from kahua.store.dimse.association import Association
from kahua.store.dimse.commands import Command, Status, encode_response
from kahua.store.dimse.identifier import (
    AVAILABILITY,
    CHARACTER_SET,
    LEVEL,
    RETRIEVE_AE_TITLE,
    Identifier,
    read_identifier,
    write_identifier,
)
from kahua.store.dimse.items import Items, paths_of
from kahua.store.dimse.message import Context
from kahua.store.dimse.models import PATIENT_ROOT, check_level
from kahua.store.dimse.patients import PATIENT_GROUP, select_patients
from kahua.store.ingest.archive import Archive

#: Most answers to one query; who wants more asks a narrower question.
MAX_ANSWERS = 10_000

#: Rows that are in memory at once.
PAGE = 200

#: How long objects are read for what only is to be returned: devices ask for much that they do not need.
MAX_RETURN_SECONDS = 2.0

_LEVELS: Final = {"PATIENT": Level.STUDY, "STUDY": Level.STUDY, "SERIES": Level.SERIES, "IMAGE": Level.INSTANCE}
#: Keys that are answered, but match nothing.
_UNMATCHED: Final = frozenset({CHARACTER_SET, LEVEL, RETRIEVE_AE_TITLE, AVAILABILITY})
_ORDER: Final = tuple(Level)
#: Columns of a patient.
_PATIENT: Final = frozenset({"00100010", "00100020", "00100030", "00100040"})
#: What is in no object, but made for an answer; and the zone of the query.
_IN_NO_OBJECT: Final = (COMPUTED - {"00083002"}) | {CLASSES, "00080201", "00201200", "00201202", "00201204"}


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a C-FIND asks for."""

    asked: Identifier
    query: Query
    items: Items
    #: Some key has a value and cannot be matched: it is ignored, and the answers say so (PS3.4 C.4.1.1.4).
    is_partial: bool

    @property
    def is_for_patients(self) -> bool:
        """Whether it asks for patients; its query is for their studies then."""
        return self.asked.level == "PATIENT"


def answer_find(
    archive: Archive,
    project_id: str,
    association: Association,
    context: Context,
    command: Command,
    data: bytes,
    *,
    ae_title: str,
    rules: Rules,
) -> None:
    """Answer a C-FIND with one response for each match, of this project only, and a final one.

    Parameters
    ----------
    data
        The identifier.
    ae_title
        Of this site, from which the matches can be retrieved.
    rules
        Agreed on by extended negotiation.

    Raises
    ------
    InvalidInput
        The identifier cannot be read, or a value cannot be one of its attribute.
    TooMuch
        Too many objects would have to be read for what no index has.
    Ended
        The association ended before all was answered.
    """
    question = read_question(command.sop_class_uid, data, context.transfer_syntax, rules)
    fixed = {LEVEL: question.asked.level, RETRIEVE_AE_TITLE: ae_title, AVAILABILITY: "ONLINE"}
    documents = Documents(archive.database, archive.objects, project_id, archive.limits.budget)
    completion = _Completion(question, documents)
    for number, (row, body) in enumerate(_rows(archive, project_id, question, documents)):
        if association.is_cancelled(command.message_id):
            return association.send(context, encode_response(command, Status.CANCELLED))
        if number == MAX_ANSWERS:
            comment = f"Over {MAX_ANSWERS} matches: ask a narrower question."
            return association.send(context, encode_response(command, Status.OUT_OF_RESOURCES, comment))
        known = question.items.of(orjson.loads(completion.complete(row, body)))
        partial = question.is_partial or completion.has_ended
        status = Status.PENDING_WITH_UNSUPPORTED_KEYS if partial else Status.PENDING
        answer = write_identifier(question.asked, known, fixed, context.transfer_syntax)
        association.send(context, encode_response(command, status, has_data_set=True), [answer])
    return association.send(context, encode_response(command, Status.SUCCESS))


def read_question(sop_class_uid: str, data: bytes, transfer_syntax: str, rules: Rules) -> Question:
    """Read the identifier of a C-FIND.

    Raises
    ------
    InvalidInput
        It cannot be read, names too much, or its level is not one of the information model.
    """
    asked = read_identifier(data, transfer_syntax)
    check_level(asked.level, patient_root=sop_class_uid in PATIENT_ROOT)
    matches: list[tuple[Attribute, str]] = []
    beyond: list[tuple[tuple[int, ...], str]] = []
    partial = asked.has_bytes
    for tags, value in asked.valued():
        attribute = BY_NAME.get(f"{tags[0]:08X}") if len(tags) == 1 else None
        if tags[0] in _UNMATCHED:
            continue
        if attribute is not None and _is_matched(attribute, asked.level):
            matches.append((attribute, value))
        elif attribute is None and _is_in_objects(tags[0], asked.level):
            beyond.append((tags, value))
        else:
            partial = True
    if len(matches) + len(beyond) > MAX_ATTRIBUTES:
        raise InvalidInput(f"A query names at most {MAX_ATTRIBUTES} attributes with a value.")
    query = Query(
        level=_LEVELS[asked.level],
        matches=tuple(matches),
        rules=rules,
        beyond=tuple(paths_of(beyond)) if beyond else (),
        fields=_fields(asked),
        classes=asked.level == "STUDY" and int(CLASSES, 16) in asked.keys,
    )
    return Question(asked=asked, query=query, items=Items(asked, rules), is_partial=partial)


class _Completion:
    """Adds to answers what no index has, as long as that does not take too long."""

    def __init__(self, question: Question, documents: Documents) -> None:
        self._query = question.query
        self._documents = documents
        self._count = 0
        #: What is missing in an answer may be in the objects.
        self.has_ended = False

    def complete(self, row: Any, body: bytes) -> bytes:
        """Give the DICOM JSON object of a row with what was asked for."""
        if not self._query.fields or self.has_ended:
            return body
        if self._count == 0:
            self._documents.grant(MAX_RETURN_SECONDS)
        self._count += 1
        if self._count <= MAX_LIMIT_BEYOND:
            try:
                return completed(body, self._query.level, row, self._query.fields, self._documents)
            except TooMuch:
                pass  # the answer says by its status that something is missing
        self.has_ended = True
        return body


def _is_matched(attribute: Attribute, level: str) -> bool:
    if level == "PATIENT":
        return attribute.tag in _PATIENT
    return _ORDER.index(attribute.level) <= _ORDER.index(_LEVELS[level])


def _is_in_objects(tag: int, level: str) -> bool:
    """Whether objects may say what a key asks for; a patient has nothing but what is in its group."""
    return f"{tag:08X}" not in _IN_NO_OBJECT and (level != "PATIENT" or tag >> 16 == PATIENT_GROUP)


def _fields(asked: Identifier) -> tuple[str, ...]:
    """Give what is to be returned and no index has."""
    tags = {tag for tag in asked.keys if tag & 0xFFFF and tag not in _UNMATCHED and _is_in_objects(tag, asked.level)}
    return tuple(sorted({f"{tag:08X}" for tag in tags} - {*INDEX_TAGS}))


def _rows(archive: Archive, project_id: str, question: Question, documents: Documents) -> Iterator[tuple[Any, bytes]]:
    """Give the matches, each with its DICOM JSON object, page by page.

    The database is not read while the peer is written to. What is matched in objects is one page, for it is found
    one by one from the first candidate on.
    """
    size = MAX_CANDIDATES if question.query.beyond else PAGE
    offset = 0
    while True:
        with archive.database.look() as look:
            query = replace(question.query, limit=size, offset=offset)
            page = (_patients if question.is_for_patients else _page)(look, project_id, query, documents)
        yield from page
        offset += size
        if len(page) < size:
            return


def _page(look: Look, project_id: str, query: Query, documents: Documents) -> list[tuple[Any, bytes]]:
    rows = find_rows(look, project_id, query, documents=documents)[: query.limit]
    bodies = serialised(look, query.level, rows, "")
    return list(zip(rows, with_classes(look, rows, bodies) if query.classes else bodies, strict=True))


def _patients(look: Look, project_id: str, query: Query, documents: Documents) -> list[tuple[Any, bytes]]:
    studies = [row.id for row in find_rows(look, project_id, query, documents=documents)] if query.beyond else None
    patients = select_patients(
        look,
        project_id,
        query.matches,
        rules=query.rules,
        limit=query.limit,
        offset=query.offset,
        studies=studies,
    )
    return [(patient, patient.dicom_json) for patient in patients]
