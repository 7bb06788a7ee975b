"""What carries runs to their end: the port."""

from typing import Protocol


class Engine(Protocol):
    """Carries runs to their end. Runs are asked for, cancelled and resumed by rows (`kahua.workflows.runs`).

    An implementation
    - MUST see a run that is queued or to be cancelled within a second, whichever process wrote the row;
    - MUST start a task only when all tasks that it comes after have succeeded;
    - MUST never start a task a second time while a process of an earlier attempt lives;
    - MUST, when a run is to be cancelled, end all its processes before it says cancelled;
    - MUST go on after its process was killed at any moment, with nothing lost and nothing doubled;
    - MUST keep what succeeded when a run is resumed;
    - MUST never let the tasks that run need more than the machine gives;
    - MUST say cause, evidence and next step of every failure.
    """

    def start(self) -> None:
        """Begin, and go on with what was left; raises `StateConflict` if another engine is at work."""

    def stop(self) -> None:
        """Stop starting tasks, and leave those that run to themselves: the next start goes on with them."""

    def wake(self) -> None:
        """Look at the rows now."""
