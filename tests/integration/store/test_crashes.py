"""Killed at any moment, the archive has every instance that it acknowledged, and no half one."""

import random
from pathlib import Path

from kahua.testing.crashes import Campaign, nursery

#: More of them, and with full disks, by `make bench NAME=kills`.
KILLS = 40


def test_every_acknowledged_instance_survives_a_kill_at_any_moment(tmp_path: Path) -> None:
    moments = random.Random(20240229)  # noqa: S311 - the same moments in every run, as far as the machine is the same
    with nursery() as program, Campaign(program, tmp_path, moments) as campaign:
        for _ in range(KILLS):
            campaign.kill_one()
        campaign.check()
        assert campaign.acknowledged
