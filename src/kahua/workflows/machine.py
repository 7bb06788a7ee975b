"""What tasks may use of this machine."""

import os
from pathlib import Path

from kahua.settings import Settings
from kahua.workflows.planner import Machine

#: Memory that is left to the site and the system by default.
SITE_BYTES = 2_000_000_000

#: Least part of the memory that tasks may use by default, on a small machine.
LEAST_PART = 0.5

#: Files in which a container finds how much memory it may use.
CONTAINER_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def machine_of(settings: Settings) -> Machine:
    """Give what tasks may use: as the settings say, else as the machine has."""
    memory = _memory_bytes()
    return Machine(
        cpus=settings.worker_cpus or len(os.sched_getaffinity(0)),
        memory_bytes=settings.worker_memory_bytes or max(memory - SITE_BYTES, int(memory * LEAST_PART)),
        gpus=settings.worker_gpus,
    )


def _memory_bytes() -> int:
    """Memory of the machine, or of the container in which the site runs."""
    amounts = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in CONTAINER_LIMITS:
        text = path.read_text().strip() if path.exists() else ""
        if text.isdecimal():
            amounts.append(int(text))
    return min(amounts)
