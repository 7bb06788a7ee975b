"""A child that misbehaves is ended, and its parent says what happened."""

import pytest

from kahua.errors import UndecodablePixels
from kahua.store.child import Bounds, run_child


def run(statement: str, **bounds: int) -> bytes:
    """Run a statement in a child: the module `timeit` executes what it is given."""
    return run_child("timeit", "-n", "1", "-r", "1", statement, bounds=Bounds(**{"seconds": 20, **bounds}))


def test_what_a_child_prints_is_returned() -> None:
    assert b"hello" in run("print('hello')")


def test_a_child_that_takes_too_long_is_stopped() -> None:
    with pytest.raises(UndecodablePixels, match="longer than 1 seconds"):
        run("import time; time.sleep(60)", seconds=1)


def test_a_child_that_dies_is_told_by_its_signal() -> None:
    with pytest.raises(UndecodablePixels, match="SIGABRT"):
        run("import os; os.abort()")


def test_a_child_gets_no_more_memory_than_it_may_have() -> None:
    with pytest.raises(UndecodablePixels, match="MemoryError"):
        run("bytearray(2_000_000_000)", memory_bytes=1_000_000_000)


def test_a_child_writes_no_larger_file_than_it_may() -> None:
    with pytest.raises(UndecodablePixels):
        run("import tempfile; tempfile.TemporaryFile().write(bytes(5_000_000))", file_bytes=1_000_000)


def test_the_reason_of_a_refusal_is_its_last_line() -> None:
    with pytest.raises(UndecodablePixels) as refused:
        run("import os; os.write(2, b'noise\\ntoo odd\\n'); os._exit(3)")
    assert refused.value.message == "too odd"
