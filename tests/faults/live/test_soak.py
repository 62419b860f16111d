"""Soak: one pair lives through cycle after cycle of two faults at once, and is at rest again after each.

Every cycle is judged for itself; memory and descriptors are judged over all of them. FAULTS_SEED plays a run again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

import pytest

from tests.faults.checker import Bounds, check
from tests.faults.live import network
from tests.faults.live.fault import Act, nothing
from tests.faults.live.faults_of_cables import pulled
from tests.faults.live.faults_of_machines import START, boot, power_off
from tests.faults.live.faults_of_processes import LEASE_OUTAGE, continued, killed, stopped
from tests.faults.live.kills import SEED
from tests.faults.live.play import judged
from tests.faults.live.processes import DAEMON, KEEPER
from tests.faults.live.world import INITDEAD, YOUNG, World
from tests.faults.timeline import Kind, Process, Timeline
from tests.system.pair import NAMES

CYCLES = [6, pytest.param(500, marks=pytest.mark.nightly)]
LONGEST = 1.5
"""Seconds between one fault and the next, and until both are repaired."""
REST = 90.0
NETWORK = "the network"


@dataclass(frozen=True, slots=True)
class Part:
    """One of the two. where: a node, or the network; harms: nodes of which no service is asked meanwhile. starts: its
    repair starts a node, which joins first."""

    name: str
    where: str
    harms: frozenset[str]
    do: Act
    undo: Act = nothing
    starts: bool = False


def parts() -> Iterator[Part]:
    both = frozenset(NAMES)
    for node in NAMES:
        one = frozenset([node])
        yield Part(f"power-off of {node}", node, one, power_off(node), boot(node), starts=True)
        yield Part(f"daemon of {node} killed", node, one, killed(DAEMON, on=node))
        yield Part(f"keeper of {node} killed", node, frozenset(), killed(KEEPER, on=node))
        yield Part(f"all of {node} killed", node, one, killed(on=node), start(node), starts=True)
        yield Part(f"daemon of {node} stopped", node, one, stopped(DAEMON, on=node), continued(node))
        for legs in (("eth0",), ("eth1",), ("eth0", "eth1")):
            name = f"{' and '.join(legs)} of {node} pulled"
            yield Part(name, node, one, pulled(node, *legs), pulled(node, *legs, mend=True))
    yield Part("heartbeats lost", NETWORK, both, network.lose_heartbeats, network.heal)
    yield Part("a tenth of all frames lost", NETWORK, frozenset(), lambda w: network.lose(w, 10), network.heal)
    yield Part("frames duplicated", NETWORK, frozenset(), network.duplicate, network.heal)


def start(node: str) -> Act:
    return lambda world: world.start(node)


PARTS = list(parts())


def bounds(world: World, *chosen: Part) -> Bounds:
    """What two at once may cost: what the later of two takeovers costs, and nothing is asked where both nodes are hit.

    A node that was once taken for dead, and was not, is waited for longer: that is in the patience of the other.
    """
    patience = max(world.patience(name) for name in NAMES)
    takeover = LEASE_OUTAGE + patience + YOUNG
    everybody = frozenset().union(*(part.harms for part in chosen)) == set(NAMES)
    outage = None if everybody else takeover
    heals = takeover + (INITDEAD + START if any(part.starts for part in chosen) else 0.0)
    return Bounds(outage, heals=heals, unserved=2.0, moves=6, settles=REST, ends=True, warm_up=6.0)


def pair_of(random: Random) -> tuple[Part, Part]:
    """Two that do not act on the same thing."""
    first = random.choice(PARTS)
    return first, random.choice([part for part in PARTS if part.where != first.where])


def cycle(world: World, random: Random, name: str) -> tuple[Process, ...]:
    """Two faults, their repair, rest, and the judgement. Returns the processes as they are in the end."""
    first, second = chosen = pair_of(random)
    allowed = bounds(world, *chosen)
    began = time.monotonic()
    for part in chosen:
        world.mark(Kind.FAULT, part.name)
        part.do(world)
        time.sleep(random.uniform(0, LONGEST))
    world.mark(Kind.HEALED, f"end of {first.name} and {second.name}")
    for part in reversed(chosen):
        part.undo(world)
    time.sleep(allowed.heals)
    world.until(world.at_rest, REST)
    timeline = world.timeline().since(began)
    judged(world, timeline, allowed, f"{name}, {first.name} and {second.name}")
    world.forget()
    last = timeline.processes[-1].at
    return tuple(process for process in timeline.processes if process.at == last)


@pytest.mark.parametrize("cycles", CYCLES)
def test_pair_lives_through_pairs_of_faults(world: World, cycles: int) -> None:
    world.start_all()
    looks: tuple[Process, ...] = ()
    for number in range(cycles):
        looks += cycle(world, Random(f"{SEED} {number}"), f"soak, seed {SEED}, cycle {number}")
    seen = Timeline(looks[0].at, looks[-1].at, (), processes=looks)
    assert check(seen, replace(Bounds(ends=True), warm_up=0.0)) == []
