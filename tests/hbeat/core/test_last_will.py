"""A daemon that dies alone, whose keeper tells the other node."""

from __future__ import annotations

import pytest

from hbeat.core.badpackets import Reason
from hbeat.core.model import Resource, ResourceGroup, Safety, Timing
from tests.hbeat.machine import SEED_GROUP, VIP
from tests.hbeat.world import World

KEPT = Safety()
SLOW = Timing(keepalive=1.0, warntime=1.5, deadtime=3.0, initdead=12.0, deadping=3.0)
WITH_SCRIPT = ResourceGroup("a", (VIP, Resource("database", "database")))


def settled(group: ResourceGroup = SEED_GROUP, timing: Timing = SLOW) -> World:
    world = World(timing, groups=(group,), safety=KEPT)
    world.duration = lambda resource, action: 0.0005
    world.both_up()
    return world


def taken_after(world: World) -> float:
    """Seconds from the death of a's daemon until b has the address; nobody else has it meanwhile."""
    begun = world.now
    world.crash("a")
    assert world.run_until(lambda: world.owners() == {"b"}, 60)
    assert world.seconds_of_two_owners() == 0
    return world.now - begun


def test_other_node_takes_over_when_the_network_says_that_the_addresses_are_gone() -> None:
    assert taken_after(settled()) < 0.1


def test_without_a_last_will_it_waits_for_a_heartbeat_that_does_not_come() -> None:
    """The negative control."""
    world = settled()
    world.run_for(0.1)
    world.machines["a"].will = b""
    assert taken_after(world) > 0.3


def test_deadtime_is_waited_for_where_other_resources_may_run_on() -> None:
    world = settled(WITH_SCRIPT)
    assert taken_after(world) > 1.9
    assert any("has died; other resources may run on there" in line for line in world.transcript)


def test_address_that_is_still_answered_for_is_not_taken() -> None:
    world = settled()
    will = world.machines["a"].will
    world.transmit("a", will)  # by a keeper that has failed to remove anything
    world.run_for(1)
    assert world.owners() == {"a"}
    assert world.seconds_of_two_owners() == 0


def test_last_will_of_an_earlier_life_is_a_recording() -> None:
    world = settled()
    will = world.machines["a"].will
    world.crash("a")
    world.run_for(2)
    world.boot("a")
    assert world.run_until(lambda: world.settled() and world.owners() == {"a"}, 60)
    refused = world.node("b").bad.by_reason[Reason.STALE]
    world.transmit("a", will)
    world.run_for(5)
    assert world.owners() == {"a"}
    assert world.node("b").bad.by_reason[Reason.STALE] > refused


def test_nothing_is_left_for_an_original() -> None:
    world = World(SLOW, safety=KEPT)
    world.machines["b"].original = True
    world.both_up()
    assert world.machines["a"].will == b""
    assert world.machines["b"].will == b""


@pytest.mark.parametrize("again", [False, True])
def test_numbers_below_it_are_not_asked_for(again: bool) -> None:
    world = settled()
    if again:
        world.run_for(30)
    world.crash("a")
    before = len(world.sent)
    world.run_for(2)
    assert "NS_rexmit" not in world.types_sent("b", world.now - 2)
    assert len(world.sent) > before
    assert not any("lost packet" in line for line in world.transcript)
