"""What a source says of studies and series: DICOM JSON that nobody has verified (PS3.18 annex F), read with care."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kahua.dicom import is_valid_uid
from kahua.store.remote.source import RemoteSeries, RemoteStudy
from kahua.store.text import cut

#: Longest text that is kept of an answer.
TEXT_LENGTH = 300

#: Most values of one attribute that are read.
MAX_VALUES = 100


def study_of(item: Any) -> RemoteStudy | None:
    """Read a study; None if it has no Study Instance UID."""
    uid = text_of(item, "0020000D")
    if not is_valid_uid(uid):
        return None
    return RemoteStudy(
        study_uid=uid,
        patient_id=text_of(item, "00100020"),
        patient_name=text_of(item, "00100010"),
        patient_birth_date=text_of(item, "00100030"),
        study_date=text_of(item, "00080020"),
        accession_number=text_of(item, "00080050"),
        description=text_of(item, "00081030"),
        modalities=tuple(sorted({*texts_of(item, "00080061")} - {""})),
        series=number_of(item, "00201206"),
        instances=number_of(item, "00201208"),
    )


def series_of(item: Any, study_uid: str) -> RemoteSeries | None:
    """Read a series of a study; None if it has no UID, or says that it belongs to another study."""
    uid, study = text_of(item, "0020000E"), text_of(item, "0020000D")
    if not is_valid_uid(uid) or study not in ("", study_uid):
        return None
    return RemoteSeries(
        study_uid=study_uid,
        series_uid=uid,
        modality=text_of(item, "00080060"),
        number=number_of(item, "00200011"),
        description=text_of(item, "0008103E"),
        instances=number_of(item, "00201209"),
    )


def fitting(items: Iterable[Any], conditions: Mapping[str, str]) -> Iterator[Any]:
    """Give the items that have the values that are looked for, by tag; names without regard to case and accents.

    Raises
    ------
    InvalidInput
        A value cannot be one of its attribute.
    """
    from kahua.dicom.matching import Keys, attribute_path  # late: it loads pydicom's dictionary

    keys = Keys((attribute_path(tag), value) for tag, value in conditions.items())
    for item in items:
        if keys.fit({tag: {"Value": _plain_values(item, tag)} for tag in conditions}):
            yield item


def text_of(item: Any, tag: str) -> str:
    """Give the first value of an attribute as text; empty if there is none."""
    return next(iter(texts_of(item, tag)), "")


def texts_of(item: Any, tag: str) -> list[str]:
    """Give the values of an attribute as texts."""
    return [_text(value) for value in _values(item, tag)]


def number_of(item: Any, tag: str) -> int | None:
    """Give the first value of an attribute as a number; None if it is none."""
    text = text_of(item, tag)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _values(item: Any, tag: str) -> Iterable[Any]:
    element = item.get(tag) if isinstance(item, dict) else None
    values = element.get("Value") if isinstance(element, dict) else None
    return values[:MAX_VALUES] if isinstance(values, list) else ()


def _plain_values(item: Any, tag: str) -> list[str | dict[str, str]]:
    """Give texts and names, and nothing else."""
    return [
        value if isinstance(value, str) else {group: text for group, text in value.items() if isinstance(text, str)}
        for value in _values(item, tag)
        if isinstance(value, str | dict)
    ]


def _text(value: Any) -> str:
    if isinstance(value, dict):  # a person's name
        value = value.get("Alphabetic") or value.get("Ideographic") or ""
    return cut(str(value), TEXT_LENGTH) if isinstance(value, str | int | float) else ""
