"""Cables pulled, cut in one direction, lossy, and flapping."""

from __future__ import annotations

import time

from tests.faults.checker import Bounds
from tests.faults.live import network
from tests.faults.live.fault import Act, Fault, nothing
from tests.faults.live.faults_of_processes import LEASE_OUTAGE
from tests.faults.live.world import ONE, TWO, World

CARRIER = 0.5
"""Seconds until a lost carrier has moved everything, on a machine that is busy; a tenth of it is usual."""
GIVES_WAY = 2.0
"""Seconds until a node that is not heard has given up what the other one has taken: deadtime, the questions to the
network and two heartbeats, on a machine that is busy."""
UNSEEN_BY_ALL = Bounds(outage=None)
"""The nodes cannot see that clients do not get through (ipfail, with ping nodes, could); nothing is to move."""


def pulled(on: str, *legs: str, mend: bool = False) -> Act:
    """mend: plugged in again."""
    return lambda world: network.cut(world, on, *legs, mend=mend)


def pull_all(world: World) -> None:
    for name in (ONE, TWO):
        network.cut(world, name)


def cross(world: World) -> None:
    """Neither hears the other, and each has one of the networks for itself."""
    network.cut(world, TWO, "eth0")
    network.cut(world, ONE, "eth1")


def plug_all_in(world: World) -> None:
    for name in (ONE, TWO):
        network.cut(world, name, mend=True)


def flap(hertz: float, times: int) -> Act:
    """The owner's outside cable, half of each period out."""

    def do(world: World) -> None:
        for _ in range(times):
            for mend in (False, True):
                network.cut(world, ONE, "eth0", mend=mend)
                time.sleep(0.5 / hertz)

    return do


def flapping(hertz: float, times: int, moves: int) -> Fault:
    bounds = Bounds(outage=CARRIER, moves=moves, settles=30.0 + times / hertz)
    return Fault(f"cable flaps at {hertz:g} Hz", flap(hertz, times), bounds, nothing, lasts=0)


def short_cut(name: str, bounds: Bounds, seconds: float) -> Fault:
    """Over before anybody is dead. Two moves, there and back: cables that are in again some milliseconds apart hand
    everything over."""
    do, undo = pulled(name), pulled(name, mend=True)
    return Fault(f"all cables of {name} out for {seconds:g} s", do, bounds, undo, lasts=seconds)


def cable(name: str, bounds: Bounds, *legs: str) -> Fault:
    do, undo = pulled(name, *legs), pulled(name, *legs, mend=True)
    return Fault(f"{' and '.join(legs)} of {name} pulled", do, bounds, undo, lasts=2.5)


def one_way(name: str, direction: str, bounds: Bounds, *legs: str) -> Fault:
    act = {"says": network.silence, "hears": network.deafen}[direction]
    where = f" on {' and '.join(legs)}" if legs else ""
    return Fault(f"what {name} {direction}{where} is lost", lambda w: act(w, name, *legs), bounds, network.heal, 4)


FAULTS = [
    cable(ONE, Bounds(CARRIER, moves=2), "eth0"),
    cable(ONE, Bounds(CARRIER, moves=2), "eth1"),
    cable(TWO, Bounds(), "eth0"),
    cable(TWO, Bounds(), "eth1"),
    cable(ONE, Bounds(LEASE_OUTAGE, moves=2), "eth0", "eth1"),
    cable(TWO, Bounds(), "eth0", "eth1"),
    short_cut(ONE, Bounds(LEASE_OUTAGE, moves=2), 0.3),
    Fault("all cables pulled", pull_all, Bounds(None, moves=2), plug_all_in, lasts=4),
    Fault("each node without another cable", cross, Bounds(None, moves=2), plug_all_in, lasts=4),
    Fault("heartbeats lost", network.lose_heartbeats, Bounds(), network.heal, lasts=5),
    one_way(ONE, "says", Bounds(LEASE_OUTAGE, split=True, agrees=GIVES_WAY, moves=2)),
    one_way(ONE, "hears", UNSEEN_BY_ALL),
    one_way(TWO, "says", Bounds()),
    one_way(TWO, "hears", Bounds(None, split=True, agrees=GIVES_WAY, moves=2)),
    one_way(ONE, "says", UNSEEN_BY_ALL, "eth0"),
    one_way(ONE, "hears", Bounds(outage=None), "eth1"),
    Fault(
        "first node alone behind the switch",
        lambda w: network.isolate(w, ONE),
        Bounds(LEASE_OUTAGE, split=True, moves=2),
        network.heal,
        lasts=4,
    ),
    Fault(
        "second node alone behind the switch",
        lambda w: network.isolate(w, TWO),
        Bounds(split=True, moves=2),
        network.heal,
        lasts=4,
    ),
    Fault("a tenth of all frames lost", lambda w: network.lose(w, 10), Bounds(unserved=1.5), network.heal, lasts=8),
    Fault("a third of all frames lost", lambda w: network.lose(w, 30), Bounds(unserved=3.0), network.heal, lasts=8),
    Fault("frames duplicated", network.duplicate, Bounds(), network.heal, lasts=4),
    flapping(10, 30, 2),
    flapping(1, 6, 2),
    flapping(0.2, 2, 4),
]
LONG = [flapping(0.1, 6, 12), flapping(2, 60, 4), flapping(5, 150, 4)]
