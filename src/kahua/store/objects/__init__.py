"""Where bytes are kept: the port `ObjectStore` and its implementations.

`kahua.store.objects.s3` is not imported here: its library is an extra.
"""

from kahua.store.objects.directory import DirectoryStore
from kahua.store.objects.fetched import FetchedFiles
from kahua.store.objects.names import FOLDERS
from kahua.store.objects.pair import PairedStores
from kahua.store.objects.port import (
    CHUNK_BYTES,
    MAX_KEY_BYTES,
    NO_ENDS,
    Chunks,
    Ends,
    ObjectStore,
    check_key,
    content_key,
    joined,
)
from kahua.store.objects.recalling import RecallingStore

__all__ = [
    "CHUNK_BYTES",
    "FOLDERS",
    "MAX_KEY_BYTES",
    "NO_ENDS",
    "Chunks",
    "DirectoryStore",
    "Ends",
    "FetchedFiles",
    "ObjectStore",
    "PairedStores",
    "RecallingStore",
    "check_key",
    "content_key",
    "joined",
]
