"""The DICOM JSON of all instances of a series, serialised and compressed once (PS3.18 section 10.4.1.1.2).

The worker makes it after a series has changed and keeps it as one object; while there is none of the
series' present revision, it is built on request. It can be thrown away at any time.
"""

import gzip
from collections.abc import Iterator, Sequence

import orjson

from kahua.dicom import Budget
from kahua.errors import DicomRefused
from kahua.logs import get_logger
from kahua.store.dicomweb.retrieve import Located
from kahua.store.objects import ObjectStore

log = get_logger()

#: zlib level: what a viewer waits for is the building, not the network.
COMPRESSION = 1


def instance_documents(
    objects: ObjectStore, instances: Sequence[Located], *, base_url: str, budget: Budget
) -> Iterator[bytes]:
    """Give the DICOM JSON of each instance, with addresses of bulk data below `base_url`."""
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
                    bulk_data_uri=f"{base_url}/{located.address.path}/bulkdata",
                    budget=budget,
                )
            except DicomRefused as error:
                log.warning("instance without metadata", instance=instance.id, reason=str(error))
                continue
        document["00083002"] = {"vr": "UI", "Value": [instance.transfer_syntax_uid]}
        yield orjson.dumps(document)


def pack(documents: Iterator[bytes]) -> bytes:
    """Join documents into one compressed JSON array (gzip)."""
    return gzip.compress(b"[" + b",".join(documents) + b"]", COMPRESSION, mtime=0)


def unpack(packed: bytes) -> bytes:
    """Give the JSON array of what `pack` made."""
    return gzip.decompress(packed)
