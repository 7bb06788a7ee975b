"""A PACS that is asked by DICOMweb: QIDO-RS and WADO-RS as client (PS3.18 sections 10.4 and 10.6)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kahua.errors import InvalidInput, PeerUnavailable, UnreadableDicom
from kahua.store.dicomweb.multipart import MultipartReader, boundary_of
from kahua.store.dicomweb.stow import PartFile, check_part_type
from kahua.store.ingest.limits import Limits
from kahua.store.remote.answers import fitting, series_of, study_of
from kahua.store.remote.outgoing import Answer, WebCaller, is_sent_as_it_is
from kahua.store.remote.source import (
    MAX_SERIES,
    MAX_STUDIES,
    RemoteSeries,
    RemoteStudy,
    StudyQuery,
    require_uid,
)

#: Matching keys of QIDO-RS by condition.
KEYS = {
    "patient_id": "00100020",
    "patient_name": "00100010",
    "accession_number": "00080050",
    "study_uid": "0020000D",
    "study_date": "00080020",
    "modality": "00080061",
    "description": "00081030",
}

#: Attributes that are asked for besides those that every server gives (PS3.18 table 10.6.3-3).
STUDY_FIELDS = ("00080061", "00081030", "00201206", "00201208")
SERIES_FIELDS = ("0008103E", "00201209")

#: Items of one page.
PAGE = 200

#: Most instances of one series.
MAX_INSTANCES = 100_000

#: All objects, as the server has them stored.
ACCEPT = 'multipart/related; type="application/dicom"; transfer-syntax=*'


class DicomwebSource:
    """An `ImageSource` over DICOMweb."""

    def __init__(self, caller: WebCaller, *, limits: Limits) -> None:
        self._caller = caller
        self._limits = limits

    def close(self) -> None:
        """Close the connections."""
        self._caller.close()

    def verify(self) -> None:
        """Ask for one study."""
        self._page("/studies", {}, (), offset=0, limit=1)

    def find_studies(self, query: StudyQuery, *, limit: int = MAX_STUDIES) -> Sequence[RemoteStudy]:
        """Give studies that match."""
        conditions = {KEYS[name]: value for name, value in vars(query).items() if value}
        found = _studies(self._items("/studies", conditions, STUDY_FIELDS, limit=limit))
        if not found and (wider := _widened(conditions)) != conditions:
            items = self._items("/studies", wider, STUDY_FIELDS, limit=MAX_STUDIES)
            found = _studies(fitting(items, {tag: conditions[tag] for tag in wider if wider[tag] != conditions[tag]}))
        return found[:limit]

    def find_series(self, study_uid: str) -> Sequence[RemoteSeries]:
        """Give the series of a study."""
        path = f"/studies/{require_uid(study_uid, 'study_uid')}/series"
        found: dict[str, RemoteSeries] = {}
        for item in self._items(path, {}, SERIES_FIELDS, limit=MAX_SERIES):
            if (series := series_of(item, study_uid)) is not None:
                found.setdefault(series.series_uid, series)
        return list(found.values())

    def retrieve(self, study_uid: str, series_uid: str, folder: Path) -> Iterator[Path]:
        """Give the instances of a series, each in a file of the folder."""
        path = f"/studies/{require_uid(study_uid, 'study_uid')}/series/{require_uid(series_uid, 'series_uid')}"
        with self._caller.call("GET", path, headers={"Accept": ACCEPT}) as answer:
            yield from _Parts(folder, self._limits).of(answer)

    def _items(self, path: str, conditions: Mapping[str, str], fields: Sequence[str], *, limit: int) -> Iterator[Any]:
        """Give the items of a list page by page, and stop at a server that knows no pages and begins anew."""
        first: Any = None
        for offset in range(0, limit, PAGE):
            page = self._page(path, conditions, fields, offset=offset, limit=min(PAGE, limit - offset))
            if not page or (offset and page[0] == first):
                return
            first = page[0] if not offset else first
            yield from page
            if len(page) < PAGE:
                return

    def _page(
        self, path: str, conditions: Mapping[str, str], fields: Sequence[str], *, offset: int, limit: int
    ) -> list[Any]:
        params = [*conditions.items(), *(("includefield", each) for each in fields), ("limit", str(limit))]
        answer = self._caller.json(path, params=params + ([("offset", str(offset))] if offset else []))
        if answer is None:
            return []
        if not isinstance(answer, list):
            raise PeerUnavailable(
                "The answer is no list, as DICOMweb has it.", remedy="Is the address that of DICOMweb?"
            )
        return answer


def _studies(items: Iterable[Any]) -> list[RemoteStudy]:
    found: dict[str, RemoteStudy] = {}
    for item in items:
        if (study := study_of(item)) is not None:
            found.setdefault(study.study_uid, study)
    return list(found.values())


def _widened(conditions: Mapping[str, str]) -> dict[str, str]:
    """Put a wildcard for every letter that an address cannot hold as it is.

    Some servers, older releases of Orthanc among them, take such a letter's encoding for the value, and find nothing.
    """
    return {
        tag: "".join(letter if is_sent_as_it_is(letter) else "*" for letter in value)
        for tag, value in conditions.items()
    }


class _Parts:
    """The objects of a multipart answer, each in a file as it arrives."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder = folder
        self._limits = limits
        self._parts: list[PartFile] = []
        self._count = 0

    def of(self, answer: Answer) -> Iterator[Path]:
        """Give each file as soon as it is complete.

        Raises
        ------
        UnreadableDicom
            The answer is not what was asked for.
        PeerUnavailable
            It breaks off.
        TooMuch
            It is larger than anything that may come.
        """
        reader = self._reader(answer)
        try:
            for piece in answer.pieces():
                self._feed(reader, piece)
                while len(self._parts) > 1:
                    yield self._parts.pop(0).path
            self._finish(reader)
            for part in self._parts:
                yield part.path
        finally:
            for part in self._parts:
                part.close()

    def _reader(self, answer: Answer) -> MultipartReader:
        try:
            return MultipartReader(boundary_of(answer.content_type), self._open, MAX_INSTANCES)
        except InvalidInput as error:
            raise UnreadableDicom(f"The answer is no multipart/related: {error.message}") from error

    def _feed(self, reader: MultipartReader, piece: bytes) -> None:
        try:
            reader.feed(piece)
        except InvalidInput as error:
            raise UnreadableDicom(f"The answer is not well-formed: {error.message}") from error

    def _finish(self, reader: MultipartReader) -> None:
        try:
            reader.finish()
        except InvalidInput as error:
            raise PeerUnavailable("The answer was cut off.") from error

    def _open(self, headers: Mapping[str, str]) -> PartFile:
        check_part_type(headers)
        self._limits.check_space(self._folder)
        self._count += 1
        part = PartFile(self._folder / f"{self._count:06}", self._limits.max_object_bytes)
        self._parts.append(part)
        return part
