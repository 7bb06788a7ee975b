"""Who is behind a pseudonym, sealed: everybody here can put it in, and only who knows the passphrase gets it out.

A project has a pair of keys (X25519). The public one lies open and seals; the private one is locked with
a key made of the passphrase (argon2id), which the site does not keep. So neither the site nor a copy of its
database tells who the patients are. Without the passphrase nobody ever will: there is no second way.
"""

import json
from dataclasses import asdict, dataclass
from typing import Self

from nacl import pwhash, secret, utils
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from kahua.database import now
from kahua.errors import InvalidInput, NotFound, StateConflict
from kahua.store.confidentiality.tables import SealedPatientRow, SealRow

#: Shortest passphrase.
LEAST_PASSPHRASE = 12

#: Cost of trying a passphrase: some half a second.
OPERATIONS = 8
MEMORY_BYTES = 64 * 1024 * 1024

_ARGON2 = pwhash.argon2id


@dataclass(frozen=True, kw_only=True)
class Original:
    """Who is behind a pseudonym."""

    pseudonym: str
    patient_id: str
    patient_name: str
    patient_birth_date: str


@dataclass(frozen=True, kw_only=True, repr=False)
class SealKeys:
    """A pair of keys, the private one locked."""

    public: bytes
    locked_private: bytes

    @classmethod
    def new(cls, passphrase: str) -> Self:
        """Make a pair; this takes a while, so that guessing would, too.

        Raises
        ------
        InvalidInput
            The passphrase is too short.
        """
        if len(passphrase) < LEAST_PASSPHRASE:
            raise InvalidInput(f"A passphrase has {LEAST_PASSPHRASE} characters at least.", field="passphrase")
        private, salt = PrivateKey.generate(), utils.random(_ARGON2.SALTBYTES)
        locked = secret.SecretBox(_key(passphrase, salt)).encrypt(bytes(private))
        return cls(public=bytes(private.public_key), locked_private=salt + locked)


def make_seal(session: Session, project_id: str, keys: SealKeys, *, actor: str) -> None:
    """Begin to keep who is behind the pseudonyms of a project, sealed.

    Raises
    ------
    StateConflict
        The project has a seal, with a passphrase of its own.
    """
    if session.get(SealRow, project_id):
        raise StateConflict(
            "The project keeps its patients sealed already.",
            remedy="Break the seal first: what is sealed is then gone for good.",
        )
    session.add(
        SealRow(
            project_id=project_id,
            public_key=keys.public,
            locked_private_key=keys.locked_private,
            created_at=now(),
            created_by=actor[:100],
        )
    )
    session.flush()


def break_seal(session: Session, project_id: str) -> int:
    """Forget for good who is behind the pseudonyms of a project; return how many were sealed.

    Raises
    ------
    NotFound
        Nothing is sealed in the project.
    """
    row = session.get(SealRow, project_id)
    if row is None:
        raise NotFound("The project keeps no patients sealed.")
    number = count_sealed(session, project_id)
    session.execute(delete(SealedPatientRow).where(SealedPatientRow.project_id == project_id))
    session.delete(row)
    return number


def public_key_of(session: Session, project_id: str) -> bytes | None:
    """Give the key that seals; None if the project does not keep its patients."""
    return session.scalar(select(SealRow.public_key).where(SealRow.project_id == project_id))


def count_sealed(session: Session, project_id: str) -> int:
    """Count the patients that are sealed in a project."""
    of_project = SealedPatientRow.project_id == project_id
    return session.scalar(select(func.count()).select_from(SealedPatientRow).where(of_project)) or 0


def seal(session: Session, project_id: str, public_key: bytes, patient: Original) -> None:
    """Seal who is behind a pseudonym, unless it is sealed already."""
    if session.get(SealedPatientRow, (project_id, patient.pseudonym)):
        return
    content = SealedBox(PublicKey(public_key)).encrypt(json.dumps(asdict(patient)).encode())
    row = SealedPatientRow(project_id=project_id, pseudonym=patient.pseudonym, content=content, created_at=now())
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return  # another process sealed the same patient at this moment


def unseal(session: Session, project_id: str, pseudonyms: set[str], *, passphrase: str) -> list[Original]:
    """Give who is behind those of the pseudonyms that are sealed.

    Raises
    ------
    InvalidInput
        The passphrase is wrong.
    NotFound
        Nothing is sealed in the project.
    """
    box = SealedBox(_unlock(session, project_id, passphrase))
    rows = session.scalars(
        select(SealedPatientRow).where(
            SealedPatientRow.project_id == project_id, SealedPatientRow.pseudonym.in_(pseudonyms)
        )
    )
    return [Original(**json.loads(box.decrypt(row.content))) for row in rows]


def _unlock(session: Session, project_id: str, passphrase: str) -> PrivateKey:
    row = session.get(SealRow, project_id)
    if row is None:
        raise NotFound("The project keeps no patients sealed.")
    salt, locked = row.locked_private_key[: _ARGON2.SALTBYTES], row.locked_private_key[_ARGON2.SALTBYTES :]
    try:
        return PrivateKey(secret.SecretBox(_key(passphrase, salt)).decrypt(locked))
    except CryptoError:
        raise InvalidInput("The passphrase is wrong.", field="passphrase") from None


def _key(passphrase: str, salt: bytes) -> bytes:
    return _ARGON2.kdf(
        secret.SecretBox.KEY_SIZE,
        passphrase.encode(),
        salt,
        opslimit=OPERATIONS,
        memlimit=MEMORY_BYTES,
    )
