"""Who waits together is committed together, and each gets what became of its own."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from kahua.store.ingest.group_commit import GroupCommit


def double(items: Sequence[int]) -> list[int]:
    return [2 * item for item in items]


def test_each_thread_gets_the_results_of_its_own_items_in_order() -> None:
    commit = GroupCommit(double, max_group=4)
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(commit.submit, [[number, number + 1] for number in range(200)]))
    assert results == [[2 * number, 2 * number + 2] for number in range(200)]


def test_what_waits_while_another_commits_goes_together() -> None:
    groups: list[int] = []
    entered, go_on = threading.Event(), threading.Event()

    def commit(items: Sequence[int]) -> Sequence[int]:
        groups.append(len(items))
        entered.set()
        go_on.wait(10)
        return items

    together = GroupCommit(commit)
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(2) as others:
        one = first.submit(together.submit, [0])
        entered.wait(10)
        rest = [others.submit(together.submit, [number]) for number in (1, 2)]
        while len(together._waiting) < 2:
            threading.Event().wait(0.01)
        go_on.set()
        assert [each.result() for each in (one, *rest)] == [[0], [1], [2]]
    assert groups == [1, 2]


def test_more_than_a_group_is_committed_in_several() -> None:
    groups: list[int] = []

    def commit(items: Sequence[int]) -> Sequence[int]:
        groups.append(len(items))
        return items

    assert GroupCommit(commit, max_group=4).submit(range(1, 11)) == list(range(1, 11))
    assert groups == [4, 4, 2]


def test_an_item_that_cannot_be_committed_fails_alone() -> None:
    def commit(items: Sequence[int]) -> Sequence[int]:
        if 2 in items:
            raise ValueError("two")
        return items

    first, failed, third = GroupCommit(commit).submit([1, 2, 3])
    assert (first, third) == (1, 3)
    assert isinstance(failed, ValueError)


def test_nothing_is_nothing() -> None:
    assert GroupCommit(double).submit([]) == []


def test_who_is_interrupted_leaves_no_one_waiting() -> None:
    class Interrupted(BaseException):
        pass

    interrupted: list[list[int]] = []

    def commit(items: Sequence[int]) -> Sequence[int]:
        if interrupted:
            return items
        interrupted.append(list(items))
        raise Interrupted

    together = GroupCommit(commit)
    with pytest.raises(Interrupted):
        together.submit([1, 2])
    assert interrupted == [[1, 2]]
    assert together.submit([3]) == [3]
