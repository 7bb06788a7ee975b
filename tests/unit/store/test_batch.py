"""What comes together is written by several threads, filed in groups, and bounded in memory."""

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from kahua.errors import KahuaError, Unavailable, UnreadableDicom
from kahua.store import Accepted, Archive, MemoryData, Origin
from kahua.store.ingest.batch import IN_FLIGHT, Batch, Workers
from kahua.store.ingest.filing import Entry
from kahua.store.ingest.group_commit import MAX_GROUP
from kahua.store.ingest.staging import StagedData
from kahua.testing.factory import ct_series, part10

ORIGIN = Origin(door="stow", sender="gateway")

#: How long something that must happen may take.
SECONDS = 20


class Watched:
    """An archive that is watched: it waits before it writes, and makes no rows when it shall not."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.may_write = threading.Event()
        self.fails = False
        self.forgotten: list[str] = []

    def keep(self, project_id: str, data: StagedData, origin: Origin) -> Entry:
        assert self.may_write.wait(SECONDS)
        return self._archive.keep(project_id, data, origin)

    def file(self, entries: Sequence[Entry]) -> list[Accepted | Exception]:
        if self.fails:
            raise Unavailable("The database is away.")
        return list(self._archive.file(entries))

    def forget(self, entries: Sequence[Entry]) -> None:
        self.forgotten += [entry.header.sop_instance_uid for entry in entries]
        self._archive.forget(entries)


@pytest.fixture
def watched(archive: Archive) -> Watched:
    return Watched(archive)


@pytest.fixture
def batch(watched: Watched) -> Iterator[Batch]:
    workers = Workers()
    yield Batch(watched, "main", workers)
    watched.may_write.set()
    workers.close()


def parts(count: int) -> list[bytes]:
    return [part10(instance) for instance in ct_series(slices=count, rows=2, columns=2)]


def add(batch: Batch, contents: Sequence[bytes]) -> None:
    for content in contents:
        batch.add(MemoryData(memoryview(content)), ORIGIN)


def test_each_has_its_result_in_order_over_all_groups(
    batch: Batch, watched: Watched, count: Callable[[str], int]
) -> None:
    watched.may_write.set()
    contents = parts(2 * MAX_GROUP + 3)
    contents[1] = contents[MAX_GROUP + 1] = b"no DICOM"
    add(batch, contents)
    results = batch.finish()
    refused = [place for place, result in enumerate(results) if isinstance(result, KahuaError)]
    assert refused == [1, MAX_GROUP + 1]
    assert all(isinstance(results[place], UnreadableDicom) for place in refused)
    stored = [result.sop_instance_uid for result in results if isinstance(result, Accepted)]
    assert stored == [
        str(instance.SOPInstanceUID)
        for place, instance in enumerate(ct_series(slices=len(contents)))
        if place not in refused
    ]
    assert count("instances") == len(contents) - 2
    batch.abandon()
    assert watched.forgotten == []


def test_rows_are_made_while_more_is_added(batch: Batch, watched: Watched, count: Callable[[str], int]) -> None:
    watched.may_write.set()
    add(batch, parts(MAX_GROUP))
    assert wait_until(lambda: count("instances") == MAX_GROUP)
    assert len(batch.finish()) == MAX_GROUP


def test_who_adds_more_than_is_written_waits(batch: Batch, watched: Watched) -> None:
    added: list[int] = []

    def add_all() -> None:
        for number, content in enumerate(parts(IN_FLIGHT + 2)):
            add(batch, [content])
            added.append(number)

    sender = threading.Thread(target=add_all)
    sender.start()
    assert wait_until(lambda: len(added) == IN_FLIGHT)
    sender.join(0.2)
    assert len(added) == IN_FLIGHT
    watched.may_write.set()
    sender.join(SECONDS)
    assert len(batch.finish()) == IN_FLIGHT + 2


@pytest.mark.parametrize("size", [3, MAX_GROUP + 3])
def test_what_gets_no_rows_is_let_go(
    batch: Batch, watched: Watched, archive: Archive, count: Callable[[str], int], size: int
) -> None:
    watched.may_write.set()
    watched.fails = True
    add(batch, parts(size))
    with pytest.raises(Unavailable):
        batch.finish()
    batch.abandon()
    assert len(watched.forgotten) == size
    assert count("instances") == 0
    archive.collect()
    assert list(archive.objects.keys()) == []


def wait_until(holds: Callable[[], bool]) -> bool:
    """Wait until something holds, for as long as it may take."""
    pause = threading.Event()
    return any(holds() or pause.wait(0.01) for _ in range(SECONDS * 100))
