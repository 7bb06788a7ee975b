"""Nothing that a dead process left in staging stays, and nothing that is in use goes."""

import os
import time
from pathlib import Path

import pytest

from kahua.errors import OutOfSpace
from kahua.store.ingest.staging import STALE_SECONDS, Staging, saying_full_disk


def age(*paths: Path) -> None:
    long_ago = time.time() - STALE_SECONDS - 60
    for path in paths:
        os.utime(path, (long_ago, long_ago))


def test_files_and_folders_of_dead_processes_are_removed(tmp_path: Path) -> None:
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.write_bytes(b"1")
    folder.mkdir()
    (folder / "part").write_bytes(b"2")
    age(file, folder / "part", folder)
    Staging(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_which_a_file_still_grows_stays(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "part").write_bytes(b"2")
    age(folder)
    Staging(tmp_path)
    assert (folder / "part").read_bytes() == b"2"


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    outside, staging = tmp_path / "outside", tmp_path / "staging"
    outside.mkdir()
    staging.mkdir()
    (outside / "precious").write_bytes(b"3")
    age(outside / "precious", outside)
    (staging / "link").symlink_to(outside)
    os.utime(staging / "link", (0, 0), follow_symlinks=False)
    Staging(staging)
    assert list(staging.iterdir()) == []
    assert (outside / "precious").read_bytes() == b"3"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_disk_that_is_full_is_said_in_a_sentence() -> None:
    with pytest.raises(OutOfSpace, match="disk is full"), saying_full_disk(), Path("/dev/full").open("wb") as file:
        file.write(bytes(100_000))
