"""The image archive: what comes in, what is kept, what goes out."""

from kahua.store.catalogue import (
    add_file,
    files_of,
    find_file,
    find_instance_row,
    find_series_by_uids,
    find_series_row,
    find_study_row,
    instances_of,
    references_of,
    referring_to,
    series_of,
    series_with_uid,
    studies_with_uid,
)
from kahua.store.confidentiality import Policy, policy_of, pseudonyms_of, set_policy
from kahua.store.exports import Export, Exporter
from kahua.store.ingest import Archive
from kahua.store.limits import Limits
from kahua.store.objects import DirectoryStore, ObjectStore, content_key
from kahua.store.origin import Accepted, Origin
from kahua.store.peers import (
    Peer,
    PeerFacts,
    add_peer,
    change_peer,
    find_peer,
    list_peers,
    peer_of_id,
    peer_with_title,
    peers_calling,
    remove_peer,
)
from kahua.store.quarantine import find_quarantined, quarantined
from kahua.store.removal import discard, missing, orphans, remove_series
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
    "Export",
    "Exporter",
    "FileData",
    "FileRow",
    "InstanceRow",
    "Limits",
    "MemoryData",
    "ObjectStore",
    "Origin",
    "Peer",
    "PeerFacts",
    "Policy",
    "QuarantineRow",
    "SeriesReferenceRow",
    "SeriesRow",
    "StudyRow",
    "add_file",
    "add_peer",
    "change_peer",
    "content_key",
    "discard",
    "files_of",
    "find_file",
    "find_instance_row",
    "find_peer",
    "find_quarantined",
    "find_series_by_uids",
    "find_series_row",
    "find_study_row",
    "instances_of",
    "list_peers",
    "missing",
    "orphans",
    "peer_of_id",
    "peer_with_title",
    "peers_calling",
    "policy_of",
    "pseudonyms_of",
    "quarantined",
    "references_of",
    "referring_to",
    "remove_peer",
    "remove_series",
    "series_of",
    "series_with_uid",
    "set_policy",
    "studies_with_uid",
]
