"""What a node holds and has not: a group that was stopped by hand, that did not start, or that is being started."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hbeat.core.events import Action, Announce, Note
from hbeat.core.model import ResourceGroup, Safety
from tests.hbeat.core.test_custody import SLOW
from tests.hbeat.core.test_interrupted import DATABASE, OTHER_VIP
from tests.hbeat.machine import DIRECTOR, INSIDE, SEED_GROUP, VIP
from tests.hbeat.world import World

SPARE = "02:00:00:00:00:cc"
LATE = 1.6
"""Seconds of silence: a heartbeat and a half, half of deadtime."""


def stopped_by_hand() -> World:
    world = World(SLOW, safety=Safety()).both_up()
    world.do("a", lambda cluster: cluster.group_by_hand(SEED_GROUP.key, False, world.now))
    world.run_for(5)
    assert world.owners() == set()
    return world


def being_started() -> World:
    world = stopped_by_hand()
    world.duration = lambda resource, action: 6.0 if (resource, action) == (DIRECTOR, Action.START) else 0.01
    world.do("a", lambda cluster: cluster.group_by_hand(SEED_GROUP.key, True, world.now))
    world.run_for(1)
    return world


def not_started() -> World:
    """No node can start the group."""
    world = World(SLOW, safety=Safety())
    world.fails = {(name, INSIDE.text, Action.START) for name in "ab"}
    world.boot("a")
    world.boot("b")
    world.run_for(100)
    assert world.node("a").ownership.mine()
    return world


@pytest.mark.parametrize("absent", [stopped_by_hand, being_started])
def test_a_late_heartbeat_does_not_start_it_on_the_other_node(absent: Callable[[], World]) -> None:
    world = absent()
    world.run_until(lambda: False, 1.05 - world.now % 1)
    world.partition()
    world.run_for(LATE)
    world.heal()
    world.run_for(30)
    assert not [line for line in world.transcript if "is dead" in line or f"b  start {VIP.text}" in line]


def test_a_node_that_is_dead_is_dead_after_deadtime() -> None:
    world = stopped_by_hand()
    world.crash("a")
    dead = world.now
    assert world.run_until(lambda: world.owners() == {"b"}, 10)
    assert world.now - dead > SLOW.deadtime - SLOW.keepalive


@pytest.mark.parametrize("absent", [stopped_by_hand, being_started, not_started])
def test_another_machine_may_have_its_address(absent: Callable[[], World]) -> None:
    world = absent()
    effects = world.node("a").address_seen(VIP, SPARE, world.now)
    assert not [effect for effect in effects if isinstance(effect, Announce | Note)]


def test_it_is_not_announced_when_a_partition_heals() -> None:
    world = stopped_by_hand()
    world.deaf = True
    world.partition()
    world.run_for(SLOW.deadtime + 1)
    world.deaf = False
    world.heal()
    healed = world.now
    world.run_for(20)
    assert not [name for at, name, _ in world.announced if at >= healed and name == "a"]


def test_what_stays_is_announced_while_something_else_is_being_started() -> None:
    groups = (ResourceGroup("a", (DATABASE, VIP)), ResourceGroup("b", (OTHER_VIP,)))
    world = World(SLOW, groups=groups, safety=Safety()).both_up()
    world.duration = lambda resource, action: 30.0 if resource == DATABASE else 0.01
    world.deaf = True
    world.partition()
    assert world.run_until(lambda: world.owners(OTHER_VIP) == {"a", "b"}, 20)
    world.deaf = False
    world.heal()
    healed = world.now
    assert world.run_until(lambda: world.owners(OTHER_VIP) == {"b"}, 10)
    assert {(name, vip) for at, name, vip in world.announced if at >= healed} == {("a", VIP), ("b", OTHER_VIP)}


def test_what_is_answered_for_is_not_started_though_the_peer_is_not_dead_yet() -> None:
    """Heartbeats are cut, and what was stopped and started by hand meanwhile looks orphaned to the other node."""
    groups = (ResourceGroup("a", (VIP,)), ResourceGroup("b", (DIRECTOR, OTHER_VIP)))
    world = World(SLOW, groups=groups, safety=Safety()).both_up()
    world.run_until(lambda: False, 1.05 - world.now % 1)
    world.partition()
    world.do("b", lambda cluster: cluster.group_by_hand(DIRECTOR.text, False, world.now))
    world.run_for(0.5)
    world.duration = lambda resource, action: 1.2 if resource == DIRECTOR and world.acting == "b" else 0.01
    world.do("b", lambda cluster: cluster.group_by_hand(DIRECTOR.text, True, world.now))
    assert world.run_until(lambda: world.owners(OTHER_VIP) == {"a"}, 2)
    assert world.node("b").ownership.peer_alive
    begun = len(world.transcript)
    world.run_for(1)
    assert not [line for line in world.transcript[begun:] if f"b  start {OTHER_VIP.text}" in line]
    assert sum("it is started when nobody answers any more" in line for line in world.transcript) == 1
    world.run_for(10)
    world.heal()
    assert world.run_until(lambda: world.owners(OTHER_VIP) == {"b"}, 30), "\n".join(world.transcript[-40:])
    world.run_for(20)
    assert world.owners(VIP) == {"a"}
    assert world.owners(OTHER_VIP) == {"b"}
