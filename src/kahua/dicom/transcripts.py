"""Structured reports in words, as plain text or as a page without any markup of its author (PS3.18 section 8.7.4).

Runs in child processes with limits on memory and time: the bytes come from strangers.
"""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from pydicom import Dataset

from kahua.dicom.pages import Line
from kahua.dicom.reports import content_lines, person_name, state_of, title_of

#: Whose report it is and of what, besides the names of persons.
_HEAD: Final = {
    "Patient ID": "PatientID",
    "Birth date": "PatientBirthDate",
    "Sex": "PatientSex",
    "Study": "StudyDescription",
    "Study date": "StudyDate",
    "Accession number": "AccessionNumber",
    "Institution": "InstitutionName",
    "Manufacturer": "Manufacturer",
    "Content date": "ContentDate",
}

_INDENT: Final = "  "

_PAGE: Final = """<!DOCTYPE html>
<html>
<head><meta charset="utf-8"><title>{title}</title></head>
<body>
<h1>{title}</h1>
<dl>
{head}
</dl>
{content}
</body>
</html>
"""


def plain_transcript(dataset: Dataset) -> str:
    """Write a report as text: whose it is, then its content in order, indented as it is nested."""
    head = [f"{name}: {value}" for name, value in _head(dataset)]
    content = [_INDENT * line.depth + _one_line(line.text) for line in content_lines(dataset, with_persons=True)]
    return "\n".join([_one_line(title_of(dataset)), *head, "", *content, ""])


def page_transcript(dataset: Dataset) -> str:
    """Write a report as HTML: lists within lists, and every letter of its author escaped."""
    return _PAGE.format(
        title=_escaped(title_of(dataset)),
        head="\n".join(f"<dt>{name}<dd>{_escaped(value)}" for name, value in _head(dataset)),
        content="\n".join(_items(content_lines(dataset, with_persons=True))),
    )


def _head(dataset: Dataset) -> Iterator[tuple[str, str]]:
    if name := person_name(dataset.get("PatientName")):
        yield "Patient", _one_line(name)
    for label, keyword in _HEAD.items():
        if value := str(dataset.get(keyword) or ""):
            yield label, _one_line(value)
    if state := state_of(dataset):
        yield "State", _one_line(state)
    for item in dataset.get("VerifyingObserverSequence") or []:
        yield "Verified by", _one_line(person_name(item.get("VerifyingObserverName")))


def _items(lines: Sequence[Line]) -> Iterator[str]:
    """Write lines as lists; the end of an item is left to the next one, as HTML allows."""
    depth = -1
    for line in lines:
        yield from ["<ul>"] * (line.depth - depth) + ["</ul>"] * (depth - line.depth)
        text = _escaped(line.text)
        yield f"<li><b>{text}</b>" if line.kind == "title" else f"<li>{text}"
        depth = line.depth
    yield from ["</ul>"] * (depth + 1)


def _escaped(text: str) -> str:
    return escape(_one_line(text))


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
