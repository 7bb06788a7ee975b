"""Keyed pseudonyms: the same original gives the same pseudonym under a key, and nothing without the key tells which.

Everything is computed from the key alone, so processes need no common memory to agree, and whoever
holds both key and originals can find an original again by computing the pseudonyms of all.
"""

import hashlib
import hmac
import unicodedata
import uuid
from dataclasses import dataclass

#: Bytes of a key.
KEY_BYTES = 32

#: Letters of a pseudonym: none that is taken for another when read aloud or typed (after Crockford).
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

#: Letters of a pseudonym; 60 bits, so that a million patients hardly ever share one.
LENGTH = 12

#: Dates move into the past by at least and at most so many days.
LEAST_DAYS, MOST_DAYS = 366, 3652


@dataclass(frozen=True, kw_only=True)
class Pseudonyms:
    """What stands for patients and UIDs under one key."""

    key: bytes

    def __post_init__(self) -> None:
        """Refuse a key that could be guessed."""
        if len(self.key) != KEY_BYTES:
            raise ValueError(f"A key of pseudonyms has {KEY_BYTES} bytes.")

    def __repr__(self) -> str:
        """Name the class alone: the key is in no log."""
        return "Pseudonyms(…)"

    def patient(self, subject: str) -> str:
        """Pseudonym of a patient: ``P`` and twelve letters and digits."""
        number = int.from_bytes(self._digest("patient", subject)[:8], "big")
        letters = [ALPHABET[number >> 5 * place & 31] for place in range(LENGTH)]
        return "P" + "".join(letters)

    def uid(self, original: str) -> str:
        """UID that stands for another: of its own under 2.25 (PS3.5 B.2)."""
        digest = self._digest("uid", original.strip(" \0"))
        return f"2.25.{uuid.UUID(bytes=digest[:16], version=4).int}"

    def days(self, subject: str) -> int:
        """Days by which all dates of a patient move; always into the past."""
        number = int.from_bytes(self._digest("days", subject)[:8], "big")
        return -(LEAST_DAYS + number % (MOST_DAYS - LEAST_DAYS + 1))

    def _digest(self, kind: str, original: str) -> bytes:
        text = unicodedata.normalize("NFC", original.strip())
        return hmac.new(self.key, f"{kind}\n{text}".encode(), hashlib.sha256).digest()


def subject_of(*, patient_id: str, patient_name: str, birth_date: str, study_uid: str) -> str:
    """Say who a patient is in a project, for `Pseudonyms`.

    That is the Patient ID; where there is none, the name and the birth date; where these lack too,
    nothing but the study holds the objects together.
    """
    if patient_id.strip():
        return f"id\n{patient_id.strip()}"
    if patient_name.strip(" ^="):
        return f"name\n{patient_name.strip()}\n{birth_date.strip()}"
    return f"study\n{study_uid.strip()}"
