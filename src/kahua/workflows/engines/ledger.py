"""Which resources are free: kept so that the tasks which run never need more than there is. Pure."""

from dataclasses import dataclass, field

from kahua.workflows.plan import Need
from kahua.workflows.planner import Machine


@dataclass(frozen=True, kw_only=True)
class Share:
    """What a running task holds."""

    cpus: int
    memory_bytes: int
    #: Numbers of the GPUs that are its own.
    gpus: tuple[int, ...] = ()


@dataclass
class Ledger:
    """The resources of a machine, and who holds them."""

    machine: Machine
    _shares: dict[str, Share] = field(default_factory=dict)

    def take(self, holder: str, need: Need) -> Share | None:
        """Give a task its share if it is free."""
        if self.lacking(need):
            return None
        share = Share(cpus=self._cpus(need), memory_bytes=need.memory_bytes, gpus=tuple(self._free_gpus()[: need.gpus]))
        self._shares[holder] = share
        return share

    def lacking(self, need: Need) -> set[str]:
        """Which of the resources that a task needs are not free."""
        short = {
            "cpus": self._cpus(need) > self._free_cpus(),
            "memory": need.memory_bytes > self._free_memory(),
            "gpus": need.gpus > len(self._free_gpus()),
        }
        return {name for name, is_short in short.items() if is_short}

    def adopt(self, holder: str, share: Share) -> None:
        """Count the share of a task that runs already, even if there is less than it holds."""
        self._shares[holder] = share

    def give_back(self, holder: str) -> None:
        """Free the share of a task that has ended."""
        self._shares.pop(holder, None)

    def _cpus(self, need: Need) -> int:
        """Processors that a task gets: with fewer than it asks for, it is only slower."""
        return min(need.cpus, self.machine.cpus)

    def _free_cpus(self) -> int:
        return self.machine.cpus - sum(share.cpus for share in self._shares.values())

    def _free_memory(self) -> int:
        return self.machine.memory_bytes - sum(share.memory_bytes for share in self._shares.values())

    def _free_gpus(self) -> list[int]:
        taken = {number for share in self._shares.values() for number in share.gpus}
        return [number for number in range(self.machine.gpus) if number not in taken]
