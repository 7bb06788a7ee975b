"""Passwords, kept as argon2id hashes."""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from kahua.errors import InvalidInput

#: Shortest and longest password; the upper bound keeps hashing cheap to refuse.
MIN_PASSWORD_LENGTH = 10
MAX_PASSWORD_LENGTH = 256

#: About 50 ms and 46 MiB a try: costly to guess, bearable for a small server.
HASHER = PasswordHasher(time_cost=2, memory_cost=47_104, parallelism=1)

#: Tries at once, so that a flood of sign-ins costs time and not all memory.
_SLOTS = threading.BoundedSemaphore(2)

#: Hash of no password that anyone has: verified for unknown users, so that they take as long as known ones.
NOBODY = "$argon2id$v=19$m=47104,t=2,p=1$YnD72z3UKHFIcwGOajSucw$C4PDuk0FWdpAdRQM4vtOzGDkzO/O70E2GQMvVbmUpAE"


def hash_password(password: str) -> str:
    """Make the hash to keep.

    Raises
    ------
    InvalidInput
        The password is too short or too long.
    """
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        raise InvalidInput(
            f"A password has {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters.", field="password"
        )
    with _SLOTS:
        return HASHER.hash(password)


def password_is_right(password_hash: str | None, password: str) -> bool:
    """Verify a password; takes the same time when there is no hash to verify against."""
    with _SLOTS:
        try:
            HASHER.verify(password_hash or NOBODY, password[:MAX_PASSWORD_LENGTH])
        except (VerifyMismatchError, InvalidHashError):
            return False
    return password_hash is not None
