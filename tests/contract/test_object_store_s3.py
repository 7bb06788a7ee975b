"""An S3 bucket as object store, on a real server."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kahua.errors import NotFound, ResourceBusy, StateConflict, Unavailable
from kahua.store.objects import FetchedFiles, ObjectStore
from kahua.testing.contracts.object_store import ObjectStoreContract
from kahua.testing.s3 import ACCESS_KEY, READER_KEY, READER_SECRET, SECRET_KEY, S3Server
from kahua.testing.troubled import Trouble, troubled_way

PART = 8 << 20

#: Everything was begun before.
FAR = datetime(9999, 1, 1, tzinfo=UTC)


def open_store(server: S3Server, place: str, folder: Path, **others: Any) -> Any:
    from kahua.store.objects.s3 import S3Store  # late: the extra may be missing

    options = {
        "endpoint": server.endpoint,
        "region": "us-east-1",
        "access_key_id": ACCESS_KEY,
        "secret_access_key": SECRET_KEY,
        "fetched": FetchedFiles(folder, most_bytes=1_000_000),
    }
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    return S3Store(bucket, prefix, **{**options, **others})


@pytest.fixture
def place(s3: S3Server) -> str:
    return s3.place()


@pytest.fixture
def store(s3: S3Server, place: str, tmp_path: Path) -> ObjectStore:
    store: ObjectStore = open_store(s3, place, tmp_path)
    return store


class TestS3Store(ObjectStoreContract):
    @pytest.fixture
    def store(self, store: ObjectStore) -> ObjectStore:
        return store

    @pytest.fixture
    def another_store(self, s3: S3Server, place: str, tmp_path: Path) -> ObjectStore:
        another: ObjectStore = open_store(s3, place, tmp_path)
        return another


def test_a_store_can_be_used_and_leaves_no_trace_of_having_looked(store: ObjectStore) -> None:
    store.check()
    assert list(store.keys()) == []


def test_a_large_object_goes_in_parts_and_is_whole(store: ObjectStore, tmp_path: Path) -> None:
    content = bytes(range(256)) * (PART // 256) + b"and a little more"
    path = tmp_path / "file"
    path.write_bytes(content)
    assert store.put_file("large", path) == len(content)
    assert store.put("large", [content[:100], content[100:]]) == len(content)
    assert store.read("large") == content
    assert b"".join(store.stream("large", start=PART - 3)) == content[PART - 3 :]
    with pytest.raises(StateConflict):
        store.put("large", [content[:-1], b"!"])
    assert list(store.keys()) == ["large"]
    assert store.clean(older_than_seconds=-60) == 0


def test_many_writers_of_the_same_large_object_are_all_fine(store: ObjectStore) -> None:
    content = bytes(PART + 1)
    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(lambda _: store.put("large", [content]), range(3))) == {len(content)}
    assert store.read("large") == content
    assert list(store.keys()) == ["large"]


def test_what_a_dead_writer_left_is_cleaned(s3: S3Server, place: str, store: ObjectStore, tmp_path: Path) -> None:
    within = open_store(s3, place, tmp_path)
    within._create("incoming/abandoned", b"half")
    assert list(store.keys()) == []
    assert store.clean(older_than_seconds=3600) == 0
    assert store.clean(older_than_seconds=-60) == 1
    assert store.clean(older_than_seconds=-60) == 0


#: Puts a large object, until it is killed.
WRITER = """
import sys
from pathlib import Path
from kahua.store.objects import FetchedFiles
from kahua.store.objects.s3 import S3Store
from kahua.testing.s3 import ACCESS_KEY, SECRET_KEY

endpoint, bucket, prefix, name = sys.argv[1:]
keys = {"access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY}
fetched = FetchedFiles(Path(name).parent, most_bytes=1)
S3Store(bucket, prefix, endpoint=endpoint, region="us-east-1", fetched=fetched, **keys).put_file("large", Path(name))
"""


def kill_writers(s3: S3Server, places: Sequence[str], folder: Path) -> None:
    """Let a process for each place put a large object there, and kill them when their uploads have begun."""
    file = folder / "large"
    file.touch()
    os.truncate(file, 20 * PART)
    with troubled_way(s3.ports["s3"]) as way:
        way.trouble = Trouble.SLOW
        commands = [[way.endpoint, *place.removeprefix("s3://").split("/"), file] for place in places]
        writers = [subprocess.Popen([sys.executable, "-c", WRITER, *command]) for command in commands]
        uploads = [open_store(s3, place, folder)._uploads for place in set(places)]
        while sum(len(list(each.begun_before(FAR))) for each in uploads) < len(writers):
            assert all(writer.poll() is None for writer in writers)
            time.sleep(0.05)
        for writer in writers:
            writer.kill()
            writer.wait()


def test_what_a_killed_writer_uploaded_in_parts_is_found_and_given_up(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kahua.store.objects.uploads.PAGE", 1)  # each has a page of its own
    place, neighbour = f"{s3.place()} ü+&", s3.place()
    store = open_store(s3, place, tmp_path)
    kill_writers(s3, (place, place, neighbour), tmp_path)
    assert list(store.keys()) == []
    assert (store.left_over(older_than_seconds=-60), store.left_over(older_than_seconds=3600)) == (2, 0)
    assert store.clean(older_than_seconds=3600) == 0
    (upload, _) = store._uploads.begun_before(FAR)
    assert store.clean(older_than_seconds=-60) == 2
    assert store.left_over(older_than_seconds=-60) == 0
    store._uploads.give_up(upload)  # it is gone, and that is no error
    assert open_store(s3, neighbour, tmp_path).clean(older_than_seconds=-60) == 1


@pytest.mark.parametrize("trouble", [Trouble.REFUSES, Trouble.FAILS])
def test_a_server_that_tells_nothing_of_uploads_is_no_obstacle(
    s3: S3Server, place: str, tmp_path: Path, trouble: Trouble
) -> None:
    store = open_store(s3, place, tmp_path)
    with troubled_way(s3.ports["s3"]) as way:
        store._uploads = replace(store._uploads, endpoint=way.endpoint)
        way.trouble = trouble
        with pytest.raises(Unavailable, match="never completed"):
            store.left_over(older_than_seconds=0)
        assert store.clean(older_than_seconds=0) == 0


def test_local_files_are_gone_after_their_block(store: ObjectStore, tmp_path: Path) -> None:
    store.put("a", [b"content"])
    with store.local_file("a") as path:
        assert path.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_local_files_are_bounded_and_a_larger_one_is_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kahua.store.objects.fetched.WAIT_SECONDS", 0.01)
    files = FetchedFiles(tmp_path, most_bytes=10)
    with files.file(6, [b"123456"]), files.file(4, [b"1234"]), pytest.raises(ResourceBusy), files.file(1, [b"1"]):
        pass
    with files.file(20, [bytes(20)]) as path:
        assert path.stat().st_size == 20
        with pytest.raises(ResourceBusy), files.file(1, [b"1"]):
            pass


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({"secret_access_key": "very-wrong-secret"}, "refuses the access key"),
        ({"access_key_id": READER_KEY, "secret_access_key": READER_SECRET}, "refuses the access key"),
        ({"endpoint": "http://127.0.0.1:9"}, "does not answer"),
    ],
)
def test_a_store_that_cannot_be_used_says_so_in_words(
    s3: S3Server,
    place: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    others: dict[str, str],
    words: str,
) -> None:
    monkeypatch.setattr("kahua.store.objects.s3.RETRIES", {"max_retries": 1})
    store = open_store(s3, place, tmp_path, **others)
    with caplog.at_level(logging.DEBUG):
        for use in (lambda: store.put("a", [b"1"]), store.check):
            with pytest.raises(Unavailable, match=words):
                use()
    output = capsys.readouterr()
    said = caplog.text + output.out + output.err
    assert SECRET_KEY not in said
    assert "very-wrong-secret" not in said


def test_a_bucket_that_is_not_there_is_said_and_not_made(s3: S3Server, tmp_path: Path) -> None:
    store = open_store(s3, "s3://no-such-bucket/kahua", tmp_path)
    for use in (lambda: store.read("a"), store.check, lambda: list(store.keys())):
        with pytest.raises(Unavailable, match="no bucket"):
            use()


def test_a_stream_whose_object_is_deleted_before_it_is_read_ends_clearly(store: ObjectStore) -> None:
    store.put("a", [b"content"])
    pieces: Iterator[bytes] = store.stream("a")
    store.delete("a")
    with suppress(NotFound, Unavailable):
        assert b"".join(pieces) == b"content"
