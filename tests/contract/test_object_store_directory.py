"""The folder as object store."""

import os
from pathlib import Path

import pytest

from kahua.errors import OutOfSpace, Unavailable
from kahua.store.objects import DirectoryStore
from kahua.testing.contracts.object_store import ObjectStoreContract


class TestDirectoryStore(ObjectStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> DirectoryStore:
        return DirectoryStore(tmp_path / "objects")

    @pytest.fixture
    def another_store(self, tmp_path: Path) -> DirectoryStore:
        return DirectoryStore(tmp_path / "objects")


class TestDirectoryStoreWithoutSync(ObjectStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> DirectoryStore:
        return DirectoryStore(tmp_path / "objects", durability="none")


def test_objects_lie_in_the_folder_and_cannot_be_written(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "objects")
    store.put("../../outside", [b"1"])
    place = store.path("../../outside")
    assert place is not None
    assert (tmp_path / "objects") in place.parents
    assert place.stat().st_mode & 0o222 == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["objects"]


def test_a_full_disk_is_said_and_nothing_is_kept(tmp_path: Path) -> None:
    """A file size limit of this process's child stands for the full disk: both end in the same kind of error."""
    store = DirectoryStore(tmp_path / "objects")
    child = os.fork()
    if child == 0:
        os._exit(_put_with_file_size_limit(store))
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert list(store.keys()) == []
    assert list((tmp_path / "objects" / "incoming").iterdir()) == []


def _put_with_file_size_limit(store: DirectoryStore) -> int:
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        store.put("a", [bytes(50_000)] * 10)
    except OutOfSpace:
        return 0
    return 1


def test_a_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "objects").write_bytes(b"")
    with pytest.raises(Unavailable, match="object store"):
        DirectoryStore(tmp_path / "objects")


def test_only_old_leftovers_of_dead_writers_are_cleaned(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "objects")
    old, young = (tmp_path / "objects" / "incoming" / name for name in ("old", "young"))
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    assert store.clean(older_than_seconds=3600) == 1
    assert not old.exists()
    assert young.exists()
