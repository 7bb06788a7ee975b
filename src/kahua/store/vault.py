"""Secrets of others that the site must be able to say: locked in the database, with a key that lies beside it.

A copy of the database alone, such as its backup, tells no password of a peer. Whoever has the key file has them all.
"""

import base64
import binascii
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox
from nacl.utils import random

from kahua.errors import InvalidInput, MisconfiguredSite, StateConflict

#: Longest secret, in characters: tokens may be long.
MAX_SECRET: Final = 4000

#: What a locked secret begins with.
LOCKED: Final = "locked:"


@dataclass(frozen=True)
class Vault:
    """Locks and opens secrets (XSalsa20-Poly1305); the key is made when the first one is locked."""

    key_file: Path

    def lock(self, secret: str) -> str:
        """Lock a secret; an empty one stays empty.

        Raises
        ------
        InvalidInput
            It is too long, or has a control character.
        MisconfiguredSite
            The key cannot be read or made.
        """
        if len(secret) > MAX_SECRET or any(letter < " " for letter in secret):
            raise InvalidInput(f"It is longer than {MAX_SECRET} characters, or has a line break.", field="secret")
        if not secret:
            return ""
        return LOCKED + base64.b64encode(SecretBox(self._key(make=True)).encrypt(secret.encode())).decode()

    def open(self, locked: str) -> str:
        """Give a secret that was locked.

        Raises
        ------
        StateConflict
            It was locked with another key, or the key is not there.
        MisconfiguredSite
            The key cannot be read.
        """
        if not locked:
            return ""
        try:
            return SecretBox(self._key(make=False)).decrypt(base64.b64decode(locked.removeprefix(LOCKED))).decode()
        except (CryptoError, FileNotFoundError, binascii.Error) as error:
            raise StateConflict(
                "The secret cannot be read: it was locked with a key that this site does not have.",
                remedy=f"Bring {self.key_file.name} back from a backup, or give the secret anew.",
            ) from error

    def _key(self, *, make: bool) -> bytes:
        """Read the key; FileNotFoundError if there is none and none is to be made."""
        try:
            if make and not self.key_file.exists():
                self._make()
            key = base64.b64decode(self.key_file.read_bytes(), validate=True)
        except FileNotFoundError:
            raise
        except (OSError, binascii.Error) as error:
            raise MisconfiguredSite(
                f"The key file {self.key_file} cannot be used: {error}.",
                setting="key_file",
                remedy="Bring it back from a backup, or give this user the right to read it.",
            ) from error
        if len(key) != SecretBox.KEY_SIZE:
            raise MisconfiguredSite(
                f"The key file {self.key_file} holds no key.", setting="key_file", remedy="Bring it back from a backup."
            )
        return key

    def _make(self) -> None:
        """Make a key, durably; should another process do so at the same moment, one of them counts."""
        handle, name = tempfile.mkstemp(prefix="key-", dir=self.key_file.parent)  # readable by this user alone
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(base64.b64encode(random(SecretBox.KEY_SIZE)))
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                self.key_file.hardlink_to(name)
        finally:
            Path(name).unlink()
