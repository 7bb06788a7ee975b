"""What stands in the instances themselves: attributes that contradict each other, and objects to which they refer."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from kahua.store.validation.facts import first_value
from kahua.store.validation.findings import Finding, Severity

#: Attributes of patient, study and series, by how grave it is when instances of one series disagree on them.
IDENTITY = {"00100010": "Patient's Name", "00100030": "Patient's Birth Date", "00100040": "Patient's Sex"}
SERIES = {
    "00080020": "Study Date",
    "00080050": "Accession Number",
    "00080060": "Modality",
    "00080070": "Manufacturer",
    "0008103E": "Series Description",
    "00180015": "Body Part Examined",
    "00185100": "Patient Position",
    "00200011": "Series Number",
    "00200052": "Frame of Reference UID",
    "00200060": "Laterality",
}

#: Referenced SOP Class UID and Referenced SOP Instance UID; Per-Frame Functional Groups Sequence; Number of Frames.
_CLASS, _REFERENCED, _PER_FRAME, _FRAMES = "00081150", "00081155", "52009230", "00280008"

#: How UIDs of classes begin that are no objects to be stored: the detached study of a structure set, for example.
_NOT_STORED = "1.2.840.10008.3."

#: Deepest sequence, and most references, that are looked at.
_DEEPEST = 32
_MOST_REFERENCES = 100_000


@dataclass
class Contents:
    """What was read of the instances of a series, one after the other."""

    #: Instances that were read.
    read: int = 0
    #: Values by attribute, each with the number of instances that have it.
    values: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    #: SOP Instance UIDs to which they refer.
    referenced: set[str] = field(default_factory=set)
    #: SOP Instance UIDs of those whose frames do not match their functional groups.
    mismatched: list[str] = field(default_factory=list)


def read_contents(documents: Iterable[bytes]) -> Contents:
    """Read the DICOM JSON of instances."""
    contents = Contents()
    for document in documents:
        elements = orjson.loads(document)
        contents.read += 1
        for tag in (*IDENTITY, *SERIES):
            contents.values[tag][_text(elements, tag)] += 1
        _collect(elements, contents.referenced, 0)
        groups = elements.get(_PER_FRAME, {}).get("Value")
        if groups and len(groups) != (first_value(elements, _FRAMES) or 1):
            contents.mismatched.append(str(first_value(elements, "00080018")))
    return contents


def check_contents(contents: Contents) -> Iterator[Finding]:
    """Find attributes on which the instances of a series disagree, and frames that are not described."""
    if names := _disputed(contents, IDENTITY):
        yield Finding(
            code="patient-differs",
            severity=Severity.ERROR,
            sentence=f"Instances of this one series differ in {_listed(names)}: they may be of different persons.",
            remedy="Find out at the source whose images they are before anyone uses them.",
            instances=contents.read,
            details=tuple(_values(contents, names)),
        )
    if names := _disputed(contents, SERIES):
        is_grave = "Frame of Reference UID" in names.values() or "Modality" in names.values()
        yield Finding(
            code="attributes-differ",
            severity=Severity.WARNING if is_grave else Severity.NOTE,
            sentence=f"Instances of this one series differ in {_listed(names)}, which must be the same for all.",
            remedy="The series is listed with the values of the instance that came first; correct them at the source.",
            instances=contents.read,
            details=tuple(_values(contents, names)),
        )
    if contents.mismatched:
        yield Finding(
            code="frames-differ",
            severity=Severity.ERROR,
            sentence="Number of Frames differs from the number of frames that are described.",
            remedy="Frames cannot be placed: make or send the object again.",
            instances=len(contents.mismatched),
            details=tuple(contents.mismatched),
        )


def missing_instances(referenced: set[str], here: set[str], *, is_image: bool) -> Iterator[Finding]:
    """Find instances that are referred to and are not in the project; an image does without those that it names."""
    absent = sorted(referenced - here)
    if absent:
        yield Finding(
            code="missing-referenced-instances",
            severity=Severity.NOTE if is_image else Severity.WARNING,
            sentence=f"It refers to {len(referenced)} instances; "
            f"{len(here)} of them {'is' if len(here) == 1 else 'are'} here.",
            remedy="Send the rest of the series from which it was made.",
            details=tuple(absent),
        )


def _collect(elements: Mapping[str, Any], found: set[str], depth: int) -> None:
    if depth > _DEEPEST or len(found) >= _MOST_REFERENCES:
        return
    is_stored = not str(first_value(elements, _CLASS) or "").startswith(_NOT_STORED)
    for tag, element in elements.items():
        if tag == _REFERENCED and is_stored:
            found.update(str(value) for value in element.get("Value") or [] if value)
        elif element.get("vr") == "SQ":
            for item in element.get("Value") or []:
                _collect(item, found, depth + 1)


def _text(elements: Mapping[str, Any], tag: str) -> str:
    values = elements.get(tag, {}).get("Value") or []
    return "\\".join(_written(value) for value in values)


def _written(value: Any) -> str:
    return "=".join(value.values()) if isinstance(value, dict) else str(value if value is not None else "")


def _disputed(contents: Contents, attributes: Mapping[str, str]) -> dict[str, str]:
    return {tag: name for tag, name in attributes.items() if len(contents.values[tag]) > 1}


def _listed(names: Mapping[str, str]) -> str:
    *others, last = names.values()
    return f"{', '.join(others)} and {last}" if others else last


def _values(contents: Contents, names: Mapping[str, str]) -> Iterator[str]:
    for tag, name in names.items():
        for value, count in contents.values[tag].items():
            yield f"{name}: {value or '(empty)'} in {count} instances"
