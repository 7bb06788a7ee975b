"""How long a part of the site that ends stays away."""

from kahua.cli.supervisor import MAX_RESTART_SECONDS, STEADY_SECONDS, Service


def test_part_that_ends_again_and_again_stays_away_ever_longer() -> None:
    service = Service("work", start_at=1000.0)
    pauses = [service.end(service.start_at + 5) for _ in range(8)]
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-1] == MAX_RESTART_SECONDS


def test_part_that_ran_long_starts_again_soon() -> None:
    service = Service("work", start_at=1000.0)
    for _ in range(8):
        service.end(service.start_at + 5)
    assert service.end(service.start_at + STEADY_SECONDS) == 1
    assert service.end(service.start_at + 5) == 2
