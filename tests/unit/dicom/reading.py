"""How the tests of this folder read objects."""

import io
import warnings
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom import Dataset
from pydicom.multival import MultiValue

from kahua.dicom import INDEX_TAGS, INDEX_VRS, Budget, Header, read_file_meta, scan
from kahua.errors import KahuaError
from kahua.testing import shared_data

shared = pytest.mark.skipif(shared_data() is None, reason="the real DICOM files (../shared/data) are not here")


def shared_samples() -> list[Path]:
    """Return files of every kind of the shared data: all of small folders, every ninth of large ones."""
    by_folder: dict[Path, list[Path]] = {}
    for path in shared_files():
        by_folder.setdefault(path.parent, []).append(path)
    return [
        path for paths in by_folder.values() for path in (paths if len(paths) < 10 or _is_varied(paths) else paths[::9])
    ]


def _is_varied(paths: list[Path]) -> bool:
    return paths[0].parent.name in {"broken", "charsets", "transfer_syntaxes"}


def shared_files(*folders: str) -> list[Path]:
    """Return the files of the shared data, or of some of its folders; none where it is absent."""
    root = shared_data()
    if root is None:
        return []
    found = [path for folder in folders or ("",) for path in sorted((root / folder).rglob("*"))]
    return [path for path in found if path.is_file() and path.name != "MANIFEST.md"]


def scan_file(data: bytes, **limits: int) -> Header:
    """Scan a Part 10 file."""
    file = io.BytesIO(data)
    meta = read_file_meta(file)
    size = len(data) - meta.data_offset
    budget = Budget(**limits)
    return scan(file, offset=meta.data_offset, size=size, transfer_syntax_uid=meta.transfer_syntax_uid, budget=budget)


def outcome(path: Path) -> str:
    """Return `accepted`, or the code of the refusal."""
    try:
        scan_file(path.read_bytes())
    except KahuaError as error:
        return error.code
    return "accepted"


def by_pydicom(data: bytes) -> dict[str, list[Any]]:
    """Return the attributes of INDEX_TAGS as pydicom reads them, as plain values by tag."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom remarks on invalid values, which are findings of ours
        instance = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True, force=True)
        return {tag: _values(instance, tag) for tag in INDEX_TAGS if int(tag, 16) in instance and tag != "00080005"}


def _values(instance: Dataset, tag: str) -> list[Any]:
    value = instance[int(tag, 16)].value
    values = [_plain(each, INDEX_VRS[tag]) for each in (value if isinstance(value, MultiValue | list) else [value])]
    return [] if values == [""] else values


def _plain(value: Any, vr: str) -> Any:
    """Return a value of pydicom as DICOM JSON has it; a number that is none stays text."""
    if value is None or (isinstance(value, int | float) and vr not in ("DS", "IS")):
        return "" if value is None else value
    text = str(value).rstrip("= " if vr == "PN" else " ")
    try:
        return float(text) if vr in ("DS", "IS") else text
    except ValueError:
        return text


def by_us(header: Header) -> dict[str, list[Any]]:
    """Return the attributes of a header in the form of `by_pydicom`."""
    return {
        tag: ["" if value is None else _joined(value) for value in element.get("Value", [])]
        for tag, element in header.elements.items()
        if tag != "00080005"
    }


def _joined(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return "=".join(value.get(group, "") for group in ("Alphabetic", "Ideographic", "Phonetic")).rstrip("=")
