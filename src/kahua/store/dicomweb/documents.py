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

Json = Mapping[str, Any]


class Documents:
    """Reads what the worker keeps of series, within the budget of one query."""

    def __init__(self, database: Database, objects: ObjectStore, project_id: str, budget: Budget) -> None:
        self._database = database
        self._objects = objects
        self._project_id = project_id
        self._budget = budget
        self._known: dict[str, list[Json]] = {}
        self._until = time.monotonic() + MAX_SECONDS

    def of_row(self, level: Level, row: Any) -> Iterator[Json]:
        """Give the objects by which a row is judged: one of each series, or the instance itself.

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
                    yield from self.of_series(series_id)[:1]
            case Level.SERIES:
                yield from self.of_series(row.id)[:1]
            case Level.INSTANCE:
                wanted = row.sop_instance_uid
                yield from (each for each in self.of_series(row.id) if each["00080018"].get("Value") == [wanted])

    def of_series(self, series_id: str) -> list[Json]:
        """Give all instances of a series."""
        if series_id not in self._known:
            if len(self._known) >= MAX_SERIES or time.monotonic() > self._until:
                raise TooMuch(
                    f"The query would have to look into the objects of more than {MAX_SERIES} series, or for too long.",
                    remedy="Name the patient, the study, or other attributes of the index as well.",
                )
            self._known[series_id] = orjson.loads(self._array(series_id))
        return self._known[series_id]

    def _array(self, series_id: str) -> bytes:
        with self._database.read() as session:
            series = session.get_one(SeriesRow, series_id)
            if series.metadata_key is not None and series.derived_revision == series.revision:
                return metadata.unpack(self._objects.read(series.metadata_key))
            study_uid = session.get_one(StudyRow, series.study_id).study_uid
            address = Address(study_uid=study_uid, series_uid=series.series_uid)
            located = locate_instances(session, self._project_id, address)
        own = [each for each in located if each.instance.series_id == series_id]
        return metadata.join(metadata.instance_documents(self._objects, own, budget=self._budget))


def of_whole_series(documents: list[Json]) -> Json:
    """Give the attributes that have one value throughout a series: those that belong to it."""
    first, *others = documents or [{}]
    return {tag: element for tag, element in first.items() if all(each.get(tag) == element for each in others)}
