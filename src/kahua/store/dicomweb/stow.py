"""Store what a STOW-RS request brings, and say what became of each part (PS3.18 section 10.5)."""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from kahua.dicom import read_file_meta, scan
from kahua.errors import DicomRefused, InvalidInput, KahuaError, SopInstanceConflict, TooMuch, Unavailable
from kahua.store.dicomweb.multipart import MultipartReader
from kahua.store.ingest.archive import Archive
from kahua.store.ingest.origin import Accepted, Origin
from kahua.store.ingest.staging import FileData, MemoryData, StagedData, saying_full_disk

#: Failure reasons (PS3.18 table I.2-2; PS3.4 table GG.4-1; PS3.7 annex C).
OUT_OF_RESOURCES = 0xA700
DATA_SET_DOES_NOT_MATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000
DUPLICATE_SOP_INSTANCE = 0x0111

#: Memory for a part; one that is larger goes on in a file.
MEMORY_BYTES = 2_000_000

#: Most parts of one request.
MAX_PARTS = 20_000


@dataclass
class Stored:
    """What became of the parts of one request."""

    accepted: list[Accepted] = field(default_factory=list)
    #: SOP Class and Instance UID, as far as they are known, and the error.
    failed: list[tuple[str, str, KahuaError]] = field(default_factory=list)

    @property
    def status(self) -> int:
        """HTTP status: all stored, some stored, none stored at this moment, none (PS3.18 section 10.5.3)."""
        if not self.failed:
            return 200
        if self.accepted:
            return 202
        return 503 if all(isinstance(error, Unavailable) for _, _, error in self.failed) else 409

    def serialised(self, base_url: str) -> bytes:
        """Give the response module as DICOM JSON (PS3.18 table I.2-1)."""
        body: dict[str, Any] = {}
        if self.accepted:
            body["00081199"] = _sequence([_reference(item, base_url) for item in self.accepted])
        if self.failed:
            body["00081198"] = _sequence([_failure(*item) for item in self.failed])
        return orjson.dumps(body)


class PartFile:
    """A part of a request, written into a staging file as it arrives; over a limit, it refuses."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        #: Bytes taken so far.
        self.size = 0
        self._max = max_bytes
        with saying_full_disk():
            self._file = path.open("xb")

    def write(self, data: bytes | memoryview, /) -> None:
        """Take some bytes.

        Raises
        ------
        TooMuch
            The part is larger than an object may be.
        """
        self.size += len(data)
        if self.size > self._max:
            self._file.close()  # nobody will
            raise TooMuch(
                f"A part is larger than {self._max} bytes.", remedy="An administrator can raise max_object_bytes."
            )
        with saying_full_disk():
            self._file.write(data)

    def close(self) -> None:
        """Take note that the part is complete."""
        with saying_full_disk():
            self._file.close()


class Part:
    """A part of a request: in memory, and in a file once it is large."""

    def __init__(self, new_path: Callable[[], Path], max_bytes: int, take: Callable[[StagedData], None]) -> None:
        #: Bytes taken so far.
        self.size = 0
        self._new_path = new_path
        self._max = max_bytes
        self._take = take
        self._pieces: list[bytes | memoryview] = []
        self._file: PartFile | None = None

    def write(self, data: bytes | memoryview, /) -> None:
        """Take some bytes.

        Raises
        ------
        TooMuch
            The part is larger than an object may be.
        """
        self.size += len(data)
        if self._file is None and self.size <= min(MEMORY_BYTES, self._max):
            self._pieces.append(data)
            return
        if self._file is None:
            self._file = PartFile(self._new_path(), self._max)
            for piece in self._pieces:
                self._file.write(piece)
            self._pieces.clear()
        self._file.write(data)

    def close(self) -> None:
        """Hand the part over: it is complete."""
        self.release()
        self._take(FileData(self._file.path, 0, movable=True) if self._file else MemoryData(_whole(self._pieces)))

    def release(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _whole(pieces: Sequence[bytes | memoryview]) -> memoryview:
    """Give pieces as one, without a copy if there is only one."""
    return memoryview(pieces[0] if len(pieces) == 1 else b"".join(pieces))


def check_part_type(headers: Mapping[str, str]) -> None:
    """Refuse parts that are no DICOM.

    Raises
    ------
    InvalidInput
        The part has another media type than application/dicom.
    """
    media_type = headers.get("content-type", "application/dicom").split(";")[0].strip().lower()
    if media_type != "application/dicom":
        raise InvalidInput(f"A part has the type {media_type[:64]!r}; only application/dicom is stored.")


@dataclass
class StowRequest:
    """One request while it arrives: each part is stored as soon as it is complete."""

    archive: Archive
    project_id: str
    #: Name of the user who sends.
    sender: str
    #: Study to which all instances must belong, if the address names one.
    study_uid: str | None
    #: Boundary of the multipart body; without it, the body is one object.
    boundary: str | None
    stored: Stored = field(default_factory=Stored)

    def __post_init__(self) -> None:
        self._folder: Path | None = None
        self._batch = self.archive.batch(self.project_id)
        self._part: Part | None = None
        self._count = 0
        self._reader = MultipartReader(self.boundary, self._open_part, MAX_PARTS) if self.boundary else None
        if self._reader is None:
            self._open_part({})

    def feed(self, *pieces: bytes) -> None:
        """Take the next pieces of the body."""
        if self._reader:
            self._reader.feed(*pieces)
        elif self._part:
            self._part.write(b"".join(pieces))

    def finish(self) -> Stored:
        """Take note that the body ended, and say what became of its parts."""
        if self._reader:
            self._reader.finish()
        if self._part is None or not (self._reader or self._part.size):
            raise InvalidInput("The request holds no object.")
        if self._reader is None:
            self._part.close()
        for result in self._batch.finish():
            if isinstance(result, KahuaError):
                self.stored.failed.append(("", str(result.details.get("sop_instance_uid", "")), result))
            else:
                self.stored.accepted.append(result)
        return self.stored

    def close(self) -> None:
        """Remove the staging files, whatever happened."""
        self._batch.abandon()
        try:
            if self._part is not None:
                self._part.release()
        finally:
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)

    def _open_part(self, headers: Mapping[str, str]) -> Part:
        check_part_type(headers)
        self.archive.limits.check_space(self.archive.staging.folder)
        self._part = Part(self._new_path, self.archive.limits.max_object_bytes, self._store)
        return self._part

    def _new_path(self) -> Path:
        """Name a file for a part, in a folder of the request's own."""
        if self._folder is None:
            with saying_full_disk():
                self._folder = Path(tempfile.mkdtemp(prefix="stow-", dir=self.archive.staging.folder))
        self._count += 1
        return self._folder / f"{self._count:06}"

    def _store(self, data: StagedData) -> None:
        if self._is_of_study(data):
            self._batch.add(data, Origin(door="stow", sender=self.sender))

    def _is_of_study(self, data: StagedData) -> bool:
        """Refuse instances of another study than the address names (PS3.18 section 10.5.1.1)."""
        if self.study_uid is None:
            return True
        try:
            with data.open() as file:
                meta = read_file_meta(file)
                header = scan(
                    file,
                    offset=meta.data_offset,
                    size=data.size - meta.data_offset,
                    transfer_syntax_uid=meta.transfer_syntax_uid,
                    budget=self.archive.limits.budget,
                )
        except DicomRefused:
            return True  # the archive says why, and keeps it aside
        if header.study_uid == self.study_uid:
            return True
        error = InvalidInput("The instance belongs to another study than the address names; it was not stored.")
        self.stored.failed.append((header.sop_class_uid, header.sop_instance_uid, error))
        return False


def _reference(item: Accepted, base_url: str) -> dict[str, Any]:
    url = f"{base_url}/studies/{item.study_uid}/series/{item.series_uid}/instances/{item.sop_instance_uid}"
    return {
        "00081150": {"vr": "UI", "Value": [item.sop_class_uid]},
        "00081155": {"vr": "UI", "Value": [item.sop_instance_uid]},
        "00081190": {"vr": "UR", "Value": [url]},
    }


def _failure(sop_class_uid: str, sop_instance_uid: str, error: KahuaError) -> dict[str, Any]:
    return {
        "00081150": {"vr": "UI", "Value": [sop_class_uid] if sop_class_uid else []},
        "00081155": {"vr": "UI", "Value": [sop_instance_uid] if sop_instance_uid else []},
        "00081197": {"vr": "US", "Value": [_reason(error)]},
        "00080119": {"vr": "UC", "Value": [str(error)]},
    }


def _reason(error: KahuaError) -> int:
    match error:
        case Unavailable():
            return OUT_OF_RESOURCES
        case SopInstanceConflict():
            return DUPLICATE_SOP_INSTANCE
        case InvalidInput():
            return DATA_SET_DOES_NOT_MATCH
        case _:
            return CANNOT_UNDERSTAND


def _sequence(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"vr": "SQ", "Value": items}
