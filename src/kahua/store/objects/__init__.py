"""Where bytes are kept: the port `ObjectStore` and its implementations."""

from kahua.store.objects.directory import DirectoryStore
from kahua.store.objects.port import MAX_KEY_BYTES, Chunks, ObjectStore, check_key, content_key

__all__ = ["MAX_KEY_BYTES", "Chunks", "DirectoryStore", "ObjectStore", "check_key", "content_key"]
