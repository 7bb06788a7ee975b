"""Objects move while many processes work: nothing is lost, nothing comes back, whoever is slow or killed."""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from kahua.database import Database
from kahua.errors import MisconfiguredSite, NotFound, StateConflict, Unavailable
from kahua.store import Archive, DirectoryStore, ObjectStore, check_place, content_key, discard, placement_of
from kahua.store.deletion.removal import collect
from kahua.store.moving import Mover, PlacedStore, settle
from kahua.store.moving import copying as copying_module
from kahua.store.moving import mover as mover_module
from kahua.store.moving import placed as placed_module
from kahua.store.objects import FOLDERS
from kahua.store.verification import damaged

_MANY = [(content_key("file", [data]), data) for data in (b"%d" % number * 99 for number in range(4000))]
_BY_FOLDER = {key[:2]: (key, data) for key, data in _MANY}

#: Contents by their keys: one for every fourth folder.
CONTENTS = dict(_BY_FOLDER[folder] for folder in FOLDERS[::4])
KEYS = list(CONTENTS)


class Killed(BaseException):
    """What a mover dies of."""


class Places:
    """Places in folders, and processes that keep objects at them."""

    def __init__(self, folder: Path, database: Database, stack: ExitStack) -> None:
        self.folder = folder
        self.database = database
        self._stack = stack
        self.unreachable: set[str] = set()

    def open(self, place: str) -> ObjectStore:
        if place in self.unreachable:
            raise MisconfiguredSite(f"There is no key for {place}.")
        return DirectoryStore(self.folder / place, durability="none")

    def process(self, *, reachable: bool = True) -> PlacedStore:
        """Begin what a process of the site does."""
        database = Database(self.database.url)
        self._stack.callback(database.close)

        def open_store(place: str) -> ObjectStore:
            if not reachable and place != "here":
                raise MisconfiguredSite(f"There is no key for {place}.")
            return self.open(place)

        store = PlacedStore(database=database, default="here", open_store=open_store)
        self._stack.callback(store.close)
        store.watch()
        return store

    def mover(self, kill_at: str = "") -> Mover:
        """Make a mover, which dies when it comes to something."""

        last, _, limit = kill_at.rpartition(" ")

        def tell(text: str, folders: int) -> None:
            if text == last and folders >= int(limit):
                raise Killed

        return Mover(database=self.database, default="here", open_store=self.open, tell=tell)

    def keys(self, place: str) -> set[str]:
        return set(self.open(place).keys())

    def phase(self) -> str:
        with self.database.read() as session:
            return placement_of(session, "here").phase

    def erase(self, *keys: str) -> None:
        """Delete objects for ever, as the site does."""
        with self.database.write() as session:
            discard(session, keys)
        database = Database(self.database.url)
        store = PlacedStore(database=database, default="here", open_store=self.open)
        collect(database, store)
        store.close()
        database.close()


@pytest.fixture
def places(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    monkeypatch.setattr(placed_module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(mover_module, "LOOK_SECONDS", 0.005)
    monkeypatch.setattr(copying_module, "TURN_SECONDS", 0.0)
    monkeypatch.setattr(copying_module, "PAUSE_SECONDS", 0.0005)
    with ExitStack() as stack:
        yield Places(tmp_path / "places", archive.database, stack)


def content_of(key: str) -> bytes:
    return CONTENTS.get(key, key.encode() * 50)


def fill(store: ObjectStore, keys: list[str] = KEYS) -> None:
    for key in keys:
        store.put(key, [content_of(key)])


def in_thread(action: Callable[[], object]) -> "Future[object]":
    pool = ThreadPoolExecutor(1)
    future = pool.submit(action)
    pool.shutdown(wait=False)
    return future


def await_phase(places: Places, *phases: str) -> None:
    while places.phase() not in phases:
        threading.Event().wait(0.005)


def test_all_objects_move_there_and_back(places: Places) -> None:
    process = places.process()
    fill(process)
    moved = places.mover().move("there")
    assert (moved.objects, moved.size) == (len(KEYS), sum(len(content_of(key)) for key in KEYS))
    assert (places.keys("here"), places.keys("there")) == (set(), set(KEYS))
    process.put("new", [b"1"])
    assert places.keys("there") == {*KEYS, "new"}
    places.mover().move("here")
    assert (places.keys("here"), places.keys("there")) == ({*KEYS, "new"}, set())
    assert all(process.read(key) == content_of(key) for key in KEYS)
    assert [path for path in (places.folder / "there").rglob("*") if path.is_file()] == []


def test_a_put_that_began_before_the_move_is_not_lost(places: Places) -> None:
    process = places.process()
    fill(process)
    go_on = threading.Event()

    def slow() -> Iterator[bytes]:
        yield b"begun before"
        go_on.wait()

    put = in_thread(lambda: process.put("slow", slow()))
    moving = in_thread(lambda: places.mover().move("there"))
    await_phase(places, "opening")
    with pytest.raises(TimeoutError):
        moving.result(0.3)
    assert places.phase() == "opening"
    go_on.set()
    put.result()
    moving.result()
    assert (places.keys("here"), places.keys("there")) == (set(), {*KEYS, "slow"})


def test_old_copies_stay_while_a_file_of_them_is_open(places: Places) -> None:
    process = places.process()
    fill(process)
    with process.local_file(KEYS[0]) as path:
        moving = in_thread(lambda: places.mover().move("there"))
        with pytest.raises(TimeoutError):
            moving.result(0.3)
        assert path.read_bytes() == content_of(KEYS[0])
    moving.result()
    assert places.keys("here") == set()


def test_a_stream_goes_on_at_the_new_place(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    process = places.process()
    process.put("a", [b"0123456789"])

    def broken(*_: object, **__: object) -> Iterator[bytes]:
        yield b"01"
        places.mover().move("there")
        raise NotFound

    with monkeypatch.context() as patch:
        patch.setattr(DirectoryStore, "stream", broken)
        pieces = process.stream("a", length=7)
    assert b"".join(pieces) == b"0123456"


def test_a_process_that_begins_meanwhile_takes_part(places: Places) -> None:
    fill(places.process())
    begun: list[PlacedStore] = []

    def tell(text: str, folders: int) -> None:
        if folders >= 64 * (len(begun) % 2 + 1) and len(begun) < (2 if text.startswith("C") else 4):
            newcomer = places.process()
            newcomer.put(f"{text} {folders}", [b"new"])
            begun.append(newcomer)
        for store in begun:
            assert all(store.read(key) == content_of(key) for key in KEYS[::8])

    Mover(database=places.database, default="here", open_store=places.open, tell=tell).move("there")
    assert len(begun) == 4
    assert places.keys("here") == set()
    assert len(places.keys("there")) == len(KEYS) + 4


def test_what_is_erased_while_it_is_copied_is_gone_from_both_places(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(places.process())
    erasing: list[Future[object]] = []
    read = DirectoryStore.stream

    def stream(store: DirectoryStore, key: str, **options: int) -> Iterator[bytes]:
        pieces = list(read(store, key, **options))
        if key == KEYS[3] and not erasing:  # it has been read, and is not yet written
            erasing.append(in_thread(lambda: places.erase(KEYS[3])))
            threading.Event().wait(0.2)
        return iter(pieces)

    monkeypatch.setattr(DirectoryStore, "stream", stream)
    places.mover().move("there")
    erasing[0].result()
    assert (places.keys("here"), places.keys("there")) == (set(), set(KEYS) - {KEYS[3]})


@pytest.mark.parametrize("moment", ["Copying objects 0", "Copying objects 100", "Removing old copies 100"])
def test_what_is_erased_at_any_time_of_a_move_is_gone(places: Places, moment: str) -> None:
    fill(places.process())
    with pytest.raises(Killed):
        places.mover(moment).move("there")
    places.erase(KEYS[0], KEYS[-1])
    assert not {KEYS[0], KEYS[-1]} & (places.keys("here") | places.keys("there"))
    places.mover().move("there")
    assert (places.keys("here"), places.keys("there")) == (set(), set(KEYS[1:-1]))


MOMENTS = [
    "Copying objects 0",
    "Copying objects 1",
    "Copying objects 252",
    "Removing old copies 0",
    "Removing old copies 252",
]


@pytest.mark.parametrize("moment", MOMENTS)
def test_after_a_kill_the_next_mover_goes_on(places: Places, moment: str) -> None:
    process = places.process()
    fill(process)
    with pytest.raises(Killed):
        places.mover(moment).move("there")
    process.put("between", [b"1"])
    newcomer = places.process()
    assert all(newcomer.read(key) == content_of(key) for key in KEYS)
    assert set(newcomer.keys()) == {*KEYS, "between"}
    assert newcomer.path("between") is None
    moved = places.mover().move("there")
    assert moved.objects in (len(KEYS), len(KEYS) + 1)  # the last folder is copied again
    assert (places.keys("here"), places.keys("there")) == (set(), {*KEYS, "between"})


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_move_can_be_turned_back_at_any_time(places: Places, moment: str) -> None:
    process = places.process()
    fill(process)
    with pytest.raises(Killed):
        places.mover(moment).move("there")
    process.put("between", [b"1"])
    with pytest.raises(Killed):
        places.mover("Copying objects 128").move("here")
    process.put("later", [b"1"])
    places.mover().move("here")
    assert (places.keys("here"), places.keys("there")) == ({*KEYS, "between", "later"}, set())


def test_other_bytes_of_a_key_are_refused_also_while_its_object_is_at_the_old_place(places: Places) -> None:
    process = places.process()
    fill(process)
    with pytest.raises(Killed):
        places.mover("Copying objects 0").move("there")
    with pytest.raises(StateConflict):
        process.put(KEYS[0], [b"other bytes"])
    assert process.read(KEYS[0]) == content_of(KEYS[0])


def test_a_copy_that_is_not_the_same_ends_the_move_and_nothing_is_removed(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(places.process())
    read = DirectoryStore.stream

    def stream(store: DirectoryStore, key: str, **options: int) -> Iterator[bytes]:
        pieces = read(store, key, **options)
        return iter([b"rotten"]) if store.root.name == "there" and key == KEYS[5] else pieces

    with monkeypatch.context() as patch:
        patch.setattr(DirectoryStore, "stream", stream)
        with pytest.raises(Unavailable, match="not the same"):
            places.mover().move("there")
    assert places.keys("here") == set(KEYS)
    places.mover().move("there")
    assert places.keys("there") == set(KEYS)


def test_a_copy_that_a_disk_damages_later_is_made_again_before_the_old_one_goes(places: Places) -> None:
    fill(places.process())
    with pytest.raises(Killed):
        places.mover("Removing old copies 0").move("there")
    (copy,) = (places.folder / "there").rglob(KEYS[7])
    copy.chmod(0o600)
    copy.write_bytes(bytes(len(content_of(KEYS[7]))))
    (lost,) = (places.folder / "there").rglob(KEYS[9])
    lost.unlink()
    moved = places.mover().move("there")
    assert moved.damaged == 0
    assert places.keys("here") == set()
    assert all(places.open("there").read(key) == content_of(key) for key in KEYS)


def test_what_was_damaged_before_is_copied_as_it_is_and_counted(places: Places) -> None:
    fill(places.process())
    (rotten,) = (places.folder / "here").rglob(KEYS[7])
    rotten.chmod(0o600)
    rotten.write_bytes(b"rotten")
    assert list(damaged(places.open("here"))) == [KEYS[7]]
    moved = places.mover().move("there")
    assert (moved.damaged, places.keys("here"), places.keys("there")) == (1, set(), set(KEYS))
    assert list(damaged(places.open("there"))) == [KEYS[7]]
    assert places.open("there").read(KEYS[7]) == b"rotten"


def test_copies_can_be_kept(places: Places) -> None:
    process = places.process()
    fill(process)
    places.mover().move("there", keep=True)
    assert places.keys("here") == places.keys("there") == set(KEYS)
    process.put("new", [b"1"])
    assert "new" not in places.keys("here")
    with pytest.raises(StateConflict, match="objects at here already"):
        places.mover().move("here")


def test_a_move_is_refused_where_it_cannot_be_meant(places: Places) -> None:
    fill(places.process())
    with pytest.raises(StateConflict, match="are at here already"):
        places.mover().move("here")
    places.open("foreign").put("a", [b"another site's"])
    with pytest.raises(StateConflict, match="objects at foreign already"):
        places.mover().move("foreign")
    with pytest.raises(Killed):
        places.mover("Copying objects 3").move("there")
    with pytest.raises(StateConflict, match="from here to there"):
        places.mover().move("elsewhere")


def test_only_one_moves(places: Places) -> None:
    fill(places.process())
    seen: list[str] = []

    def tell(_text: str, _folders: int) -> None:
        if not seen and not places.database.is_sqlite:
            other = Mover(database=Database(places.database.url), default="here", open_store=places.open)
        else:
            other = places.mover()
        if not seen:
            with pytest.raises(StateConflict, match="by another process"):
                other.move("there")
            other._database.close() if other._database is not places.database else None
            seen.append("refused")

    Mover(database=places.database, default="here", open_store=places.open, tell=tell).move("there")
    assert seen == ["refused"]


def test_a_part_of_the_site_that_cannot_use_the_new_place_hinders_the_move(places: Places) -> None:
    fill(places.process())
    unable = places.process(reachable=False)
    with pytest.raises(Unavailable, match=r"nothing was moved: There is no key for there\."):
        places.mover().move("there")
    assert places.phase() == "settled"
    assert places.keys("there") == set()
    assert unable.read(KEYS[0]) == content_of(KEYS[0])
    unable.put("new", [b"1"])
    unable.close()
    places.mover().move("there")
    assert places.keys("there") == {*KEYS, "new"}


def test_a_setting_that_contradicts_the_database_is_refused(places: Places) -> None:
    fill(places.process())

    def refused(place: str) -> bool:
        with places.database.read() as session:
            try:
                check_place(session, place)
            except MisconfiguredSite:
                return True
        return False

    assert not refused("anything")  # it was never started
    with places.database.write() as session:
        settle(session, "here")
    assert [refused(place) for place in ("here", "there", "elsewhere")] == [False, True, True]
    with pytest.raises(Killed):
        places.mover("Copying objects 9").move("there")
    assert [refused(place) for place in ("here", "there", "elsewhere")] == [False, False, True]
    places.mover().move("there")
    assert [refused(place) for place in ("here", "there", "elsewhere")] == [True, False, True]


def test_nothing_is_lost_and_nothing_comes_back_while_all_work_at_once(places: Places) -> None:
    fill(places.process())
    processes = [places.process() for _ in range(3)]
    stop = threading.Event()

    def work(number: int) -> tuple[set[str], set[str]]:
        """Put, read and erase, with a process of one's own; give what must be there, and what must not."""
        process, choose = processes[number], random.Random(number)  # noqa: S311 - no secret
        mine, gone = list(KEYS[number::3]), set()
        for turn in range(1, 40):
            if stop.is_set():
                break
            key = f"{number} {turn}"
            process.put(key, [content_of(key)])
            mine.append(key)
            some = choose.choice(mine)
            assert process.read(some) == content_of(some)
            assert b"".join(process.stream(some, start=7)) == content_of(some)[7:]
            with process.local_file(some) as path:
                assert path.read_bytes() == content_of(some)
            if turn % 3 == 0:
                mine.remove(some)
                gone.add(some)
                places.erase(some)
        return set(mine), gone

    with ThreadPoolExecutor(3) as pool:
        workers = [pool.submit(work, number) for number in range(3)]
        try:
            places.mover().move("there")
            with pytest.raises(Killed):
                places.mover("Removing old copies 77").move("here")
            places.mover().move("here")
            places.mover().move("there")
        finally:
            stop.set()
        there = {key for worker in workers for key in worker.result()[0]}
    assert (places.keys("here"), places.keys("there")) == (set(), there)
