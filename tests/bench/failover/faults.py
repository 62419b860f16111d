"""The faults, each on a fresh pair that has come to rest with everything on the first node.

A fault has two halves, the damage and its repair, and a row each: what came of it for the client and for the owners.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass

from migration.nodes import Node
from tests.bench.failover.profile import INSIDE, NODES, OUTSIDE
from tests.bench.failover.stacks import Stack, processes
from tests.bench.failover.world import World

FIRST, SECOND = NODES
BOUND = 60.0
WATCH = 12.0
"""Seconds for which faults are looked at that nobody repairs: long enough to tell for ever from a while."""
RESUME = 12.0
"""Seconds for open downloads to go on when requests are served: TCP repeats after 0.2, 0.6, 1.4, 3 and 6 s."""
DOWNLOADING = 3.0
"""Seconds that downloads are open before something happens: IPVS tells its peer of a connection within two."""
REST = 6.0
"""Seconds between the start of the pair and the fault: a heartbeat that has just started asks for more patience."""


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


class Fault:
    """damage and repair do it, and return when. watched: by fixed time, not until the other node serves."""

    def __init__(
        self,
        name: str,
        damage: Callable[[World, Stack], float],
        repair: Callable[[World, Stack], float] | None = None,
        back: str = "",
        watched: bool = False,
    ) -> None:
        self.name, self._damage, self._repair, self._back, self._watched = name, damage, repair, back, watched

    def play(self, world: World, stack: Stack) -> Iterable[Row]:
        """The rows. The pair is at rest before; afterwards it is of no more use."""
        self._begin_downloads(world)
        began = self._damage(world, stack)
        if self._watched:
            world.observe(WATCH)
        else:
            world.until_served_by(SECOND, BOUND)
        yield self._row(world, self.name, began, SECOND)
        if self._repair is None:
            return
        self._begin_downloads(world)
        began = self._repair(world, stack)
        world.until_served_by(FIRST, BOUND)
        yield self._row(world, self._back, began, FIRST)

    def _begin_downloads(self, world: World) -> None:
        world.downloads.renew()
        world.observe(DOWNLOADING)

    def _row(self, world: World, name: str, began: float, holder: str) -> Row:
        requests, failed = world.failed(began)
        two = world.two_owners(began, time.monotonic())
        outage, moved = world.outage(began), world.moved(began, holder)
        world.until_downloads_go_on(RESUME)
        now, downloads = time.monotonic(), world.downloads.open
        survivors = [download for download in downloads if download.survives(now)]
        silence = max((download.silence(began) for download in survivors), default=None)
        return Row(name, outage, requests, failed, moved, two, len(downloads), len(survivors), silence)


def _power_off(world: World, stack: Stack) -> float:
    return world.power_off(FIRST)


def _boot(world: World, stack: Stack) -> float:
    began = time.monotonic()
    world.nodes[FIRST].boot()
    stack.start(world.nodes[FIRST])
    return began


def _stop(world: World, stack: Stack) -> float:
    began = time.monotonic()
    stack.stop(world.nodes[FIRST])
    return began


def _start(world: World, stack: Stack) -> float:
    began = time.monotonic()
    stack.start(world.nodes[FIRST])
    return began


def _cable(interface: str, *, mend: bool) -> Callable[[World, Stack], float]:
    def do(world: World, stack: Stack) -> float:
        began = time.monotonic()
        world.switch.cut([world.nodes[FIRST].ports[interface]], mend=mend)
        return began

    return do


def _freeze(world: World, stack: Stack) -> float:
    began = time.monotonic()
    _send(world, signal.SIGSTOP)
    return began


def _kill(world: World, stack: Stack) -> float:
    """All at one instant: of processes that are killed one after the other, the others clean up."""
    _send(world, signal.SIGSTOP)
    began = time.monotonic()
    _send(world, signal.SIGKILL)
    return began


def _send(world: World, number: signal.Signals) -> None:
    for pid in processes(world.nodes[FIRST]):
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _deafen(world: World, stack: Stack) -> float:
    """Heartbeats and adverts of both nodes vanish in the switch; everything else goes on."""
    began = time.monotonic()
    for node in world.nodes.values():
        for port in node.ports.values():
            _drop_heartbeats(world, node, port)
    return began


def _drop_heartbeats(world: World, node: Node, port: str) -> None:
    match = "protocol ip u32 match ip protocol"
    with world.switch.namespace.entered():
        for command in (
            f"qdisc add dev {port} clsact",
            f"filter add dev {port} ingress {match} 17 0xff match ip dport 694 0xffff action drop",
            f"filter add dev {port} ingress {match} 112 0xff action drop",
        ):
            subprocess.run(["tc", *command.split()], check=True)


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("power-off", _power_off, _boot, "return"),
        Fault("stop", _stop, _start, "start"),
        Fault("outside cable", _cable(OUTSIDE, mend=False), _cable(OUTSIDE, mend=True), "outside cable back"),
        Fault("inside cable", _cable(INSIDE, mend=False), _cable(INSIDE, mend=True), "inside cable back"),
        Fault("killed", _kill, watched=True),
        Fault("frozen", _freeze, watched=True),
        Fault("heartbeats cut", _deafen, watched=True),
    )
}
