"""Conversions are kept within a limit; what was not used for the longest time goes first."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kahua.workflows.cache import Cache


@dataclass
class Target:
    path: str


@dataclass
class Task:
    """What the cache asks a planned task."""

    cache_key: str
    outputs: dict[str, Any] = field(default_factory=lambda: {"image": Target("image.nii"), "table": Target("t.json")})


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path / "cache")
    for moment, key in enumerate(("old", "used", "new")):
        cache.keep(Task(key), written(tmp_path / f"written-{key}"))
        os.utime(tmp_path / "cache" / key, (moment, moment))
    return cache


def written(folder: Path) -> Path:
    folder.mkdir()
    (folder / "image.nii").write_bytes(bytes(90))
    (folder / "t.json").write_bytes(bytes(10))
    return folder


def empty(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_what_was_not_used_for_the_longest_time_goes_first(cache: Cache, tmp_path: Path) -> None:
    assert cache.prune(most_bytes=300) == 0
    assert cache.take(Task("old"), empty(tmp_path / "out"))  # now it was used last
    assert cache.prune(most_bytes=250) == 1
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {"old", "new"}
    assert cache.prune(most_bytes=99) == 2
    assert list((tmp_path / "cache").iterdir()) == []
    assert (tmp_path / "out" / "image.nii").read_bytes() == bytes(90)


def test_what_is_gone_in_part_is_not_taken_and_leaves_nothing(cache: Cache, tmp_path: Path) -> None:
    (tmp_path / "cache" / "used" / "t.json").unlink()
    out = empty(tmp_path / "out")
    assert not cache.take(Task("used"), out)
    assert list(out.iterdir()) == []
    cache.keep(Task("used"), written(tmp_path / "again"))
    assert cache.take(Task("used"), out)


def test_a_removal_that_was_killed_is_finished(cache: Cache, tmp_path: Path) -> None:
    (tmp_path / "cache" / "old").rename(tmp_path / "cache" / "going-1")
    assert cache.prune(most_bytes=200) == 0
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {"used", "new"}


def test_a_cache_that_was_thrown_away_is_empty(tmp_path: Path) -> None:
    assert Cache(tmp_path / "none").prune(most_bytes=0) == 0
