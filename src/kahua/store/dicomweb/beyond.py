"""What queries want of the objects themselves, for no index has it (PS3.4 C.2.2.1.3, PS3.18 section 10.6.3.2)."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from kahua.dicom.rules import Rules
from kahua.errors import TooMuch
from kahua.store.dicomweb.attributes import Level
from kahua.store.dicomweb.documents import Documents, of_whole_series

if TYPE_CHECKING:
    from kahua.dicom.matching import AttributePath

Json = dict[str, Any]

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
        if wanted.fit_together(list(documents.of_row(level, row))):
            yield row


def completed(body: bytes, level: Level, row: Any, tags: Sequence[str] | None, documents: Documents) -> bytes:
    """Add attributes to the DICOM JSON object of a row; all that its objects have, if no tags are named.

    Raises
    ------
    TooMuch
        The query has read enough.
    """
    answer: Json = orjson.loads(body)
    if tags is None:
        return orjson.dumps(_everything(level, row, documents) | answer)
    missing = {tag for tag in tags if tag not in answer}
    return orjson.dumps(answer | _first_of(missing, documents.of_row(level, row))) if missing else body


def _everything(level: Level, row: Any, documents: Documents) -> Json:
    if level is Level.SERIES:
        return {**of_whole_series(documents.of_series(row.id))}
    return {tag: element for document in documents.of_row(level, row) for tag, element in document.items()}


def _first_of(tags: Collection[str], documents: Iterable[Mapping[str, Any]]) -> Json:
    """Give attributes of the first objects that have them, and read no more objects than that takes."""
    found: Json = {}
    for document in documents:
        found |= {tag: document[tag] for tag in tags if tag in document and tag not in found}
        if len(found) == len(tags):
            break
    return found
