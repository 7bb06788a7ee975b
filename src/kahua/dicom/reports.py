"""Structured reports as pages to read (PS3.3 C.17.3)."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from pydicom import Dataset

from kahua.dicom.drawn import Drawn
from kahua.dicom.pages import Line, draw_pages

#: Deepest content, and most items, that are read.
_DEEPEST: Final = 32
_MOST_ITEMS: Final = 5000

#: Kinds of content that are no words, and what stands for them.
_THINGS: Final = {
    "IMAGE": "an image",
    "WAVEFORM": "a waveform",
    "COMPOSITE": "an object",
    "SCOORD": "a region on an image",
    "SCOORD3D": "a region in space",
    "TCOORD": "a moment",
}


def draw_report(dataset: Dataset, *, most: int) -> Drawn:
    """Write a structured report on pages: title, state, then its content in order, indented as it is nested.

    Names of persons and UIDs are left out: a preview is seen by whoever walks by.
    """
    state = state_of(dataset)
    head = [
        Line(text=title_of(dataset), kind="title"),
        *([Line(text=state, kind="quiet")] if state else []),
        Line(text=""),
    ]
    return Drawn(pictures=draw_pages([*head, *content_lines(dataset)], most=most))


def title_of(dataset: Dataset) -> str:
    """Return what a report is called."""
    return _concept(dataset) or "Structured report"


def state_of(dataset: Dataset) -> str:
    """Say whether a report is complete, and verified."""
    flags = (str(dataset.get(keyword) or "") for keyword in ("CompletionFlag", "VerificationFlag"))
    return " · ".join(flag.capitalize() for flag in flags if flag)


def content_lines(dataset: Dataset, *, with_persons: bool = False) -> list[Line]:
    """Write the content of a report line by line; the last one says if there is more."""
    lines = list(islice(_lines(dataset, 0, with_persons=with_persons), _MOST_ITEMS + 1))
    if len(lines) > _MOST_ITEMS:
        lines[_MOST_ITEMS:] = [Line(text=f"… only the first {_MOST_ITEMS} items are shown", kind="quiet")]
    return lines


def _lines(item: Dataset, depth: int, *, with_persons: bool) -> Iterator[Line]:
    if depth > _DEEPEST:
        return
    for child in item.get("ContentSequence") or []:
        if (line := _line(child, depth, with_persons=with_persons)) is not None:
            yield line
            yield from _lines(child, depth + 1, with_persons=with_persons)
        else:
            yield from _lines(child, depth, with_persons=with_persons)


def _line(item: Dataset, depth: int, *, with_persons: bool) -> Line | None:
    """Write an item; None for one that is left out."""
    kind = str(item.get("ValueType", ""))
    name = _concept(item)
    if kind == "CONTAINER":
        return Line(text=name, depth=depth, kind="title") if name else None
    value = person_name(item.get("PersonName")) if kind == "PNAME" and with_persons else _value(item, kind)
    if not value:
        return None
    return Line(text=f"{name}: {value}" if name else value, depth=depth, kind="quiet" if kind in _THINGS else "text")


def _value(item: Dataset, kind: str) -> str:
    match kind:
        case "TEXT":
            return " ".join(str(item.get("TextValue", "")).split())
        case "NUM":
            return _number(item)
        case "CODE":
            return _meaning(item, "ConceptCodeSequence")
        case "DATE" | "TIME" | "DATETIME":
            return str(item.get({"DATE": "Date", "TIME": "Time", "DATETIME": "DateTime"}[kind], ""))
        case _:
            return _THINGS.get(kind, "")


def _number(item: Dataset) -> str:
    measured = item.get("MeasuredValueSequence")
    if not measured or measured[0].get("NumericValue") is None:
        return "not measured"
    units = measured[0].get("MeasurementUnitsCodeSequence")
    unit = str(units[0].get("CodeValue", "")) if units else ""
    number = f"{float(measured[0].NumericValue):.6g}"
    return f"{number} {unit}" if unit not in {"", "1"} else number


def person_name(value: Any) -> str:
    """Write the name of a person as people read it: in each of its component groups, prefix first, suffix last."""
    groups = []
    for group in str(value or "").split("="):
        family, given, middle, prefix, suffix = (*(part.strip() for part in group.split("^")), *[""] * 5)[:5]
        groups.append(" ".join(part for part in (prefix, given, middle, family, suffix) if part))
    return " · ".join(group for group in groups if group)


def _concept(item: Dataset) -> str:
    return _meaning(item, "ConceptNameCodeSequence")


def _meaning(item: Dataset, keyword: str) -> str:
    codes = item.get(keyword)
    return str(codes[0].get("CodeMeaning") or codes[0].get("CodeValue") or "") if codes else ""
