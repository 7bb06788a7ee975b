from kahua.workflows.engines.ledger import Ledger, Share
from kahua.workflows.plan import Need
from kahua.workflows.planner import Machine


def ledger(**machine: int) -> Ledger:
    return Ledger(Machine(**({"cpus": 4, "memory_bytes": 100, "gpus": 2} | machine)))


def test_what_is_taken_is_not_given_again() -> None:
    books = ledger()
    assert books.take("a", Need(cpus=3, memory_bytes=60, gpus=1)) == Share(cpus=3, memory_bytes=60, gpus=(0,))
    assert books.take("b", Need(cpus=2, memory_bytes=10)) is None
    assert books.lacking(Need(cpus=2, memory_bytes=50, gpus=2)) == {"cpus", "memory", "gpus"}
    assert books.take("c", Need(cpus=1, memory_bytes=40, gpus=1)) == Share(cpus=1, memory_bytes=40, gpus=(1,))


def test_what_is_given_back_is_free_again() -> None:
    books = ledger()
    books.take("a", Need(cpus=4, gpus=2))
    books.give_back("a")
    assert books.take("b", Need(cpus=4, gpus=2)) is not None


def test_a_task_gets_no_more_processors_than_there_are() -> None:
    assert ledger().take("a", Need(cpus=16)) == Share(cpus=4, memory_bytes=0)


def test_adopted_tasks_count_even_beyond_the_machine() -> None:
    books = ledger()
    books.adopt("a", Share(cpus=4, memory_bytes=150, gpus=(1,)))
    assert books.lacking(Need(cpus=1, memory_bytes=1)) == {"cpus", "memory"}
    books.give_back("a")
    assert books.lacking(Need(cpus=1, memory_bytes=1)) == set()
