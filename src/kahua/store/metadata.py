"""The DICOM JSON of all instances of a series, serialised and compressed once (PS3.18 section 10.4.1.1.2).

The worker makes it after a series has changed and keeps it as one object; while there is none of the
series' present revision, it is built on request. It can be thrown away at any time.
"""

import gzip
import hashlib
from collections.abc import Iterable, Iterator, Sequence

import orjson

from kahua.dicom import Budget
from kahua.errors import DicomRefused
from kahua.logs import get_logger
from kahua.store.dicomweb.retrieve import Located
from kahua.store.objects import ObjectStore

log = get_logger()

#: zlib level: what a viewer waits for is the building, not the network.
COMPRESSION = 1


#: What stands before every address in the JSON. In text a quotation mark is escaped, so that no value holds this.
_ADDRESS = b'"BulkDataURI":"'


def instance_documents(objects: ObjectStore, instances: Sequence[Located], *, budget: Budget) -> Iterator[bytes]:
    """Give the DICOM JSON of each instance; its addresses of bulk data are relative, see `with_addresses`."""
    from kahua.dicom import json_model  # late: it loads pydicom's dictionary, which no other request needs

    for located in instances:
        instance = located.instance
        with objects.local_file(instance.object_key) as path, path.open("rb") as file:
            try:
                document = json_model.instance_json(
                    file,
                    offset=instance.data_offset,
                    size=instance.size - instance.data_offset,
                    transfer_syntax_uid=instance.transfer_syntax_uid,
                    bulk_data_uri=f"{located.address.path}/bulkdata",
                    budget=budget,
                )
            except DicomRefused as error:
                log.warning("instance without metadata", instance=instance.id, reason=str(error))
                continue
        document["00083002"] = {"vr": "UI", "Value": [instance.transfer_syntax_uid]}
        yield orjson.dumps(document)


def join(documents: Iterable[bytes]) -> bytes:
    """Make one JSON array of documents."""
    return b"[" + b",".join(documents) + b"]"


def pack(array: bytes) -> bytes:
    """Compress (gzip); the same array makes the same bytes."""
    return gzip.compress(array, COMPRESSION, mtime=0)


def unpack(packed: bytes) -> bytes:
    """Give what was packed."""
    return gzip.decompress(packed)


def answer(array: bytes, base_url: str, *, packed: bool) -> bytes:
    """Make the answer to a client of what `join` made: with absolute addresses, compressed if it wants that."""
    absolute = with_addresses(array, base_url)
    return pack(absolute) if packed else absolute


def tag(keys: Sequence[str], base_url: str) -> str:
    """Name an answer that is made of kept arrays."""
    return hashlib.sha256("\n".join((base_url, *keys)).encode()).hexdigest()[:32]


def with_addresses(document: bytes, base_url: str) -> bytes:
    """Make the addresses of bulk data absolute, below the DICOMweb service as the client reaches it."""
    return document.replace(_ADDRESS, _ADDRESS + base_url.encode() + b"/")
