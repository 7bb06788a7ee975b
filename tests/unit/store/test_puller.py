"""Pulls, from sources that behave and from those that do not."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydicom import Dataset
from sqlalchemy import update

from kahua.database import now
from kahua.errors import KahuaError, PeerUnavailable, StateConflict
from kahua.store import Archive, Peer, PeerFacts, add_peer, remove_peer
from kahua.store.remote import attempts
from kahua.store.remote.orders import Progress
from kahua.store.remote.puller import Puller
from kahua.store.remote.pulls import PULLS, PullTerms, start_pull
from kahua.store.remote.source import MAX_STUDIES, RemoteSeries, RemoteStudy, StudyQuery
from kahua.store.remote.tables import PullItemRow, PullRow
from kahua.store.remote.wishes import Wish
from kahua.testing.factory import ct_series, part10

CT = ct_series(slices=3)
STUDY, SERIES = str(CT[0].StudyInstanceUID), str(CT[0].SeriesInstanceUID)
PACS = PeerFacts(ae_title="PACS", host="127.0.0.1", port=104)


@dataclass
class Source:
    """A source that gives what a test says."""

    gives: Sequence[Dataset | bytes] = ()
    says: int | None = None
    error: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def verify(self) -> None:
        raise NotImplementedError

    def find_studies(self, query: StudyQuery, *, limit: int = MAX_STUDIES) -> Sequence[RemoteStudy]:
        assert limit
        self.asked.append(f"studies {query.accession_number}")
        return [RemoteStudy(study_uid=STUDY)] if query.accession_number in ("", "A1") else []

    def find_series(self, study_uid: str) -> Sequence[RemoteSeries]:
        return [RemoteSeries(study_uid=study_uid, series_uid=SERIES, instances=self.says)]

    def retrieve(self, study_uid: str, series_uid: str, folder: Path) -> Iterator[Path]:
        self.asked.append(f"series {series_uid}")
        assert study_uid == STUDY
        for number, instance in enumerate(self.gives):
            path = folder / f"came-{number}"
            path.write_bytes(instance if isinstance(instance, bytes) else part10(instance))
            yield path
        if self.error:
            raise self.error

    def close(self) -> None:
        pass


@dataclass
class Desk:
    """A puller, and what it did."""

    archive: Archive
    source: Source
    peer: Peer
    ended: list[str] = field(default_factory=list)

    @property
    def puller(self) -> Puller:
        return Puller(
            database=self.archive.database,
            archive=self.archive,
            source_of=lambda _peer: self.source,
            ended=lambda _session, pull: self.ended.append(pull.id),
        )

    def start(self, wish: Wish, **terms: object) -> str:
        with self.archive.database.write() as session:
            return start_pull(
                session,
                peer=self.peer,
                actor="ada",
                wishes=[wish],
                terms=PullTerms(**terms),  # type: ignore[arg-type]
            ).id

    def work(self) -> None:
        while self.puller.step():
            pass

    def progress(self, pull: str) -> Progress[PullRow]:
        with self.archive.database.read() as session:
            return PULLS.progress(session, PULLS.find(session, "main", pull))

    def items(self, pull: str) -> Sequence[PullItemRow]:
        with self.archive.database.read() as session:
            return PULLS.items(session, PULLS.find(session, "main", pull), limit=100)

    def forward(self) -> None:
        """Let the time come at which things are tried again."""
        with self.archive.database.write() as session:
            session.execute(update(PullItemRow).values(not_before=now()))
            session.execute(update(PullRow).values(not_before=now()))


@pytest.fixture
def desk(archive: Archive) -> Desk:
    with archive.database.write() as session:
        peer = add_peer(session, project_id="main", name="pacs", facts=PACS)
    return Desk(archive, Source(CT, says=3), peer)


def test_a_wish_is_looked_up_and_its_series_are_fetched(desk: Desk, count: Callable[[str], int]) -> None:
    pull = desk.start(Wish(accession_number="A1"))
    desk.work()
    progress = desk.progress(pull)
    assert (progress.order.state, progress.items, progress.instances["received"]) == ("done", {"done": 2}, 3)
    assert desk.ended == [pull]
    assert count("instances") == 3


def test_what_is_here_already_is_not_fetched_again(desk: Desk) -> None:
    for _ in range(2):
        pull = desk.start(Wish(study_uid=STUDY))
        desk.work()
    assert [asked for asked in desk.source.asked if asked.startswith("series")] == [f"series {SERIES}"]
    assert desk.items(pull)[1].note == "It was here already."


def test_a_pull_goes_on_where_it_was_stopped(desk: Desk, count: Callable[[str], int]) -> None:
    desk.source.gives, desk.source.error = CT[:2], KeyboardInterrupt()
    pull = desk.start(Wish(study_uid=STUDY, series_uid=SERIES))
    with pytest.raises(KeyboardInterrupt):
        desk.work()
    assert desk.progress(pull).items == {"waiting": 1}
    desk.source.gives, desk.source.error = CT, None
    desk.work()
    assert desk.progress(pull).items == {"done": 1}
    assert count("instances") == 3


def test_a_peer_that_does_not_answer_is_asked_again_later(desk: Desk) -> None:
    desk.source.error = PeerUnavailable("It sleeps.")
    pull = desk.start(Wish(study_uid=STUDY, series_uid=SERIES))
    desk.work()
    (item,) = desk.items(pull)
    assert (item.state, item.attempts, item.note) == ("waiting", 1, "It sleeps.")
    assert item.not_before > now()
    desk.source.error = None
    desk.forward()
    desk.work()
    assert desk.items(pull)[0].state == "done"


def test_an_attempt_is_not_made_for_ever(desk: Desk) -> None:
    desk.source.error = PeerUnavailable("It sleeps.")
    pull = desk.start(Wish(study_uid=STUDY, series_uid=SERIES))
    for _ in range(attempts.MAX_ATTEMPTS):
        desk.work()
        desk.forward()
    (item,) = desk.items(pull)
    assert (item.state, item.attempts) == ("failed", attempts.MAX_ATTEMPTS)
    desk.work()
    assert desk.progress(pull).order.state == "done"


def test_what_failed_is_tried_again_when_somebody_says_so(desk: Desk) -> None:
    desk.source.error = PeerUnavailable("It sleeps.")
    pull = desk.start(Wish(study_uid=STUDY, series_uid=SERIES))
    for _ in range(attempts.MAX_ATTEMPTS):
        desk.work()
        desk.forward()
    desk.work()
    assert desk.progress(pull).items == {"failed": 1}
    desk.source.error, desk.source.gives = None, CT
    with desk.archive.database.write() as session:
        assert PULLS.retry(session, "main", pull).state == "active"
    desk.work()
    progress = desk.progress(pull)
    assert (progress.order.state, progress.items, progress.instances["received"]) == ("done", {"done": 1}, 3)
    with (
        desk.archive.database.write() as session,
        pytest.raises(StateConflict, match="Everything of this pull is done"),
    ):
        PULLS.retry(session, "main", pull)


def test_what_was_cancelled_can_go_on(desk: Desk) -> None:
    desk.source.gives = CT
    pull = desk.start(Wish(study_uid=STUDY, series_uid=SERIES))
    with desk.archive.database.write() as session:
        PULLS.cancel(session, "main", pull)
        PULLS.retry(session, "main", pull)
    desk.work()
    assert desk.progress(pull).items == {"done": 1}


def test_fewer_instances_than_the_peer_said_are_not_enough(desk: Desk) -> None:
    desk.source.gives = CT[:1]
    pull = desk.start(Wish(study_uid=STUDY))
    desk.work()
    item = desk.items(pull)[1]
    assert (item.state, item.received, item.note) == ("waiting", 1, "1 of 3 instances came.")


def test_instances_of_another_series_are_refused_and_end_it(desk: Desk, count: Callable[[str], int]) -> None:
    desk.source.gives = [*ct_series(slices=1, seed="foreign", patient_id="SOMEBODY"), *CT]
    pull = desk.start(Wish(study_uid=STUDY, series_uid=SERIES))
    desk.work()
    (item,) = desk.items(pull)
    assert item.state == "failed"
    assert "another series" in item.note
    assert count("instances") == count("quarantine") == 0


def test_bytes_that_are_no_dicom_are_set_aside_and_counted(desk: Desk, count: Callable[[str], int]) -> None:
    desk.source.gives, desk.source.says = [b"\0" * 5000, *CT], 4
    pull = desk.start(Wish(study_uid=STUDY))
    desk.work()
    item = desk.items(pull)[1]
    assert (item.state, item.received, item.refused) == ("done", 3, 1)
    assert "1 refused" in item.note
    assert count("quarantine") == 1


def test_nothing_begins_outside_its_window(desk: Desk) -> None:
    clock = now().astimezone() + timedelta(hours=2)
    window = f"{clock:%H:%M}-{clock + timedelta(hours=1):%H:%M}"
    pull = desk.start(Wish(study_uid=STUDY), windows=(window,))
    desk.work()
    assert desk.source.asked == []
    assert desk.progress(pull).items == {"waiting": 1}


def test_nothing_begins_by_a_clock_that_leapt_into_a_window(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = now().astimezone() + timedelta(hours=2)
    desk.start(Wish(study_uid=STUDY), windows=(f"{clock:%H:%M}-{clock + timedelta(hours=1):%H:%M}",))
    puller = desk.puller
    monkeypatch.setattr("kahua.store.remote.times.now", lambda: now() + timedelta(hours=2, seconds=30))
    assert not puller.step()
    assert desk.puller.step(), "one that began after the leap knows no other time"


def test_a_rate_lets_the_peer_rest(desk: Desk) -> None:
    pull = desk.start(Wish(study_uid=STUDY, series_uid=SERIES), rate=6)
    other = desk.start(Wish(study_uid=STUDY, series_uid=SERIES))
    desk.work()
    row = desk.progress(pull).order
    assert row.state == "active", "three instances at six a minute take half a minute"
    assert timedelta(seconds=20) < row.not_before - now() <= timedelta(seconds=30)
    assert desk.progress(other).order.state == "done"


def test_a_cancelled_pull_fetches_no_more(desk: Desk) -> None:
    pull = desk.start(Wish(study_uid=STUDY))
    with desk.archive.database.write() as session:
        PULLS.cancel(session, "main", pull)
    desk.work()
    assert desk.source.asked == []
    assert desk.progress(pull).items == {"cancelled": 1}
    with desk.archive.database.write() as session, pytest.raises(StateConflict):
        PULLS.cancel(session, "main", pull)


def test_a_pull_of_a_removed_peer_fails(desk: Desk) -> None:
    pull = desk.start(Wish(study_uid=STUDY))
    with desk.archive.database.write() as session:
        remove_peer(session, project_id="main", name="pacs")
    desk.work()
    (item,) = desk.items(pull)
    assert (item.state, item.note) == ("failed", "The peer was removed.")


def test_a_pull_of_another_project_is_not_there(desk: Desk) -> None:
    pull = desk.start(Wish(study_uid=STUDY))
    with desk.archive.database.read() as session, pytest.raises(KahuaError):
        PULLS.find(session, "other", pull)


def test_an_unforeseen_error_is_tried_again_and_told(desk: Desk) -> None:
    desk.source.error = ValueError("a bug")
    pull = desk.start(Wish(study_uid=STUDY, series_uid=SERIES))
    desk.work()
    (item,) = desk.items(pull)
    assert item.state == "waiting"
    assert "log of the worker" in item.note


def test_a_peer_of_another_project_is_no_source(desk: Desk) -> None:
    """A row that was moved to another project finds no peer there."""
    moved = replace(desk.peer, project_id="other")
    with desk.archive.database.write() as session:
        start_pull(session, peer=moved, actor="ada", wishes=[Wish(study_uid=STUDY)], terms=PullTerms())
    desk.work()
    assert desk.source.asked == []
