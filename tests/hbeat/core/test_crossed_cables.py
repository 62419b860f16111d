"""One node has lost the one cable, the other one the other: neither hears the other, and none of it is to be seen by a
kernel: an address that no cable leads to stands on one node at most, too."""

from __future__ import annotations

import pytest

from hbeat.core.model import Timing
from tests.hbeat.core.test_custody import TIMINGS, pair, story
from tests.hbeat.machine import INSIDE, LINKS, VIP
from tests.hbeat.world import World

STEP = 0.001


def on_two_kernels(world: World, seconds: float) -> float:
    """For how long an address was, to the step."""
    found, end = 0.0, world.now + seconds
    while world.now < end:
        world.run_for(STEP)
        kernels = [machine.running for machine in world.machines.values()]
        found += STEP if any(all(vip.text in running for running in kernels) for vip in (VIP, INSIDE)) else 0.0
    return found


@TIMINGS
@pytest.mark.parametrize(("of_b", "of_a"), [LINKS, LINKS[::-1]])
@pytest.mark.parametrize("phase", [0.0, 0.25, 0.5, 0.75])
def test_no_kernel_has_what_the_other_one_has(timing: Timing, of_b: str, of_a: str, phase: float) -> None:
    world = pair(timing)
    world.run_for(phase * timing.keepalive)
    world.pull("b", of_b)
    world.run_for(0.674)
    world.pull("a", of_a)
    assert on_two_kernels(world, 4 * timing.deadtime) == 0.0
    served_by = {vip: world.owners(vip) for vip in (VIP, INSIDE)}
    assert sorted(map(sorted, served_by.values())) == [["a"], ["b"]], story(world)
    world.pull("a")
    world.pull("b")
    assert world.run_until(lambda: world.owners(VIP) == world.owners(INSIDE) == {"a"}, 60), story(world)


@TIMINGS
def test_what_waits_for_its_cable_comes_with_it(timing: Timing) -> None:
    """The other node has died meanwhile."""
    world = pair(timing)
    world.pull("b", "eth0")
    world.run_for(0.5)
    world.power_off("a")
    world.run_for(3 * timing.deadtime)
    assert VIP.text not in world.machines["b"].running
    assert world.owners(INSIDE) == {"b"}
    world.pull("b")
    assert world.run_until(lambda: world.owners(VIP) == {"b"}, 2.0), story(world)
