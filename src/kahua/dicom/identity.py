"""By what somebody could be known: names and numbers of an object, to be found again wherever they were typed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydicom import Dataset

from kahua.dicom.elements import VALUE_ERRORS, peek, tags_of, vr_of

#: Shortest word of a name, and shortest number, that is looked for: shorter ones are everywhere.
LEAST_LETTERS, LEAST_DIGITS = 3, 4

#: Attributes, besides all names of persons, whose values tell who somebody is.
_NUMBERS: Final = tags_of(
    "PatientID OtherPatientIDs AccessionNumber PatientBirthDate PatientTelephoneNumbers AdmissionID "
    "IssuerOfPatientID MedicalRecordLocator MilitaryRank ResponsibleOrganization InstitutionName "
    "PlacerOrderNumberImagingServiceRequest FillerOrderNumberImagingServiceRequest PatientAddress"
)

#: A number so long is found within a longer one, too; a shorter one is part of many codes by chance.
LONG_NUMBER: Final = 8

_WORDS: Final = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Identity:
    """Names by word, and numbers as a whole, in lower case."""

    words: frozenset[str]
    numbers: frozenset[str]

    @classmethod
    def of(cls, dataset: Dataset, *, besides: frozenset[int] = frozenset()) -> "Identity":
        """Collect them from an object, at every depth; not from attributes that are to stay."""
        words: set[str] = set()
        numbers: set[str] = set()
        for tag, text in _telling(dataset, besides):
            if tag in _NUMBERS:
                numbers.add(text.strip().casefold())
            else:
                words.update(_WORDS.findall(text.casefold()))
        return cls(
            frozenset(word for word in words if len(word) >= LEAST_LETTERS),
            frozenset(number for number in numbers if len(number) >= LEAST_DIGITS),
        )

    def is_in(self, text: str, *, least: int = LEAST_LETTERS) -> bool:
        """Say whether a text holds any of them; of the words those with so many letters at least."""
        folded = text.casefold()
        words = [word for word in _WORDS.findall(folded) if len(word) >= least]
        return not self.words.isdisjoint(words) or any(
            number in folded and (len(number) >= LONG_NUMBER or _stands_alone(number, folded))
            for number in self.numbers
        )


def _stands_alone(number: str, text: str) -> bool:
    return re.search(rf"(?<![^\W_]){re.escape(number)}(?![^\W_])", text) is not None


def _telling(dataset: Dataset, besides: frozenset[int]) -> Iterator[tuple[int, str]]:
    """Give names and numbers with their tags."""
    for tag in list(dataset.keys()):
        if tag.is_private or tag in besides:
            continue
        vr = vr_of(dataset, tag)
        if vr == "SQ":
            try:
                items = dataset[tag].value
            except VALUE_ERRORS:
                continue  # it will be removed, for it cannot be read
            for item in items:
                yield from _telling(item, besides)
        elif vr == "PN" or tag in _NUMBERS:
            for text in peek(dataset, tag):
                yield int(tag), text
