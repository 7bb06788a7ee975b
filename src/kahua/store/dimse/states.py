"""The state machine of an association, as the side that accepts it (PS3.8 table 9-10).

States and events that belong to the side that requests an association or a release are left out:
the receiver does neither. A pair that is not in the table cannot happen, and is an error.
"""

from enum import Enum, auto


class State(Enum):
    """Where an association is."""

    IDLE = 1
    AWAITING_REQUEST = 2
    AWAITING_ANSWER = 3
    ESTABLISHED = 6
    AWAITING_RELEASE_ANSWER = 8
    AWAITING_CLOSE = 13


class Event(Enum):
    """What happens to it: a PDU arrives, we decide, or the connection or a timer ends."""

    CONNECTED = 5
    GOT_ASSOCIATE_RQ = 6
    ACCEPT = 7
    REJECT = 8
    GOT_ASSOCIATE_AC = 3
    GOT_ASSOCIATE_RJ = 4
    SEND_DATA = 9
    GOT_DATA = 10
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

    START_TIMER = auto()  # AE-5
    NEGOTIATE = auto()  # AE-6
    SEND_ACCEPT = auto()  # AE-7
    SEND_REJECT = auto()  # AE-8
    SEND_DATA = auto()  # DT-1, AR-7
    TAKE_DATA = auto()  # DT-2
    TAKE_RELEASE = auto()  # AR-2
    SEND_RELEASE = auto()  # AR-4
    ABORT_AS_USER = auto()  # AA-1
    ABORT_AS_PROVIDER = auto()  # AA-8
    ABORT_AGAIN = auto()  # AA-7
    IGNORE = auto()  # AA-6
    CLOSE = auto()  # AA-2, AA-3, AA-4, AA-5, AR-5


_REQUEST, _ANSWER, _OPEN, _RELEASE, _CLOSE = (
    State.AWAITING_REQUEST,
    State.AWAITING_ANSWER,
    State.ESTABLISHED,
    State.AWAITING_RELEASE_ANSWER,
    State.AWAITING_CLOSE,
)

TABLE: dict[tuple[State, Event], tuple[Action, State]] = {
    (State.IDLE, Event.CONNECTED): (Action.START_TIMER, _REQUEST),
    # Awaiting an A-ASSOCIATE-RQ
    (_REQUEST, Event.GOT_ASSOCIATE_RQ): (Action.NEGOTIATE, _ANSWER),
    (_REQUEST, Event.GOT_ASSOCIATE_AC): (Action.ABORT_AS_USER, _CLOSE),
    (_REQUEST, Event.GOT_ASSOCIATE_RJ): (Action.ABORT_AS_USER, _CLOSE),
    (_REQUEST, Event.GOT_DATA): (Action.ABORT_AS_USER, _CLOSE),
    (_REQUEST, Event.GOT_RELEASE_RQ): (Action.ABORT_AS_USER, _CLOSE),
    (_REQUEST, Event.GOT_RELEASE_RP): (Action.ABORT_AS_USER, _CLOSE),
    (_REQUEST, Event.GOT_INVALID): (Action.ABORT_AS_USER, _CLOSE),
    (_REQUEST, Event.GOT_ABORT): (Action.CLOSE, State.IDLE),
    (_REQUEST, Event.CLOSED): (Action.CLOSE, State.IDLE),
    (_REQUEST, Event.TIMED_OUT): (Action.CLOSE, State.IDLE),
    # The request is here, and we decide
    (_ANSWER, Event.ACCEPT): (Action.SEND_ACCEPT, _OPEN),
    (_ANSWER, Event.REJECT): (Action.SEND_REJECT, _CLOSE),
    (_ANSWER, Event.ABORT): (Action.ABORT_AS_USER, _CLOSE),
    (_ANSWER, Event.GOT_ASSOCIATE_RQ): (Action.ABORT_AS_PROVIDER, _CLOSE),
    (_ANSWER, Event.GOT_ASSOCIATE_AC): (Action.ABORT_AS_PROVIDER, _CLOSE),
    (_ANSWER, Event.GOT_ASSOCIATE_RJ): (Action.ABORT_AS_PROVIDER, _CLOSE),
    (_ANSWER, Event.GOT_DATA): (Action.ABORT_AS_PROVIDER, _CLOSE),
    (_ANSWER, Event.GOT_RELEASE_RQ): (Action.ABORT_AS_PROVIDER, _CLOSE),
    (_ANSWER, Event.GOT_RELEASE_RP): (Action.ABORT_AS_PROVIDER, _CLOSE),
    (_ANSWER, Event.GOT_INVALID): (Action.ABORT_AS_PROVIDER, _CLOSE),
    (_ANSWER, Event.GOT_ABORT): (Action.CLOSE, State.IDLE),
    (_ANSWER, Event.CLOSED): (Action.CLOSE, State.IDLE),
    # Established: data may come and go
    (_OPEN, Event.GOT_DATA): (Action.TAKE_DATA, _OPEN),
    (_OPEN, Event.SEND_DATA): (Action.SEND_DATA, _OPEN),
    (_OPEN, Event.GOT_RELEASE_RQ): (Action.TAKE_RELEASE, _RELEASE),
    (_OPEN, Event.ABORT): (Action.ABORT_AS_USER, _CLOSE),
    (_OPEN, Event.GOT_ASSOCIATE_RQ): (Action.ABORT_AS_PROVIDER, _CLOSE),
    (_OPEN, Event.GOT_ASSOCIATE_AC): (Action.ABORT_AS_PROVIDER, _CLOSE),
    (_OPEN, Event.GOT_ASSOCIATE_RJ): (Action.ABORT_AS_PROVIDER, _CLOSE),
    (_OPEN, Event.GOT_RELEASE_RP): (Action.ABORT_AS_PROVIDER, _CLOSE),
    (_OPEN, Event.GOT_INVALID): (Action.ABORT_AS_PROVIDER, _CLOSE),
    (_OPEN, Event.GOT_ABORT): (Action.CLOSE, State.IDLE),
    (_OPEN, Event.CLOSED): (Action.CLOSE, State.IDLE),
    # The peer wants to release, and we answer
    (_RELEASE, Event.RELEASE): (Action.SEND_RELEASE, _CLOSE),
    (_RELEASE, Event.SEND_DATA): (Action.SEND_DATA, _RELEASE),
    (_RELEASE, Event.ABORT): (Action.ABORT_AS_USER, _CLOSE),
    (_RELEASE, Event.GOT_ASSOCIATE_RQ): (Action.ABORT_AS_PROVIDER, _CLOSE),
    (_RELEASE, Event.GOT_ASSOCIATE_AC): (Action.ABORT_AS_PROVIDER, _CLOSE),
    (_RELEASE, Event.GOT_ASSOCIATE_RJ): (Action.ABORT_AS_PROVIDER, _CLOSE),
    (_RELEASE, Event.GOT_DATA): (Action.ABORT_AS_PROVIDER, _CLOSE),
    (_RELEASE, Event.GOT_RELEASE_RQ): (Action.ABORT_AS_PROVIDER, _CLOSE),
    (_RELEASE, Event.GOT_RELEASE_RP): (Action.ABORT_AS_PROVIDER, _CLOSE),
    (_RELEASE, Event.GOT_INVALID): (Action.ABORT_AS_PROVIDER, _CLOSE),
    (_RELEASE, Event.GOT_ABORT): (Action.CLOSE, State.IDLE),
    (_RELEASE, Event.CLOSED): (Action.CLOSE, State.IDLE),
    # All is said; the peer is to close the connection
    (_CLOSE, Event.GOT_ASSOCIATE_AC): (Action.IGNORE, _CLOSE),
    (_CLOSE, Event.GOT_ASSOCIATE_RJ): (Action.IGNORE, _CLOSE),
    (_CLOSE, Event.GOT_ASSOCIATE_RQ): (Action.ABORT_AGAIN, _CLOSE),
    (_CLOSE, Event.GOT_DATA): (Action.IGNORE, _CLOSE),
    (_CLOSE, Event.GOT_RELEASE_RQ): (Action.IGNORE, _CLOSE),
    (_CLOSE, Event.GOT_RELEASE_RP): (Action.IGNORE, _CLOSE),
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
