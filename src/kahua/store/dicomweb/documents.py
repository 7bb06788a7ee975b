"""The attributes of whole objects, for queries that ask beyond the index."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson
from sqlalchemy import select

from kahua.database import Database
from kahua.dicom import Budget
from kahua.errors import TooMuch
from kahua.store import metadata
from kahua.store.dicomweb.attributes import Level
from kahua.store.dicomweb.retrieve import Address, locate_instances
from kahua.store.objects import ObjectStore
from kahua.store.tables import SeriesRow, StudyRow

#: Most series that one query may read the objects of, and how long it may do so.
MAX_SERIES: Final = 500
MAX_SECONDS: Final = 10.0

#: What one object of a series is smaller than, as JSON, if it is kept for being asked for again.
MAX_KEPT_BYTES: Final = 50_000

Json = Mapping[str, Any]


class Documents:
    """Reads what the worker keeps of series, within the budget of one query."""

    def __init__(self, database: Database, objects: ObjectStore, project_id: str, budget: Budget) -> None:
        self._database = database
        self._objects = objects
        self._project_id = project_id
        self._budget = budget
        self.grant(MAX_SECONDS)
        #: The instances of the series that was read last, by SOP Instance UID, and one of each other series.
        self._series_id = ""
        self._instances: dict[str, Json] = {}
        self._first: dict[str, Json] = {}

    def grant(self, seconds: float) -> None:
        """Begin the budget of a query, or of a part of it: how long objects are read."""
        self._seconds_left, self._series_left = seconds, MAX_SERIES

    def of_row(self, level: Level, row: Any) -> Iterator[Json]:
        """Give, one by one, the objects by which a row is judged: one of each series, or the instance itself.

        Raises
        ------
        TooMuch
            The query has read enough.
        """
        match level:
            case Level.STUDY:
                series = select(SeriesRow.id).where(SeriesRow.study_id == row.id).order_by(SeriesRow.id)
                with self._database.read() as session:
                    found = session.scalars(series).all()
                for series_id in found:
                    yield from self._first_of(series_id)
            case Level.SERIES:
                yield from self._first_of(row.id)
            case Level.INSTANCE:
                instance = self._by_uid(row.id).get(row.sop_instance_uid)
                yield from () if instance is None else (instance,)

    def of_series(self, series_id: str) -> list[Json]:
        """Give all instances of a series.

        Raises
        ------
        TooMuch
            The query has read enough.
        """
        return list(self._by_uid(series_id).values())

    def _first_of(self, series_id: str) -> list[Json]:
        if series_id in self._first:
            return [self._first[series_id]]
        documents, size = self._read(series_id, only_first=True)
        if documents and size // len(documents) < MAX_KEPT_BYTES:
            self._first[series_id] = documents[0]
        return documents[:1]

    def _by_uid(self, series_id: str) -> Mapping[str, Json]:
        if series_id != self._series_id:
            documents, _ = self._read(series_id)
            self._series_id, self._instances = series_id, {_uid(each): each for each in documents}
        return self._instances

    def _read(self, series_id: str, *, only_first: bool = False) -> tuple[list[Json], int]:
        """Give the objects of a series, and how long they are as JSON."""
        if self._series_left <= 0 or self._seconds_left <= 0:
            raise TooMuch(
                f"The query would have to look into the objects of more than {MAX_SERIES} series, or for too long.",
                remedy="Name the patient, the study, or other attributes of the index as well.",
            )
        began = time.monotonic()
        array = self._array(series_id, only_first=only_first)
        documents: list[Json] = orjson.loads(array)
        self._series_left -= 1
        self._seconds_left -= time.monotonic() - began
        return documents, len(array)

    def _array(self, series_id: str, *, only_first: bool) -> bytes:
        with self._database.read() as session:
            series = session.get(SeriesRow, series_id)
            if series is None:  # deleted since it was found
                return b"[]"
            key = series.metadata_key if series.derived_revision == series.revision else None
            study_uid = session.get_one(StudyRow, series.study_id).study_uid
            address = Address(study_uid=study_uid, series_uid=series.series_uid)
            located = [] if key else locate_instances(session, self._project_id, address)
        if key:
            return metadata.unpack(self._objects.read(key))
        own = [each for each in located if each.instance.series_id == series_id]
        return metadata.join(
            metadata.instance_documents(self._objects, own[:1] if only_first else own, budget=self._budget)
        )


def of_whole_series(documents: list[Json]) -> Json:
    """Give the attributes that have one value throughout a series: those that belong to it."""
    first, *others = documents or [{}]
    return {tag: element for tag, element in first.items() if all(each.get(tag) == element for each in others)}


def _uid(document: Json) -> str:
    return str(document["00080018"].get("Value", [""])[0])
