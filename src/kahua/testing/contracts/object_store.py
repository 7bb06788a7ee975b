"""What every object store must do.

Inherit `ObjectStoreContract` and give a fixture `store`; where two processes can share the store, also
`another_store`, a second one over the same objects.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kahua.errors import InvalidInput, NotFound, StateConflict
from kahua.store.objects import FOLDERS, MAX_KEY_BYTES, ObjectStore
from kahua.waiting import WouldWait, at_once

ODD_KEYS = [
    "../a",
    "/etc/passwd",
    "a/b/c",
    ".",
    "..",
    "C:\\x",
    "with space",
    "line\nfeed",
    "nul\0byte",
    "ü€😀",
    "x" * MAX_KEY_BYTES,
    "0" * 64,
    "x" + "0" * 64,
    "A" * 64,
    "%2e%2e",
]


class ObjectStoreContract:
    """The contract of `ObjectStore`, sentence by sentence."""

    @pytest.fixture
    def another_store(self, store: ObjectStore) -> ObjectStore:
        """Give a second store over the same objects."""
        return store

    def test_what_was_put_can_be_read(self, store: ObjectStore) -> None:
        """Put in several kinds of chunks, read as one."""
        assert store.put("a", [b"one", bytearray(b"two"), memoryview(b"three")]) == 11
        assert store.read("a") == b"onetwothree"
        assert store.size("a") == 11
        assert store.exists("a")

    def test_an_empty_object_is_an_object(self, store: ObjectStore) -> None:
        """No bytes are bytes, too."""
        assert store.put("empty", []) == 0
        assert store.read("empty") == b""
        assert list(store.stream("empty")) == []

    def test_a_part_of_an_object_can_be_read(self, store: ObjectStore) -> None:
        """Ranges end where the object ends."""
        store.put("a", [b"0123456789"])
        assert store.read("a", start=3, length=4) == b"3456"
        assert store.read("a", start=8, length=100) == b"89"
        assert store.read("a", start=100) == b""
        assert list(store.stream("a", start=1, length=5, chunk_bytes=2)) == [b"12", b"34", b"5"]
        assert b"".join(store.stream("a")) == b"0123456789"

    def test_bytes_can_be_read_between_a_head_and_a_tail(self, store: ObjectStore) -> None:
        store.put("a", [b"0123456789"])
        assert store.read("a", start=3, length=4, between=(b"<", b">")) == b"<3456>"
        assert store.read("a", between=(b"<", b">")) == b"<0123456789>"

    def test_a_read_that_may_not_wait_gives_the_same_or_nothing(self, store: ObjectStore) -> None:
        """Bytes given earlier stay as they are."""
        for key, content in (("a", b"0123456789"), ("b", b"abcdefghij")):
            store.put(key, [content])
        try:
            with at_once():
                given = [store.read(key, start=3, length=4) for key in "ab"]
        except WouldWait:
            return
        assert given == [b"3456", b"defg"]

    def test_a_file_is_taken_over(self, store: ObjectStore, tmp_path: Path) -> None:
        """The file is an object afterwards, and no longer in its place."""
        path = tmp_path / "file"
        path.write_bytes(b"content")
        assert store.put_file("a", path) == 7
        assert store.read("a") == b"content"
        assert not path.exists()

    def test_the_same_bytes_under_a_key_are_accepted_again(self, store: ObjectStore, tmp_path: Path) -> None:
        """By either way of putting."""
        path = tmp_path / "file"
        path.write_bytes(b"1")
        store.put("a", [b"1"])
        assert store.put("a", [b"1"]) == 1
        assert store.put_file("a", path) == 1
        assert not path.exists()

    def test_other_bytes_under_a_key_are_refused(self, store: ObjectStore, tmp_path: Path) -> None:
        """The first bytes stay."""
        path = tmp_path / "file"
        path.write_bytes(b"3")
        store.put("a", [b"1"])
        with pytest.raises(StateConflict):
            store.put("a", [b"2"])
        with pytest.raises(StateConflict):
            store.put_file("a", path)
        assert store.read("a") == b"1"

    def test_an_unknown_key_is_not_found(self, store: ObjectStore) -> None:
        """Whatever is asked of it, and at the call."""
        assert not store.exists("unknown")
        for ask in (store.read, store.size, store.stored_at, store.path, store.stream):
            with pytest.raises(NotFound):
                ask("unknown")
        with pytest.raises(NotFound), store.local_file("unknown"):
            pass

    def test_a_deleted_object_is_not_found(self, store: ObjectStore) -> None:
        """And can be deleted twice, and put again with other bytes."""
        store.put("a", [b"1"])
        store.delete("a")
        store.delete("a")
        assert not store.exists("a")
        with pytest.raises(NotFound):
            store.read("a")
        store.put("a", [b"2"])
        assert store.read("a") == b"2"

    @pytest.mark.parametrize("key", ODD_KEYS)
    def test_a_key_is_opaque(self, store: ObjectStore, key: str) -> None:
        """Nothing in a key means anything."""
        store.put(key, [b"1"])
        assert store.read(key) == b"1"
        assert list(store.keys()) == [key]

    @pytest.mark.parametrize("key", ["", "x" * (MAX_KEY_BYTES + 1), "ü" * MAX_KEY_BYTES, "\ud800"])
    def test_a_key_has_1_to_100_bytes(self, store: ObjectStore, key: str) -> None:
        """Everything else is refused."""
        with pytest.raises(InvalidInput):
            store.put(key, [b"1"])

    def test_all_keys_are_listed(self, store: ObjectStore) -> None:
        """Each once."""
        for number in range(10):
            store.put(f"key {number}", [b"1"])
        store.delete("key 3")
        assert sorted(store.keys()) == [f"key {number}" for number in range(10) if number != 3]
        assert sorted(key for folder in FOLDERS for key in store.keys(folder)) == sorted(store.keys())

    def test_the_time_of_a_put_is_known(self, store: ObjectStore) -> None:
        """To the second, in UTC."""
        before = datetime.now(UTC) - timedelta(seconds=2)
        store.put("a", [b"1"])
        assert before <= store.stored_at("a") <= datetime.now(UTC) + timedelta(seconds=2)

    def test_a_put_that_breaks_off_keeps_nothing(self, store: ObjectStore) -> None:
        """The object is visible whole or not at all."""

        def broken() -> Iterator[bytes]:
            yield b"half"
            raise KeyError("the source broke off")

        with pytest.raises(KeyError):
            store.put("a", broken())
        assert not store.exists("a")
        assert list(store.keys()) == []

    def test_there_is_a_local_file(self, store: ObjectStore) -> None:
        """For the time of the block."""
        store.put("a", [b"content"])
        with store.local_file("a") as path:
            assert path.read_bytes() == b"content"
        if (place := store.path("a")) is not None:
            assert place.read_bytes() == b"content"

    def test_another_store_sees_the_same_objects(self, store: ObjectStore, another_store: ObjectStore) -> None:
        """At once."""
        store.put("a", [b"1"])
        assert another_store.read("a") == b"1"
        another_store.delete("a")
        assert not store.exists("a")

    def test_of_many_writers_of_one_key_one_wins_and_the_same_bytes_are_fine(
        self, store: ObjectStore, another_store: ObjectStore
    ) -> None:
        """The object holds what one of them wrote, never a mixture."""

        def write(number: int) -> bytes | None:
            content = bytes([number % 4]) * 100_000
            try:
                (store, another_store)[number % 2].put("a", [content[:50_000], content[50_000:]])
            except StateConflict:
                return None
            return content

        with ThreadPoolExecutor(8) as pool:
            written = {content for content in pool.map(write, range(32)) if content is not None}
        assert written == {store.read("a")}
