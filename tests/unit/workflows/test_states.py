from collections.abc import Iterator
from enum import StrEnum

import pytest

from kahua.errors import StateConflict
from kahua.workflows.states import (
    ATTEMPT_TRANSITIONS,
    JOB_TRANSITIONS,
    RUN_TRANSITIONS,
    TASK_TRANSITIONS,
    AttemptState,
    JobState,
    RunState,
    TaskState,
    changed,
)

TABLES = {
    RunState: RUN_TRANSITIONS,
    JobState: JOB_TRANSITIONS,
    TaskState: TASK_TRANSITIONS,
    AttemptState: ATTEMPT_TRANSITIONS,
}


def pairs() -> Iterator[tuple[StrEnum, StrEnum]]:
    for states in TABLES:
        yield from ((before, after) for before in states for after in states)


@pytest.mark.parametrize(("before", "after"), list(pairs()), ids=lambda state: f"{type(state).__name__}.{state}")
def test_only_changes_in_the_table_are_possible(before: StrEnum, after: StrEnum) -> None:
    if after in TABLES[type(before)][before]:
        assert changed(before, after) is after
    else:
        with pytest.raises(StateConflict) as caught:
            changed(before, after)
        assert caught.value.details == {"state": before.value, "wanted": after.value}


@pytest.mark.parametrize("states", list(TABLES))
def test_every_table_covers_every_state(states: type[StrEnum]) -> None:
    assert set(TABLES[states]) == set(states)
    reachable = set().union(*TABLES[states].values()) | {next(iter(states))}
    assert reachable == set(states)
