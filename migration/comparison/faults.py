"""The faults, each on a fresh pair that has come to rest with everything on the first node.

A fault has two halves, the damage and its repair, and a row each: what came of it for the client and for the owners.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass

from hbeat.core.model import Failback
from migration.comparison.stacks import Stack, signal_all
from migration.comparison.world import Holders, World

RESUME = 12.0
"""Seconds for open downloads to go on when requests are served: TCP repeats after 0.2, 0.6, 1.4, 3 and 6 s."""
DOWNLOADING = 3.0
"""Seconds that downloads are open before something happens: IPVS tells its peer of a connection within two."""
REST = 6.0
"""Seconds between the start of the pair and the fault: a heartbeat that has just started asks for more patience."""
HANDOVER = 0.05
"""Seconds for which both nodes may be seen with an address that one gives to the other: the fault matrix allows so much
around an orderly handover, too."""


@dataclass(frozen=True, slots=True)
class Row:
    """One half of a fault. Times are seconds; moved: until the addresses were where they belong, None: never.

    downloads: how many were open; survived: how many of them went on; silence: the longest of the survivors.
    """

    fault: str
    outage: float
    requests: int
    failed: int
    moved: float | None
    two_owners: float
    downloads: int
    survived: int
    silence: float | None

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Half:
    """A row, and what should have been true after it and was not, in words."""

    row: Row
    unmet: tuple[str, ...] = ()


class Fault:
    """damage and repair do it, and return when.

    orderly: both nodes live and can speak. watched: by fixed time, not until the other node serves. by_hand: commands
    of the operator do both.
    """

    def __init__(
        self,
        name: str,
        damage: Callable[[World, Stack], float],
        repair: Callable[[World, Stack], float] | None = None,
        back: str = "",
        *,
        orderly: bool = False,
        watched: bool = False,
        by_hand: bool = False,
    ) -> None:
        self.name, self._damage, self._repair, self._back = name, damage, repair, back
        self._orderly, self._watched, self._by_hand = orderly, watched, by_hand

    def fits(self, stack: Stack, failback: Failback) -> bool:
        """Whether it can be played: not every stack has commands for it, and auto_failback legacy refuses them."""
        return not self._by_hand or (bool(stack.hand_over) and failback is not Failback.LEGACY)

    def play(self, world: World, stack: Stack) -> Iterable[Half]:
        """What came of it. The pair is at rest before; afterwards it is of no more use."""
        self._begin_downloads(world)
        began = self._damage(world, stack)
        if self._watched:
            world.observe(world.watch)
            settled = world.is_served()
            where = "on one node each"
        else:
            settled = world.until_served(world.refuge)
            where = f"on {world.second}"
        row = self._row(world, self.name, began, world.homes, world.refuge)
        yield Half(row, tuple(_unmet(row, settled, where, orderly=self._orderly)))
        if self._repair is None:
            return
        self._begin_downloads(world)
        began = self._repair(world, stack)
        after = world.homes if self._by_hand else world.after_repair
        settled = world.until_served(after)
        row = self._row(world, self._back, began, world.refuge, after)
        yield Half(row, tuple(_unmet(row, settled, "where they belong", orderly=True)))

    def _begin_downloads(self, world: World) -> None:
        world.downloads.renew()
        world.observe(DOWNLOADING)

    def _row(self, world: World, name: str, began: float, before: Holders, after: Holders) -> Row:
        requests, failed = world.failed(began)
        two = world.two_owners(began, time.monotonic())
        outage, moved = world.outage(began), world.moved(began, before, after)
        world.until_downloads_go_on(RESUME)
        now, downloads = time.monotonic(), world.downloads.open
        survivors = [download for download in downloads if download.survives(now)]
        silence = max((download.silence(began) for download in survivors), default=None)
        return Row(name, outage, requests, failed, moved, two, len(downloads), len(survivors), silence)


def _unmet(row: Row, settled: bool, where: str, *, orderly: bool) -> Iterable[str]:
    if not settled:
        yield f"{row.fault}: the virtual addresses should be {where}, and the client served"
    if round(row.two_owners, 3) > (HANDOVER if orderly else 0):
        yield f"{row.fault}: two nodes had one address for {row.two_owners:.3f} s"


def _power_off(world: World, stack: Stack) -> float:
    return world.power_off(world.first)


def _boot(world: World, stack: Stack) -> float:
    began = time.monotonic()
    world.nodes[world.first].boot()
    stack.start(world.nodes[world.first])
    return began


def _stop(world: World, stack: Stack) -> float:
    began = time.monotonic()
    stack.stop(world.nodes[world.first])
    return began


def _start(world: World, stack: Stack) -> float:
    began = time.monotonic()
    stack.start(world.nodes[world.first])
    return began


def _hand_over(world: World, stack: Stack) -> float:
    began = time.monotonic()
    world.nodes[world.first].start(list(stack.hand_over))
    return began


def _take_back(world: World, stack: Stack) -> float:
    began = time.monotonic()
    world.nodes[world.first].start(list(stack.take_back))
    return began


def _cable(interface: str, *, mend: bool) -> Callable[[World, Stack], float]:
    def do(world: World, stack: Stack) -> float:
        began = time.monotonic()
        world.switch.cut([world.nodes[world.first].ports[interface]], mend=mend)
        return began

    return do


def _freeze(world: World, stack: Stack) -> float:
    began = time.monotonic()
    signal_all(world.nodes[world.first], signal.SIGSTOP)
    return began


def _kill(world: World, stack: Stack) -> float:
    """All at one instant: of processes that are killed one after the other, the others clean up."""
    node = world.nodes[world.first]
    signal_all(node, signal.SIGSTOP)
    began = time.monotonic()
    signal_all(node, signal.SIGKILL)
    return began


def _deafen(world: World, stack: Stack) -> float:
    """Heartbeats and adverts of both nodes vanish in the switch; everything else goes on."""
    began = time.monotonic()
    for node in world.nodes.values():
        for port in node.ports.values():
            _drop_heartbeats(world, port)
    return began


def _drop_heartbeats(world: World, port: str) -> None:
    match = "protocol ip u32 match ip protocol"
    with world.switch.namespace.entered():
        drops = [f"{match} 112 0xff"] + [f"{match} 17 0xff match ip dport {p} 0xffff" for p in world.heartbeat_ports]
        subprocess.run(["tc", "qdisc", "add", "dev", port, "clsact"], check=True)
        for drop in drops:
            subprocess.run(["tc", *f"filter add dev {port} ingress {drop} action drop".split()], check=True)


def faults(cables: Mapping[str, str]) -> dict[str, Fault]:
    """All of them by name. cables: what a cable is called -> the interface of the first node that it is in."""
    cut = [
        Fault(name, _cable(interface, mend=False), _cable(interface, mend=True), f"{name} back", orderly=True)
        for name, interface in cables.items()
    ]
    every = (
        Fault("power-off", _power_off, _boot, "return"),
        Fault("stop", _stop, _start, "start", orderly=True),
        Fault("hb_standby", _hand_over, _take_back, "hb_takeover", orderly=True, by_hand=True),
        *cut,
        Fault("killed", _kill, watched=True),
        Fault("frozen", _freeze, watched=True),
        Fault("heartbeats cut", _deafen, watched=True),
    )
    return {fault.name: fault for fault in every}
