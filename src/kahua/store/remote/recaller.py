"""Brings the objects of series back that are at their source, when somebody reads them."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Final

from sqlalchemy import select

from kahua.database import Database, now
from kahua.errors import DicomRefused, KahuaError, PeerUnavailable, SopInstanceConflict, StateConflict
from kahua.logs import get_logger
from kahua.store.ingest.archive import Archive
from kahua.store.ingest.origin import Origin
from kahua.store.peers import Peer, peer_of_id
from kahua.store.remote import sourced
from kahua.store.remote.intake import Intake
from kahua.store.remote.source import ImageSource
from kahua.store.remote.tables import SeriesSourceRow
from kahua.store.tables import InstanceRow

log = get_logger()

#: For so long a source that did not give a series is not asked for it again: a viewer asks for each frame.
REST_SECONDS: Final = 15.0


class Recaller:
    """Fetches series again; safe for many threads. Two processes may fetch one at once: they store the same."""

    def __init__(self, *, database: Database, archive: Archive, source_of: Callable[[Peer], ImageSource]) -> None:
        self._database, self._archive, self._source_of = database, archive, source_of
        self._lock = threading.Lock()
        self._turns: dict[str, threading.Lock] = defaultdict(threading.Lock)
        #: When fetching a series failed last, and why.
        self._failures: dict[str, tuple[float, KahuaError]] = {}

    def recall(self, key: str) -> bool:
        """Bring back the series to which an object belongs; say whether one is at a source.

        Raises
        ------
        PeerUnavailable
            The source does not give it at the moment.
        StateConflict
            The source has other images under these UIDs now.
        """
        source = self._source(key)
        if source is None:
            return False
        with self._turn(source.series_id):
            if not self._archive.objects.exists(key):
                self._fetch(source)
        return True

    def _source(self, key: str) -> SeriesSourceRow | None:
        with self._database.read() as session:
            owners = select(InstanceRow.series_id).where(InstanceRow.object_key == key)
            query = select(SeriesSourceRow).where(SeriesSourceRow.series_id.in_(owners))
            return session.scalars(query.order_by(SeriesSourceRow.series_id)).first()

    @contextmanager
    def _turn(self, series_id: str) -> Iterator[None]:
        """Let one thread after the other deal with a series."""
        with self._lock:
            turn = self._turns[series_id]
        with turn:
            yield

    def _fetch(self, source: SeriesSourceRow) -> None:
        failed_at, failure = self._failures.get(source.series_id, (0.0, None))
        if failure is not None and time.monotonic() - failed_at < REST_SECONDS:
            raise failure
        with self._database.write() as session:
            sourced.expect(session, SeriesSourceRow.series_id == source.series_id)
        try:
            self._take(source)
        except KahuaError as error:
            self._fail(source, error)
            raise
        self._failures.pop(source.series_id, None)
        with self._database.write() as session:
            row = session.get(SeriesSourceRow, source.series_id)
            if row is not None:
                row.fetched_at = now()
        log.info("series recalled", series=source.series_id, peer=source.peer_name)

    def _fail(self, source: SeriesSourceRow, error: KahuaError) -> None:
        """Let go of what came, as of all of the series."""
        self._failures[source.series_id] = (time.monotonic(), error)
        with self._database.write() as session:
            row = session.get(SeriesSourceRow, source.series_id)
            if row is not None:
                sourced.let_go(session, row)

    def _take(self, source: SeriesSourceRow) -> None:
        intake = Intake(
            archive=self._archive,
            project_id=source.project_id,
            study_uid=source.study_uid,
            series_uid=source.series_uid,
            origin=Origin(door="pull", sender=source.peer_name),
            go_on=lambda: None,
        )
        try:
            with closing(self._source_of(self._peer(source))) as images:
                intake.take_all(images)
        except (KahuaError, DicomRefused) as error:
            raise PeerUnavailable(
                f"The images of this series are at {source.peer_name}, which does not give them: {error.message}",
                remedy=error.remedy or "Try again when the peer answers: `kahua peer echo` asks it.",
            ) from error
        self._require_all(source, intake)

    def _peer(self, source: SeriesSourceRow) -> Peer:
        with self._database.read() as session:
            peer = peer_of_id(session, source.project_id, source.peer_id)
        if peer is None:
            raise PeerUnavailable("It is no peer of the project any more.", remedy="Add it again, and pull the series.")
        return peer

    def _require_all(self, source: SeriesSourceRow, intake: Intake) -> None:
        """See whether everything that was here is here again."""
        with self._database.read() as session:
            keys = session.scalars(
                select(InstanceRow.object_key).where(InstanceRow.series_id == source.series_id)
            ).all()
        missing = sum(1 for key in keys if not self._archive.objects.exists(key))
        if not missing:
            return
        if intake.refusals[SopInstanceConflict().message]:
            raise StateConflict(
                f"{source.peer_name} has other images under the UIDs of this series than when it was fetched first.",
                remedy="What it has now is in quarantine. Delete the series here and pull it again to have that.",
            )
        raise PeerUnavailable(
            f"{missing} of the {len(keys)} images of this series are not at {source.peer_name} any more.",
            remedy="Ask who keeps the peer; what was derived from the series is still here.",
        )
