"""What is wanted of a peer: patients, accession numbers, studies or series, one by one or from a table."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from kahua.errors import InvalidInput
from kahua.store.remote.source import StudyQuery, require_uid

#: Most wishes of one pull.
MAX_WISHES: Final = 10_000

#: Columns of a table, by the names that people give them (lower case, letters alone).
COLUMNS: Final[Mapping[str, str]] = {
    "patientid": "patient_id",
    "accessionnumber": "accession_number",
    "accession": "accession_number",
    "studyuid": "study_uid",
    "studyinstanceuid": "study_uid",
    "seriesuid": "series_uid",
    "seriesinstanceuid": "series_uid",
}

#: Longest table, in characters.
MAX_TABLE: Final = 5_000_000


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Something that is wanted; what is not empty must all match."""

    patient_id: str = ""
    accession_number: str = ""
    study_uid: str = ""
    series_uid: str = ""

    def check(self) -> None:
        """Refuse a wish for everything, or for nothing that can be asked for.

        Raises
        ------
        InvalidInput
            It names nothing, has wildcards, or a UID that is none.
        """
        if not any(vars(self).values()):
            raise InvalidInput("Name a patient, an accession number, a study or a series.", field="wishes")
        if self.series_uid and not self.study_uid:
            raise InvalidInput("A series is named together with its study.", field="study_uid")
        for name in ("study_uid", "series_uid"):
            if uid := getattr(self, name):
                require_uid(uid, name)
        for name in ("patient_id", "accession_number"):
            text = getattr(self, name)
            if len(text) > 64 or any(letter in "*?\\" or letter < " " for letter in text):
                raise InvalidInput("It has up to 64 characters, without wildcards.", field=name)

    @property
    def query(self) -> StudyQuery:
        """The question for the studies in which it is."""
        return StudyQuery(patient_id=self.patient_id, accession_number=self.accession_number, study_uid=self.study_uid)


def wishes_of_table(text: str) -> list[Wish]:
    """Read a table of comma- or semicolon-separated values whose first line names the columns.

    Raises
    ------
    InvalidInput
        It names none of the columns that count, is too long, or a line is no wish.
    """
    if len(text) > MAX_TABLE:
        raise InvalidInput(f"The table is longer than {MAX_TABLE} characters.", field="table")
    lines = text.lstrip("\ufeff").splitlines()
    head = lines[0] if lines else ""
    rows = csv.reader(lines, delimiter=";" if head.count(";") > head.count(",") else ",")
    columns = [COLUMNS.get("".join(filter(str.isalpha, name)).lower(), "") for name in next(rows, [])]
    if not any(columns):
        raise InvalidInput(
            "The first line of the table names none of the columns PatientID, AccessionNumber, StudyInstanceUID, "
            "SeriesInstanceUID.",
            field="table",
        )
    return [wish for row in rows if (wish := _wish(columns, row)) != Wish()]


def checked(wishes: Iterable[Wish]) -> list[Wish]:
    """Give the wishes, each once.

    Raises
    ------
    InvalidInput
        One is none, there are too many, or there is none at all.
    """
    found = list(dict.fromkeys(wishes))
    if not 0 < len(found) <= MAX_WISHES:
        raise InvalidInput(f"A pull has 1 to {MAX_WISHES} wishes, not {len(found)}.", field="wishes")
    for wish in found:
        wish.check()
    return found


def _wish(columns: list[str], row: list[str]) -> Wish:
    return Wish(**{name: value.strip() for name, value in zip(columns, row, strict=False) if name})
