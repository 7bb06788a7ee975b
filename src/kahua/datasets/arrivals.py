"""Series that arrive for a dataset are added to it."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kahua.database import Database
from kahua.datasets.lists import change_series, create_dataset
from kahua.datasets.tables import DatasetRow
from kahua.errors import InvalidInput
from kahua.events import SeriesReceived, Subscription
from kahua.logs import get_logger
from kahua.store import SeriesRow

#: Who acts when a sender names a dataset.
ACTOR = "receiver"

log = get_logger()


def subscriptions(database: Database) -> Sequence[Subscription]:
    """Give what this component wants to hear."""
    return [Subscription(consumer="datasets.arrivals", event=SeriesReceived, handle=Arrivals(database).add)]


class Arrivals:
    """Adds what is received to the dataset that its sender named, which is made if it is missing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, event: SeriesReceived) -> None:
        """Add a series; one that is in the dataset already, or was removed meanwhile, changes nothing."""
        if event.dataset is None:
            return
        with self._database.write() as session:
            if _is_here(session, event):
                self._add(session, event, event.dataset)

    def _add(self, session: Session, event: SeriesReceived, name: str) -> None:
        known = _dataset_named(session, event.project_id, name)
        if known is not None:
            change_series(session, project_id=event.project_id, actor=ACTOR, name=known, add=[event.series_id])
            return
        try:
            create_dataset(
                session,
                project_id=event.project_id,
                actor=ACTOR,
                name=name,
                series=[event.series_id],
                reason="a sender named it",
            )
        except InvalidInput as error:  # trying again would not help: the series is safe, only its list is not made
            log.warning("dataset not made", dataset=name, reason=error.message)


def _is_here(session: Session, event: SeriesReceived) -> bool:
    query = select(SeriesRow.id).where(SeriesRow.id == event.series_id, SeriesRow.project_id == event.project_id)
    return session.scalar(query) is not None


def _dataset_named(session: Session, project_id: str, name: str) -> str | None:
    """Find a dataset whatever the case: AE titles are often upper case alone."""
    return session.scalar(
        select(DatasetRow.name).where(
            DatasetRow.project_id == project_id, func.lower(DatasetRow.name) == func.lower(name)
        )
    )
