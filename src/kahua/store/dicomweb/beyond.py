"""What queries want of the objects themselves, for no index has it (PS3.4 C.2.2.1.3, PS3.18 section 10.6.3.2)."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from kahua.dicom.rules import Rules
from kahua.errors import TooMuch
from kahua.store.dicomweb.attributes import Level
from kahua.store.dicomweb.documents import Documents, of_whole_series

if TYPE_CHECKING:
    from kahua.dicom.matching import AttributePath

#: Most rows that are looked through.
MAX_CANDIDATES = 5000


def rows_that_fit(
    level: Level,
    candidates: Sequence[Any],
    keys: "Sequence[tuple[AttributePath, str]]",
    rules: Rules,
    documents: Documents,
) -> Iterator[Any]:
    """Give, one by one, the rows whose objects have the attributes that are looked for.

    Raises
    ------
    InvalidInput
        A value cannot be one of its attribute.
    TooMuch
        There are too many candidates, or too many objects would have to be read.
    """
    from kahua.dicom.matching import Keys  # late: it loads pydicom's dictionary, which few queries need

    wanted = Keys(keys, rules)
    if len(candidates) > MAX_CANDIDATES:
        raise TooMuch(
            f"More than {MAX_CANDIDATES} {level} would have to be looked through for {keys[0][0].name}.",
            field=keys[0][0].name,
            remedy="Name the patient, the study, or other attributes of the index as well.",
        )
    for row in candidates:
        if wanted.fit_together(documents.of_row(level, row)):
            yield row


def completed(body: bytes, level: Level, row: Any, tags: Sequence[str] | None, documents: Documents) -> bytes:
    """Add attributes to the DICOM JSON object of a row; all that its objects have, if no tags are named.

    Raises
    ------
    TooMuch
        The query has read enough.
    """
    answer: dict[str, Any] = orjson.loads(body)
    if tags is not None and all(tag in answer for tag in tags):
        return body
    if tags is None and level is Level.SERIES:
        found = [of_whole_series(documents.of_series(row.id))]
    else:
        found = documents.of_row(level, row)
    for document in found:
        for tag in document if tags is None else tags:
            if tag in document:
                answer.setdefault(tag, document[tag])
    return orjson.dumps(answer)
