"""Two nodes that live and do not hear each other, while something slow is under way: never two owners."""

from __future__ import annotations

import pytest

from hbeat.core.events import Action
from hbeat.core.model import Failback, Held, Resource, ResourceGroup, Safety, Timing
from tests.hbeat.machine import DIRECTOR, INSIDE, VIP
from tests.hbeat.world import World

SLOW = Timing(keepalive=1.0, warntime=1.5, deadtime=3.0, initdead=12.0, deadping=3.0)
FAST = Timing(keepalive=0.1, warntime=0.2, deadtime=0.5, initdead=1.5, deadping=0.5)
DISK, WEB = Resource("Filesystem::/dev/x", "Filesystem", ("/dev/x",)), Resource("httpd", "httpd")
CLASSIC = ResourceGroup("a", (DISK, VIP, WEB))
BALANCED = ResourceGroup("a", (DIRECTOR, VIP, INSIDE))


def one_owner(world: World) -> None:
    assert world.seconds_of_two_owners() == 0, "\n".join(world.transcript[-30:])


def takes(**seconds: float) -> object:
    def duration(resource: Resource, action: Action) -> float:
        return seconds.get(resource.script, 0.005)

    return duration


@pytest.mark.parametrize("step", range(0, 22, 4))
@pytest.mark.parametrize("how", ["standby", "takeover"])
def test_heartbeats_cut_at_each_step_of_a_handover(how: str, step: int) -> None:
    world = World(FAST, safety=Safety(), groups=[CLASSIC]).both_up()
    world.duration = takes(Filesystem=1.0, httpd=3.0)  # type: ignore[assignment]
    if how == "standby":
        world.do("a", lambda c: c.give(Held.ALL, world.now))
    else:
        world.do("b", lambda c: c.ask_takeover("all", world.now))
    world.run_for(0.2 * step)
    world.partition()
    world.run_for(20)
    one_owner(world)
    assert len(world.owners()) == 1


@pytest.mark.parametrize("lag", [0.0, 0.25, 1.3])
@pytest.mark.parametrize("slow", [0.05, 0.8, 3.0])
@pytest.mark.parametrize("group", [CLASSIC, BALANCED], ids=["classic", "director"])
@pytest.mark.parametrize("first", "ab")
def test_both_boot_unheard(first: str, group: ResourceGroup, slow: float, lag: float) -> None:
    world = World(FAST, safety=Safety(), groups=[group]).both_up()
    for name in "ab":
        world.power_off(name)
    world.run_for(3)
    world.partition()
    world.duration = takes(Filesystem=slow, ldirectord=slow, httpd=3.0)  # type: ignore[assignment]
    world.boot(first)
    world.run_for(lag)
    world.boot("b" if first == "a" else "a")
    world.run_for(20)
    one_owner(world)
    assert len(world.owners()) == 1


@pytest.mark.parametrize("apart", [0, 30])
def test_a_peer_that_was_never_heard_is_waited_for_without_limit(apart: float) -> None:
    """A firewall from the first day on; ARP gets through."""
    world = World(SLOW, safety=Safety())
    world.partition()
    world.boot("a")
    world.run_for(apart)
    world.boot("b")
    world.run_for(120)
    one_owner(world)
    assert world.owners() == {"a"}


def test_a_node_that_has_lost_what_it_knew_of_its_peer_waits() -> None:
    world = World(SLOW, safety=Safety()).both_up()
    world.power_off("b")
    world.machines["b"].record = None
    world.run_for(20)
    world.partition()
    world.boot("b")
    world.run_for(120)
    one_owner(world)


def test_an_original_that_has_proven_that_it_lives_is_not_overridden_again() -> None:
    world = World(FAST, safety=Safety())
    world.machines["a"].original = True
    world.both_up()
    world.partition()
    assert world.run_until(lambda: world.owners() == {"a", "b"}, 5)  # as it would: after the limit
    world.run_for(1)
    world.do("b", lambda c: c.address_seen(VIP, "a", world.now))
    world.run_for(20)
    taken = [line for line in world.transcript if "leaves its addresses behind" in line]
    assert len(taken) == 1
    assert world.owners() == {"a"}
    world.power_off("a")
    assert world.run_until(lambda: world.owners() == {"b"}, 5)


def test_what_has_begun_of_a_group_is_stopped_when_somebody_answers() -> None:
    world = World(FAST, safety=Safety(), groups=[CLASSIC]).both_up()
    world.duration = takes(Filesystem=1.0)  # type: ignore[assignment]
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    assert world.run_until(lambda: DISK.text not in world.machines["a"].running, 10)
    world.partition()
    world.run_for(20)
    running = [name for name, machine in world.machines.items() if DISK.text in machine.running]
    assert running == sorted(world.owners())


@pytest.mark.parametrize("failback", [Failback.ON, Failback.LEGACY])
@pytest.mark.parametrize("named", "ab")
def test_group_that_does_not_start_here_is_not_tried_while_somebody_answers(named: str, failback: Failback) -> None:
    world = World(FAST, failback, groups=[ResourceGroup(named, (VIP, WEB))], safety=Safety())
    world.fails.add(("a", WEB.text, Action.START))
    world.boot("a")
    world.run_for(10)
    world.partition()
    world.boot("b")
    assert world.run_until(lambda: world.owners() == {"b"}, 60)
    world.run_for(5)
    before = len(world.owner_log)
    world.run_for(100)
    assert len(world.owner_log) == before, "\n".join(world.transcript[-30:])
    told = "somebody answers for its addresses; it is not started again here for now"
    assert named == "b" or sum(told in line for line in world.transcript) >= 3
    world.power_off("b")
    world.fails.clear()
    assert world.run_until(lambda: world.owners() == {"a"}, 35)
    one_owner(world)
