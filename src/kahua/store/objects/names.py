"""Names under which objects lie in a folder or a bucket: nothing in a key can mean a place."""

import hashlib
import re

from kahua.store.objects.port import check_key

#: Place for what is being written; the rest of a store holds whole objects only.
INCOMING = "incoming"

#: Folders over which objects are spread, by their names.
FOLDERS = tuple(f"{number:02x}" for number in range(256))

#: A key that is a SHA-256 in hexadecimal is its own name; every other key is written as "x" and its bytes in
#: hexadecimal, so that it can be read back from the name.
_PLAIN_KEY = re.compile(r"[0-9a-f]{64}")


def name_of(key: str) -> str:
    """Give the name of an object: one of 256 folders, a slash, and the name in it.

    Raises
    ------
    InvalidInput
        There can be no such key.
    """
    if _PLAIN_KEY.fullmatch(key):
        return f"{key[:2]}/{key}"
    encoded = check_key(key)
    return f"{hashlib.sha256(encoded).hexdigest()[:2]}/x{encoded.hex()}"


def key_of(name: str) -> str:
    """Give the key of the object that has this name, with or without its folder."""
    last = name.rpartition("/")[2]
    return last if _PLAIN_KEY.fullmatch(last) else bytes.fromhex(last[1:]).decode()
