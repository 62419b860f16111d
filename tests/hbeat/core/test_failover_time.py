"""What is promised at start, beside what two nodes in virtual time take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from hbeat.core.builtin import ADDRESSES
from hbeat.core.failover_time import Paths, sentence, worst_cases
from hbeat.core.model import Failback, Resource, ResourceGroup, Safety, Timing
from tests.hbeat.machine import DIRECTOR, LINKS, SEED_GROUP, VIP, link_of
from tests.hbeat.world import World

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


OUTSIDE_ONLY = ResourceGroup("a", (DIRECTOR, VIP))


@dataclass(frozen=True)
class Cables:
    """heartbeats: over which they go, in truth and by the files."""

    heartbeats: tuple[str, ...]
    group: ResourceGroup

    def paths(self) -> Paths:
        addresses = frozenset((link_of(r), 4) for r in self.group.resources if r.script in ADDRESSES)
        return Paths(frozenset((name, 4) for name in self.heartbeats), addresses)


CABLES = {
    "built in": Cables(LINKS, SEED_GROUP),
    "with a script": Cables(LINKS, SCRIPTS),
    "one cable for all": Cables(("eth0",), OUTSIDE_ONLY),
    "a cable for heartbeats alone": Cables(("eth1",), OUTSIDE_ONLY),
}


def taken_after(event: str, timing: Timing, cables: Cables, failback: Failback, phase: float) -> float | None:
    """Seconds until the other node has the address; None: never."""
    world = World(timing, failback, groups=(cables.group,), safety=ALL_KILLED)
    world.cut = {(name, link) for name in ("a", "b") for link in LINKS if link not in cables.heartbeats}
    world.duration = lambda resource, action: 0.0005
    world.both_up()
    world.run_for(6 + phase * timing.keepalive)
    begun = world.now
    EVENTS[event](world)
    return world.now - begun if world.run_until(lambda: world.owners() == {"b"}, 60) else None


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("timing", [SLOW, FAST, FASTEST], ids=["1s", "100ms", "10ms"])
@pytest.mark.parametrize("cables", CABLES.values(), ids=CABLES)
@pytest.mark.parametrize("failback", [Failback.ON, Failback.LEGACY])
def test_nothing_takes_longer_than_was_promised(event: str, timing: Timing, cables: Cables, failback: Failback) -> None:
    cases = worst_cases(timing, ALL_KILLED, failback, [cables.group], cables.paths())
    promised = {case.event: case.seconds for case in cases}[event]
    taken = [taken_after(event, timing, cables, failback, phase / 5) for phase in range(5 if promised else 1)]
    if promised is None:
        assert taken == [None]
        return
    worst = max(seconds for seconds in taken if seconds is not None)
    assert None not in taken
    assert worst <= promised
    assert promised < 2 * worst + 0.3  # it is no idle promise either


def test_what_is_switched_off_is_said() -> None:
    safety = replace(Safety(), vip_lease=None, link_hold_down=None)
    paths = CABLES["built in"].paths()
    text = sentence(worst_cases(SLOW, safety, Failback.ON, [SEED_GROUP], paths))
    assert text.startswith("fail-over takes at most 3.1 s after a power cut, for ever (vip_lease is off")
    assert "link_hold_down is off" in text


def test_without_the_guard_a_hung_node_is_taken_over_at_deadtime_or_at_the_end_of_its_lease() -> None:
    for timing, seconds in ((SLOW, 3.1), (FAST, 1.35)):
        paths = CABLES["built in"].paths()
        hung = worst_cases(timing, Safety(arp_guard=False), Failback.ON, [SEED_GROUP], paths)[1]
        assert hung.seconds == pytest.approx(seconds)
