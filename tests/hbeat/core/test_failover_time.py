"""What is promised at start, beside what two nodes in virtual time take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hbeat.core.failover_time import sentence, worst_cases
from hbeat.core.model import Resource, ResourceGroup, Safety, Timing
from tests.hbeat.world import SEED_GROUP, VIP, World

ALL_KILLED = Safety(keeper=False)  # of a daemon and its keeper
SLOW = Timing(keepalive=1.0, warntime=1.5, deadtime=3.0, initdead=12.0, deadping=3.0)
FAST = Timing(keepalive=0.1, warntime=0.2, deadtime=0.3, initdead=1.2, deadping=0.3)
FASTEST = Timing(keepalive=0.01, warntime=0.02, deadtime=0.04, initdead=1.2, deadping=0.04)
SCRIPTS = ResourceGroup("a", (VIP, Resource("database", "database")))
EVENTS: dict[str, Callable[[World], None]] = {
    "after a power cut": lambda world: world.power_off("a"),
    "when the daemon is killed or hangs": lambda world: world.crash("a"),
    "when a cable is pulled": lambda world: world.pull("a", "eth0"),
}


def taken_after(event: str, timing: Timing, group: ResourceGroup, phase: float) -> float:
    """Seconds until the other node has the address."""
    world = World(timing, groups=(group,), safety=ALL_KILLED)
    world.duration = lambda resource, action: 0.0005
    world.both_up()
    world.run_for(6 + phase * timing.keepalive)
    begun = world.now
    EVENTS[event](world)
    assert world.run_until(lambda: world.owners() == {"b"}, 60)
    return world.now - begun


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("timing", [SLOW, FAST, FASTEST], ids=["1s", "100ms", "10ms"])
@pytest.mark.parametrize("group", [SEED_GROUP, SCRIPTS], ids=["built in", "with a script"])
def test_nothing_takes_longer_than_was_promised(event: str, timing: Timing, group: ResourceGroup) -> None:
    promised = {case.event: case.seconds for case in worst_cases(timing, ALL_KILLED, [group])}[event]
    assert promised is not None
    taken = max(taken_after(event, timing, group, phase / 5) for phase in range(5))
    assert taken <= promised
    assert promised < 2 * taken + 0.3  # it is no idle promise either


def test_what_is_switched_off_is_said() -> None:
    safety = replace(Safety(), vip_lease=None, link_hold_down=None)
    text = sentence(worst_cases(SLOW, safety, [SEED_GROUP]))
    assert text.startswith("fail-over takes at most 3.1 s after a power cut, for ever (vip_lease is off")
    assert "link_hold_down is off" in text


def test_without_the_guard_a_hung_node_is_taken_over_at_deadtime_or_at_the_end_of_its_lease() -> None:
    for timing, seconds in ((SLOW, 3.1), (FAST, 1.16)):
        hung = worst_cases(timing, Safety(arp_guard=False), [SEED_GROUP])[1]
        assert hung.seconds == pytest.approx(seconds)
