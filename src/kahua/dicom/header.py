"""What an archive must know of an instance."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from kahua.dicom.tags import attributes
from kahua.dicom.values import first_text


@dataclass(frozen=True, kw_only=True)
class Header:
    """The attributes of an instance by which it is filed and found."""

    sop_class_uid: str
    sop_instance_uid: str
    study_uid: str
    series_uid: str
    transfer_syntax_uid: str
    #: DICOM JSON model (PS3.18 F) of those of INDEX_TAGS that are there, by tag.
    elements: Mapping[str, dict[str, Any]]
    #: Byte of the file at which the value of Pixel Data begins: of encapsulated pixels, the item
    #: of the Basic Offset Table. None if there are no pixels, or if they are deflated with the rest.
    pixel_offset: int | None
    rows: int | None
    columns: int | None
    number_of_frames: int | None
    #: Series Instance UIDs to which the object refers, each once.
    references: tuple[str, ...] = ()
    #: Sentences about what is odd, but acceptable.
    findings: tuple[str, ...] = ()

    def text(self, tag: str) -> str:
        """Return the first value of an attribute as text, or nothing if it is absent or empty."""
        return first_text(self.elements.get(tag))

    def integer(self, tag: str) -> int | None:
        """Return the first value of an attribute as a whole number, or None if it is none."""
        return integer_of(self.elements, tag)


def integer_of(elements: Mapping[str, dict[str, Any]], tag: str) -> int | None:
    """Return the first value of a DICOM JSON element as a whole number, or None if it is none."""
    values = elements.get(tag, {}).get("Value") or [None]
    return values[0] if isinstance(values[0], int) else None


def dicom_json(elements: Mapping[str, dict[str, Any]], tags: Iterable[str]) -> bytes:
    """Return those of the elements that have one of the tags, as a serialised DICOM JSON object."""
    return orjson.dumps(attributes(elements, tags))


def fold(text: str) -> str:
    """Return text as it is compared in a search: lower case, without accents, single spaces.

    >>> fold("Röntgen^Ärztin")
    'rontgen^arztin'
    """
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join(unicodedata.normalize("NFC", letters).split())  # a syllable of Hangul is one character again
