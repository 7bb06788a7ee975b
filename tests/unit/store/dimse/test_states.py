"""The state machine is that of PS3.8 table 9-10."""

import pytest

from kahua.store.dimse.states import TABLE, Action, Event, Machine, State

#: The columns of table 9-10 that either side has, transcribed: action and next state.
STANDARD = """
event                Sta1     Sta2     Sta3     Sta4     Sta5     Sta6     Sta7     Sta8     Sta9     Sta11    Sta13
REQUEST              AE-1/4   -        -        -        -        -        -        -        -        -        -
CONNECTION_MADE      -        -        -        AE-2/5   -        -        -        -        -        -        -
GOT_ASSOCIATE_AC     -        AA-1/13  AA-8/13  -        AE-3/6   AA-8/13  AA-8/13  AA-8/13  AA-8/13  AA-8/13  AA-6/13
GOT_ASSOCIATE_RJ     -        AA-1/13  AA-8/13  -        AE-4/1   AA-8/13  AA-8/13  AA-8/13  AA-8/13  AA-8/13  AA-6/13
CONNECTED            AE-5/2   -        -        -        -        -        -        -        -        -        -
GOT_ASSOCIATE_RQ     -        AE-6/3   AA-8/13  -        AA-8/13  AA-8/13  AA-8/13  AA-8/13  AA-8/13  AA-8/13  AA-7/13
ACCEPT               -        -        AE-7/6   -        -        -        -        -        -        -        -
REJECT               -        -        AE-8/13  -        -        -        -        -        -        -        -
SEND_DATA            -        -        -        -        -        DT-1/6   -        AR-7/8   -        -        -
GOT_DATA             -        AA-1/13  AA-8/13  -        AA-8/13  DT-2/6   AR-6/7   AA-8/13  AA-8/13  AA-8/13  AA-6/13
REQUEST_RELEASE      -        -        -        -        -        AR-1/7   -        -        -        -        -
GOT_RELEASE_RQ       -        AA-1/13  AA-8/13  -        AA-8/13  AR-2/8   AR-8/9   AA-8/13  AA-8/13  AA-8/13  AA-6/13
GOT_RELEASE_RP       -        AA-1/13  AA-8/13  -        AA-8/13  AA-8/13  AR-3/1   AA-8/13  AA-8/13  AR-3/1   AA-6/13
RELEASE              -        -        -        -        -        -        -        AR-4/13  AR-9/11  -        -
ABORT                -        -        AA-1/13  AA-2/1   AA-1/13  AA-1/13  AA-1/13  AA-1/13  AA-1/13  AA-1/13  -
GOT_ABORT            -        AA-2/1   AA-3/1   -        AA-3/1   AA-3/1   AA-3/1   AA-3/1   AA-3/1   AA-3/1   AA-2/1
CLOSED               -        AA-5/1   AA-4/1   AA-4/1   AA-4/1   AA-4/1   AA-4/1   AA-4/1   AA-4/1   AA-4/1   AR-5/1
TIMED_OUT            -        AA-2/1   -        -        -        -        -        -        -        -        AA-2/1
GOT_INVALID          -        AA-1/13  AA-8/13  -        AA-8/13  AA-8/13  AA-8/13  AA-8/13  AA-8/13  AA-8/13  AA-7/13
"""

NAMES = {
    "AE-1": Action.CONNECT,
    "AE-2": Action.SEND_REQUEST,
    "AE-3": Action.TAKE_ACCEPT,
    "AE-4": Action.TAKE_REJECT,
    "AE-5": Action.START_TIMER,
    "AE-6": Action.NEGOTIATE,
    "AE-7": Action.SEND_ACCEPT,
    "AE-8": Action.SEND_REJECT,
    "DT-1": Action.SEND_DATA,
    "DT-2": Action.TAKE_DATA,
    "AR-1": Action.SEND_RELEASE_REQUEST,
    "AR-2": Action.TAKE_RELEASE,
    "AR-3": Action.CLOSE,
    "AR-4": Action.SEND_RELEASE,
    "AR-5": Action.CLOSE,
    "AR-6": Action.TAKE_DATA,
    "AR-7": Action.SEND_DATA,
    "AR-8": Action.TAKE_RELEASE,
    "AR-9": Action.SEND_RELEASE,
    "AA-1": Action.ABORT_AS_USER,
    "AA-2": Action.CLOSE,
    "AA-3": Action.CLOSE,
    "AA-4": Action.CLOSE,
    "AA-5": Action.CLOSE,
    "AA-6": Action.IGNORE,
    "AA-7": Action.ABORT_AGAIN,
    "AA-8": Action.ABORT_AS_PROVIDER,
}


def standard() -> dict[tuple[State, Event], tuple[Action, State]]:
    header, *lines = STANDARD.strip().splitlines()
    states = [State(int(name.removeprefix("Sta"))) for name in header.split()[1:]]
    cells = {}
    for line in lines:
        name, *row = line.split()
        for state, cell in zip(states, row, strict=True):
            if cell != "-":
                action, number = cell.split("/")
                cells[state, Event[name]] = (NAMES[action], State(int(number)))
    return cells


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("state", State)
def test_every_pair_does_what_the_standard_says_or_is_an_error(state: State, event: Event) -> None:
    machine = Machine()
    machine.state = state
    expected = standard().get((state, event))
    if expected is None:
        with pytest.raises(RuntimeError, match=event.name):
            machine.on(event)
        assert machine.state is state
    else:
        assert (machine.on(event), machine.state) == expected


def test_the_table_holds_nothing_else() -> None:
    assert standard() == TABLE
