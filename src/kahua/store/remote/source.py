"""Where images are looked for and fetched from: this site's own archive, or a PACS."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kahua.dicom import is_valid_uid
from kahua.errors import InvalidInput

#: Most studies that one question gives.
MAX_STUDIES = 1000

#: Most series of one study.
MAX_SERIES = 10_000


_DATES = re.compile(r"\d{8}(-(\d{8})?)?|-\d{8}")


@dataclass(frozen=True, kw_only=True)
class StudyQuery:
    """What studies must match; what is empty matches all. ``*`` and ``?`` are wildcards (PS3.4 C.2.2.2.4)."""

    patient_id: str = ""
    patient_name: str = ""
    accession_number: str = ""
    study_uid: str = ""
    #: A date YYYYMMDD, or a range with a hyphen.
    study_date: str = ""
    #: In any case: codes have capital letters (PS3.5 section 6.2).
    modality: str = ""
    description: str = ""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if len(value) > 200 or any(letter < " " or letter == "\\" for letter in value):
                raise InvalidInput("A condition is up to 200 characters without backslash.", field=name)
        if self.study_date and not _DATES.fullmatch(self.study_date):
            raise InvalidInput(
                "The study date is no date, nor a range.",
                field="study_date",
                remedy="Write 20260131, 20260101-20260131, 20260101- or -20260131.",
            )
        object.__setattr__(self, "modality", self.modality.upper())


@dataclass(frozen=True, kw_only=True)
class RemoteStudy:
    """A study that a source has; its texts are the source's, and nobody has verified them."""

    study_uid: str
    patient_id: str = ""
    patient_name: str = ""
    patient_birth_date: str = ""
    study_date: str = ""
    accession_number: str = ""
    description: str = ""
    modalities: tuple[str, ...] = ()
    #: Numbers, where the source tells them.
    series: int | None = None
    instances: int | None = None


@dataclass(frozen=True, kw_only=True)
class RemoteSeries:
    """A series that a source has."""

    study_uid: str
    series_uid: str
    modality: str = ""
    number: int | None = None
    description: str = ""
    instances: int | None = None


class ImageSource(Protocol):
    """Gives images of studies and series.

    An implementation
    - MUST find studies that match every condition, and no more than the limit;
    - MUST find all series of a study, and none of another;
    - MUST give every instance of a series as a Part 10 file;
    - MUST raise `NotFound` for a study or series that it does not have, when it is retrieved;
    - MUST raise `InvalidInput` for a UID that is none, before anything is asked;
    - MUST raise `PeerUnavailable` when what it asks does not answer as it should.
    """

    def verify(self) -> None:
        """Ask whether it is there and lets us in.

        Raises
        ------
        PeerUnavailable, NotFound
            It is not, or does not; the message says why.
        """

    def find_studies(self, query: StudyQuery, *, limit: int = MAX_STUDIES) -> Sequence[RemoteStudy]:
        """Give studies that match."""

    def find_series(self, study_uid: str) -> Sequence[RemoteSeries]:
        """Give the series of a study."""

    def retrieve(self, study_uid: str, series_uid: str, folder: Path) -> Iterator[Path]:
        """Give the instances of a series one by one, each in a file of a folder, which the caller removes.

        A source that sends to this site's own receiver gives none: they have arrived when the iteration ends.
        """

    def close(self) -> None:
        """Close what is open."""


def require_uid(uid: str, field: str) -> str:
    """Refuse what is no UID.

    Raises
    ------
    InvalidInput
        It is none.
    """
    if not is_valid_uid(uid):
        raise InvalidInput("This is no UID (PS3.5 section 9.1).", field=field)
    return uid
