"""The virtual addresses that stand on this node: their leases, and what takes them away behind our back."""

from __future__ import annotations

from collections.abc import Callable

from hbeat.adapters.clocks import read_clocks
from hbeat.adapters.keeper_link import KeeperLink
from hbeat.adapters.rtnetlink import AddressLeases
from hbeat.core.lease import Clocks, Leases, Standing
from hbeat.core.model import Resource
from hbeat.core.rtnetlink import removal

Report = Callable[[str], None]


class Vips:
    """lease: for how many seconds the kernel lends an address, None = for ever. report: takes problems.

    keeper: is told of what stands, and removes it when this process dies.
    """

    def __init__(self, lease: int | None, report: Report, keeper: KeeperLink | None = None) -> None:
        self.keeper = keeper
        self._leases = Leases(lease)
        self._report = report
        self._kernel = AddressLeases()
        self._standing: dict[Standing, Resource] = {}
        self._late: list[Resource] = []
        self._going: dict[Resource, None] = {}

    @property
    def lease(self) -> int | None:
        """For how long an address is to be added."""
        return self._leases.seconds

    def fileno(self) -> int:
        """Readable when addresses came or went; call `missing`."""
        return self._kernel.fileno()

    def stands(self, resource: Resource, standing: Standing, asked: Clocks) -> None:
        """The kernel has the address. asked: right before it was asked for it."""
        self._standing[standing] = resource
        self._going.pop(resource, None)
        if self.keeper is not None:
            self.keeper.stands(removal(standing))
        self._leases.begun(standing, asked)
        self._late += self._renewed()  # a group of hundreds takes longer than a lease to start

    @property
    def going(self) -> list[Resource]:
        """What is to be removed and has not been yet."""
        return list(self._going)

    def goes(self, resource: Resource) -> None:
        """The address is about to be removed by us: if that fails, the kernel does it at the end of its lease, and the
        keeper when this process dies."""
        self._going[resource] = None
        for standing in self._of(resource):
            self._leases.ended(standing)

    def gone(self, resource: Resource) -> None:
        """The address is removed."""
        self._going.pop(resource, None)
        for standing in self._of(resource):
            self._forget(standing)

    def _of(self, resource: Resource) -> list[Standing]:
        return [standing for standing, held in self._standing.items() if held == resource]

    def route(self, again: bytes) -> None:
        """again: the message that puts back the default route which the kernel removes with one of the addresses."""
        if self.keeper is not None:
            self.keeper.puts_back(again)

    def next_deadline(self) -> float | None:
        return self._leases.next_deadline()

    def renew(self) -> list[Resource]:
        """Renews what is due. Returns what is lost, because it is too late for that: to be removed by the caller."""
        late, self._late = self._late, []
        return [*late, *self._renewed()]

    def _renewed(self) -> list[Resource]:
        lost = self._leases.lost(read_clocks())
        for standing in self._leases.due(read_clocks()):
            asked = read_clocks()
            if not self._leases.may_renew(standing, asked):
                lost.append(standing)
                continue
            problem = self._kernel.renew(standing, self._leases.seconds or 0)
            if problem:
                if self._leases.refused(standing, read_clocks()):
                    self._report(f"{self._standing[standing].text}: its lease is not renewed: {problem}")
            elif not self._leases.renewed(standing, asked, read_clocks()):
                lost.append(standing)
        return self._take(lost)

    def missing(self) -> list[Resource]:
        """What somebody else has removed, or the kernel at the end of its lease."""
        gone, missed = self._kernel.gone()
        if missed:
            self._report("more addresses came and went than could be told; the next look is at the next renewal")
        ours = [standing for standing in gone if standing in self._standing]
        return self._take(self._absent(ours) if ours else [])

    def _absent(self, gone: list[Standing]) -> list[Standing]:
        """Those of them that did not come back: we may have put one there again since."""
        try:
            present = self._kernel.present()
        except OSError:
            return gone
        return [standing for standing in gone if standing not in present]

    def _take(self, lost: list[Standing]) -> list[Resource]:
        resources = [self._standing[standing] for standing in lost if standing in self._standing]
        for standing in lost:
            self._forget(standing)
        return list(dict.fromkeys(resources))

    def _forget(self, standing: Standing) -> None:
        self._leases.ended(standing)
        if self._standing.pop(standing, None) is not None and self.keeper is not None:
            self.keeper.gone(removal(standing))

    def close(self) -> None:
        self._kernel.close()
