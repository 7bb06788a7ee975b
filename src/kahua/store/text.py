"""Text of DICOM headers, made fit for the tables."""

from collections.abc import Iterator, Mapping
from typing import Any

from kahua.dicom import fold
from kahua.dicom.names import folded_groups
from kahua.dicom.values import first_text

Elements = Mapping[str, dict[str, Any]]

#: Attributes by whose words a series can be found: patient, study, series.
SEARCHED_TAGS = (
    "00100010", "00100020", "00080020", "00080050", "00081030", "00200010", "00080090",
    "0008103E", "00080060", "00180015", "00181030", "00080070", "00081090", "00200011",
)  # fmt: skip


def cut(text: str, length: int) -> str:
    """Make hostile text fit for a column: no NUL characters, no lone surrogates, no more than its length."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:length]


def small(number: int | None) -> int | None:
    """Give a number that an integer column of every database can hold, or none."""
    return number if number is not None and -(2**31) <= number < 2**31 else None


def search_text(elements: Elements) -> str:
    """Give the words by which a series can be found: folded, each once, in the order of the attributes."""
    words = fold(" ".join(word for tag in SEARCHED_TAGS for word in _words(elements.get(tag)))).split()
    return cut(" ".join(dict.fromkeys(words)), 4000)


def folded_names(elements: Elements) -> dict[str, str]:
    """Give the columns of a study by which names are matched."""
    patient, physician = folded_groups(elements.get("00100010")), folded_groups(elements.get("00080090"))
    suffixes = ("folded", "ideographic", "phonetic")
    return {
        f"{person}_{suffix}": cut(group, 512)
        for person, groups in (("patient_name", patient), ("referring_physician", physician))
        for suffix, group in zip(suffixes, groups, strict=True)
    }


def _words(element: dict[str, Any] | None) -> Iterator[str]:
    """Give the text of an element; of a name that of all component groups."""
    values = element.get("Value") if element else None
    if values and isinstance(values[0], dict):
        yield from (str(group).replace("^", " ") for group in values[0].values())
    else:
        yield first_text(element).replace("^", " ")
