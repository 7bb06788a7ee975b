"""What is logged, and what never is."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from kahua.logs import MAX_TRACE_LENGTH, configure_logs, get_logger, turn_over


@pytest.fixture
def log() -> Any:
    configure_logs("info", component="test")
    return get_logger()


def test_a_hostile_value_stays_on_its_line(log: Any, capsys: pytest.CaptureFixture[str]) -> None:
    log.info("refused", calling="EVIL\r\nlevel=error\x1b[31m" + "A" * 1_000_000)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.isprintable()
    assert len(line) < 1000


def test_a_secret_is_not_logged(log: Any, capsys: pytest.CaptureFixture[str]) -> None:
    log.info("signed in", api_token="t0psecret", password="t0psecret")
    assert "t0psecret" not in capsys.readouterr().err


def test_a_trace_begins_where_it_went_wrong(log: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def fall(depth: int) -> None:
        if not depth:
            raise ValueError("the bottom\nis reached")
        fall(depth - 1)

    try:
        fall(100)
    except ValueError:
        log.exception("fell")
    (line,) = capsys.readouterr().err.splitlines()
    assert r"ValueError: the bottom\\x0ais reached at test_logs:" in line
    assert len(line) < MAX_TRACE_LENGTH + 200


def test_a_log_that_is_too_long_begins_anew_and_its_writer_goes_on(tmp_path: Path) -> None:
    with (tmp_path / "web.log").open("ab", buffering=0) as writer, (tmp_path / "work.log").open("ab") as other:
        writer.write(b"old\n" * 100)
        other.write(b"short\n")
        other.flush()
        turn_over(tmp_path, most_bytes=200)
        writer.write(b"new\n")
    assert (tmp_path / "web.log").read_bytes() == b"new\n"
    assert (tmp_path / "web.log.1").read_bytes() == b"old\n" * 100
    assert (tmp_path / "work.log").read_bytes() == b"short\n"
    assert len(list(tmp_path.iterdir())) == 3


def test_a_disk_that_takes_no_line_stops_nobody_and_the_gap_is_told(
    log: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched, Path("/dev/full").open("w") as full:
        patched.setattr("sys.stderr", full)
        log.info("one")
        log.error("two")
        with suppress(OSError):
            full.close()  # what it could not write is still in its buffer
    log.info("three")
    log.info("four")
    told, three, _four = capsys.readouterr().err.splitlines()
    assert 'event="lines lost" lines=2' in told
    assert "event=three" in three
