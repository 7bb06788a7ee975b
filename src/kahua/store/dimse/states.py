"""The state machine of an association, on both sides of it (PS3.8 table 9-10).

Left out are the two states of an accepted association whose release both sides request at once, for
this side never requests the release of what it has accepted. A pair that is not in the table cannot
happen, and is an error.
"""

from enum import Enum, auto


class State(Enum):
    """Where an association is."""

    IDLE = 1
    AWAITING_REQUEST = 2
    AWAITING_ANSWER = 3
    AWAITING_CONNECTION = 4
    AWAITING_PEER_ANSWER = 5
    ESTABLISHED = 6
    AWAITING_PEER_RELEASE = 7
    AWAITING_RELEASE_ANSWER = 8
    COLLIDED_AWAITING_ANSWER = 9
    COLLIDED_AWAITING_PEER = 11
    AWAITING_CLOSE = 13


class Event(Enum):
    """What happens to it: a PDU arrives, we decide, or the connection or a timer ends."""

    REQUEST = 1
    CONNECTION_MADE = 2
    CONNECTED = 5
    GOT_ASSOCIATE_RQ = 6
    ACCEPT = 7
    REJECT = 8
    GOT_ASSOCIATE_AC = 3
    GOT_ASSOCIATE_RJ = 4
    SEND_DATA = 9
    GOT_DATA = 10
    REQUEST_RELEASE = 11
    GOT_RELEASE_RQ = 12
    GOT_RELEASE_RP = 13
    RELEASE = 14
    ABORT = 15
    GOT_ABORT = 16
    CLOSED = 17
    TIMED_OUT = 18
    GOT_INVALID = 19


class Action(Enum):
    """What is done; the comment names the action of the standard."""

    CONNECT = auto()  # AE-1
    SEND_REQUEST = auto()  # AE-2
    TAKE_ACCEPT = auto()  # AE-3
    TAKE_REJECT = auto()  # AE-4
    START_TIMER = auto()  # AE-5
    NEGOTIATE = auto()  # AE-6
    SEND_ACCEPT = auto()  # AE-7
    SEND_REJECT = auto()  # AE-8
    SEND_DATA = auto()  # DT-1, AR-7
    TAKE_DATA = auto()  # DT-2, AR-6
    SEND_RELEASE_REQUEST = auto()  # AR-1
    TAKE_RELEASE = auto()  # AR-2, AR-8
    SEND_RELEASE = auto()  # AR-4, AR-9
    ABORT_AS_USER = auto()  # AA-1
    ABORT_AS_PROVIDER = auto()  # AA-8
    ABORT_AGAIN = auto()  # AA-7
    IGNORE = auto()  # AA-6
    CLOSE = auto()  # AA-2, AA-3, AA-4, AA-5, AR-3, AR-5


_REQUEST, _ANSWER, _CONNECTION, _PEER_ANSWER, _OPEN, _PEER_RELEASE, _RELEASE, _COLLISION, _COLLIDED, _CLOSE = (
    State.AWAITING_REQUEST,
    State.AWAITING_ANSWER,
    State.AWAITING_CONNECTION,
    State.AWAITING_PEER_ANSWER,
    State.ESTABLISHED,
    State.AWAITING_PEER_RELEASE,
    State.AWAITING_RELEASE_ANSWER,
    State.COLLIDED_AWAITING_ANSWER,
    State.COLLIDED_AWAITING_PEER,
    State.AWAITING_CLOSE,
)

#: PDUs that may come, expected or not.
_PDUS = (
    Event.GOT_ASSOCIATE_AC,
    Event.GOT_ASSOCIATE_RJ,
    Event.GOT_ASSOCIATE_RQ,
    Event.GOT_DATA,
    Event.GOT_RELEASE_RQ,
    Event.GOT_RELEASE_RP,
    Event.GOT_INVALID,
)

#: What unexpected PDUs, wishes to abort and ends of the connection do in every state between request and last word.
_IN_ANY_STATE: dict[tuple[State, Event], tuple[Action, State]] = {
    (state, event): step
    for state in (_ANSWER, _PEER_ANSWER, _OPEN, _PEER_RELEASE, _RELEASE, _COLLISION, _COLLIDED)
    for event, step in {
        **dict.fromkeys(_PDUS, (Action.ABORT_AS_PROVIDER, _CLOSE)),
        Event.ABORT: (Action.ABORT_AS_USER, _CLOSE),
        Event.GOT_ABORT: (Action.CLOSE, State.IDLE),
        Event.CLOSED: (Action.CLOSE, State.IDLE),
    }.items()
}

TABLE: dict[tuple[State, Event], tuple[Action, State]] = {
    **_IN_ANY_STATE,
    (State.IDLE, Event.CONNECTED): (Action.START_TIMER, _REQUEST),
    (State.IDLE, Event.REQUEST): (Action.CONNECT, _CONNECTION),
    # We connect
    (_CONNECTION, Event.CONNECTION_MADE): (Action.SEND_REQUEST, _PEER_ANSWER),
    (_CONNECTION, Event.ABORT): (Action.CLOSE, State.IDLE),
    (_CONNECTION, Event.CLOSED): (Action.CLOSE, State.IDLE),
    # Awaiting an A-ASSOCIATE-RQ
    **{(_REQUEST, event): (Action.ABORT_AS_USER, _CLOSE) for event in _PDUS},
    (_REQUEST, Event.GOT_ASSOCIATE_RQ): (Action.NEGOTIATE, _ANSWER),
    (_REQUEST, Event.GOT_ABORT): (Action.CLOSE, State.IDLE),
    (_REQUEST, Event.CLOSED): (Action.CLOSE, State.IDLE),
    (_REQUEST, Event.TIMED_OUT): (Action.CLOSE, State.IDLE),
    # The request is here, and we decide
    (_ANSWER, Event.ACCEPT): (Action.SEND_ACCEPT, _OPEN),
    (_ANSWER, Event.REJECT): (Action.SEND_REJECT, _CLOSE),
    # Our request is there, and the peer decides
    (_PEER_ANSWER, Event.GOT_ASSOCIATE_AC): (Action.TAKE_ACCEPT, _OPEN),
    (_PEER_ANSWER, Event.GOT_ASSOCIATE_RJ): (Action.TAKE_REJECT, State.IDLE),
    # Established: data may come and go
    (_OPEN, Event.GOT_DATA): (Action.TAKE_DATA, _OPEN),
    (_OPEN, Event.SEND_DATA): (Action.SEND_DATA, _OPEN),
    (_OPEN, Event.GOT_RELEASE_RQ): (Action.TAKE_RELEASE, _RELEASE),
    (_OPEN, Event.REQUEST_RELEASE): (Action.SEND_RELEASE_REQUEST, _PEER_RELEASE),
    # We want to release, and the peer answers
    (_PEER_RELEASE, Event.GOT_DATA): (Action.TAKE_DATA, _PEER_RELEASE),
    (_PEER_RELEASE, Event.GOT_RELEASE_RP): (Action.CLOSE, State.IDLE),
    (_PEER_RELEASE, Event.GOT_RELEASE_RQ): (Action.TAKE_RELEASE, _COLLISION),
    # Both want to release
    (_COLLISION, Event.RELEASE): (Action.SEND_RELEASE, _COLLIDED),
    (_COLLIDED, Event.GOT_RELEASE_RP): (Action.CLOSE, State.IDLE),
    # The peer wants to release, and we answer
    (_RELEASE, Event.RELEASE): (Action.SEND_RELEASE, _CLOSE),
    (_RELEASE, Event.SEND_DATA): (Action.SEND_DATA, _RELEASE),
    # All is said; the peer is to close the connection
    **{(_CLOSE, event): (Action.IGNORE, _CLOSE) for event in _PDUS},
    (_CLOSE, Event.GOT_ASSOCIATE_RQ): (Action.ABORT_AGAIN, _CLOSE),
    (_CLOSE, Event.GOT_INVALID): (Action.ABORT_AGAIN, _CLOSE),
    (_CLOSE, Event.GOT_ABORT): (Action.CLOSE, State.IDLE),
    (_CLOSE, Event.CLOSED): (Action.CLOSE, State.IDLE),
    (_CLOSE, Event.TIMED_OUT): (Action.CLOSE, State.IDLE),
}


class Machine:
    """The state of one association."""

    def __init__(self) -> None:
        self.state = State.IDLE

    def on(self, event: Event) -> Action:
        """Go to the next state; return what is to be done."""
        step = TABLE.get((self.state, event))
        if step is None:
            raise RuntimeError(f"{event.name} cannot happen to an association that is {self.state.name}.")
        action, self.state = step
        return action
