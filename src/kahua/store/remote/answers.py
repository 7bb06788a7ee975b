"""What a source says of studies and series: DICOM JSON that nobody has verified (PS3.18 annex F), read with care."""

from collections.abc import Iterable
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


def text_of(item: Any, tag: str) -> str:
    """Give the first value of an attribute as text; empty if there is none."""
    return next(iter(texts_of(item, tag)), "")


def texts_of(item: Any, tag: str) -> list[str]:
    """Give the values of an attribute as texts."""
    element = item.get(tag) if isinstance(item, dict) else None
    values = element.get("Value") if isinstance(element, dict) else None
    return [_text(value) for value in _few(values)]


def number_of(item: Any, tag: str) -> int | None:
    """Give the first value of an attribute as a number; None if it is none."""
    text = text_of(item, tag)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _few(values: Any) -> Iterable[Any]:
    return values[:MAX_VALUES] if isinstance(values, list) else ()


def _text(value: Any) -> str:
    if isinstance(value, dict):  # a person's name
        value = value.get("Alphabetic") or value.get("Ideographic") or ""
    return cut(str(value), TEXT_LENGTH) if isinstance(value, str | int | float) else ""
