"""Unique identifiers: those this software is known by, and new ones."""

import hashlib
import re
import uuid

#: Names this implementation in the File Meta Information and in associations.
IMPLEMENTATION_CLASS_UID = "2.25.213866127214519158370518174271026139648"
#: At most 16 characters (PS3.7 D.3.3.2).
IMPLEMENTATION_VERSION_NAME = "KAHUA_0"
#: Encapsulated PDF Storage.
ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
#: How all storage classes of encapsulated documents begin.
ENCAPSULATED_STORAGE = "1.2.840.10008.5.1.4.1.1.104."
#: How all storage classes of structured reports begin, key object selections among them, and all of waveforms.
STRUCTURED_REPORTS = "1.2.840.10008.5.1.4.1.1.88."
WAVEFORMS = "1.2.840.10008.5.1.4.1.1.9."
#: Longest UID that DICOM allows (PS3.5 9.1).
MAX_UID_LENGTH = 64

_VALID_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+")


def new_uid() -> str:
    """Return a UID that nobody else has: a random UUID under 2.25 (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid4().int}"


def uid_from(*parts: str | bytes) -> str:
    """Return a UID that depends on the parts alone.

    Parts are kept apart: ``("ab", "c")`` and ``("a", "bc")`` give different UIDs.
    """
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return f"2.25.{uuid.UUID(bytes=digest.digest()[:16], version=4).int}"


def is_valid_uid(uid: str) -> bool:
    """Say whether a UID has the form of PS3.5 9.1: numbers without leading zeros, 64 characters at most."""
    return len(uid) <= MAX_UID_LENGTH and _VALID_UID.fullmatch(uid) is not None
