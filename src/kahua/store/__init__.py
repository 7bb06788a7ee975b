"""The image archive: what comes in, what is kept, what goes out."""

from kahua.store.ingest import Archive
from kahua.store.limits import Limits
from kahua.store.objects import DirectoryStore, ObjectStore, content_key
from kahua.store.origin import Accepted, Origin
from kahua.store.quarantine import find_quarantined, quarantined
from kahua.store.removal import remove_series
from kahua.store.staging import FileData, MemoryData
from kahua.store.tables import (
    DiscardedObjectRow,
    FileRow,
    InstanceRow,
    QuarantineRow,
    SeriesReferenceRow,
    SeriesRow,
    StudyRow,
)

__all__ = [
    "Accepted",
    "Archive",
    "DirectoryStore",
    "DiscardedObjectRow",
    "FileData",
    "FileRow",
    "InstanceRow",
    "Limits",
    "MemoryData",
    "ObjectStore",
    "Origin",
    "QuarantineRow",
    "SeriesReferenceRow",
    "SeriesRow",
    "StudyRow",
    "content_key",
    "find_quarantined",
    "quarantined",
    "remove_series",
]
