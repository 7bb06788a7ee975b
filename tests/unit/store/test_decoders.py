"""Processes that draw one picture after another: limited, stopped when late, replaced when they die."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

from kahua.errors import Unavailable, UndecodablePixels
from kahua.store.child import Bounds
from kahua.store.pictures import decoders as module
from kahua.store.pictures.decoders import Decoders
from kahua.store.pictures.wanted import Wanted
from kahua.testing.factory import ct_series, part10

BOUNDS = Bounds(seconds=60)


@pytest.fixture
def decoders() -> Iterator[Decoders]:
    made = Decoders("kahua.store.pictures.render", most=1)
    yield made
    made.close()


@pytest.fixture
def job(tmp_path: Path) -> dict[str, object]:
    file = tmp_path / "image"
    file.write_bytes(part10(ct_series(slices=1)[0]))
    wanted = Wanted(frames=(1,), media_type="image/png")
    return {**asdict(wanted), "task": "draw", "file": str(file), "spans": None}


def children() -> set[int]:
    """Give the ids of the processes of this one that draw."""
    return {child.pid for child in psutil.Process().children() if "kahua.store.pictures.render" in _words(child)}


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.ZombieProcess, psutil.NoSuchProcess):
        return []


@pytest.fixture
def processes() -> Callable[[], list[int]]:
    """Give a function that gives the ids of the processes that draw; not those of sites of other tests."""
    before = children()
    return lambda: sorted(children() - before)


def test_one_process_draws_many_pictures(
    processes: Callable[[], list[int]], decoders: Decoders, job: dict[str, object]
) -> None:
    first = decoders.ask(job, bounds=BOUNDS)
    before = processes()
    assert decoders.ask(job, bounds=BOUNDS) == first
    assert first.startswith(b"\x89PNG")
    assert processes() == before
    assert len(before) == 1


def test_a_refusal_is_told_and_hinders_nothing(decoders: Decoders, job: dict[str, object], tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    instance = ct_series(slices=1)[0]
    del instance.PixelData
    broken.write_bytes(part10(instance))
    with pytest.raises(UndecodablePixels):
        decoders.ask({**job, "file": str(broken)}, bounds=BOUNDS)
    assert decoders.ask(job, bounds=BOUNDS)


def test_a_picture_that_takes_too_long_is_given_up_and_its_process_ended(
    processes: Callable[[], list[int]], decoders: Decoders, job: dict[str, object]
) -> None:
    with pytest.raises(UndecodablePixels, match="longer than 0 seconds"):
        decoders.ask(job, bounds=Bounds(seconds=0.01))
    assert processes() == []
    assert decoders.ask(job, bounds=BOUNDS)


def test_a_process_that_died_is_replaced(
    processes: Callable[[], list[int]], decoders: Decoders, job: dict[str, object]
) -> None:
    decoders.ask(job, bounds=BOUNDS)
    os.kill(processes()[0], signal.SIGKILL)
    with pytest.raises(UndecodablePixels, match="SIGKILL"):
        decoders.ask(job, bounds=BOUNDS)
    assert decoders.ask(job, bounds=BOUNDS)


def test_a_process_is_replaced_after_its_last_picture(
    processes: Callable[[], list[int]], decoders: Decoders, job: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_JOBS", 1)
    decoders.ask(job, bounds=BOUNDS)
    assert processes() == []


def test_who_would_wait_too_long_is_sent_away(job: dict[str, object]) -> None:
    busy = Decoders("kahua.store.pictures.render", most=0)
    with pytest.raises(Unavailable):
        busy.ask(job, bounds=Bounds(seconds=0.01))


def test_a_process_gets_no_more_memory_than_it_may_have(decoders: Decoders, job: dict[str, object]) -> None:
    with pytest.raises(UndecodablePixels):
        decoders.ask(job, bounds=Bounds(seconds=60, memory_bytes=50_000_000))


def test_processes_end_when_nobody_asks(
    processes: Callable[[], list[int]], decoders: Decoders, job: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.0)
    decoders.ask(job, bounds=BOUNDS)
    for pid in processes():
        psutil.Process(pid).wait(10)
    assert processes() == []


def test_what_is_drawn_when_the_site_stops_is_no_failure_of_the_picture(tmp_path: Path) -> None:
    made = Decoders("kahua.store.pictures.render", most=1)
    os.mkfifo(tmp_path / "never-written")
    job: dict[str, object] = {
        "task": "rewrite",
        "file": str(tmp_path / "never-written"),
        "out": "",
        "transfer_syntax": "",
    }
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(made.ask, job, bounds=BOUNDS)
        while not made._busy:
            time.sleep(0.01)
        made.close()
        with pytest.raises(Unavailable, match="stopped"):
            answer.result(60)
    with pytest.raises(Unavailable, match="stopped"):
        made.ask(job, bounds=BOUNDS)
