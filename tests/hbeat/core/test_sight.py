"""Groups do not go home to a node whose directors see no real server, as long as the other one sees some."""

from __future__ import annotations

from functools import partial

import pytest

from hbeat.core.model import Failback, Held, Safety, Timing
from tests.hbeat.world import World

SLOW = Timing(keepalive=1.0, warntime=1.5, deadtime=3.0, initdead=12.0, deadping=3.0)


def is_owned_by(world: World, name: str) -> bool:
    return world.owners() == {name}


def taken_by_b(failback: Failback = Failback.ON, safety: Safety | None = None) -> World:
    """The first node has lost its power; the second one serves."""
    world = World(SLOW, failback, safety=safety or Safety()).both_up()
    world.power_off("a")
    assert world.run_until(partial(is_owned_by, world, "b"), 20)
    return world


def test_returning_node_that_sees_no_server_gets_its_groups_when_it_does() -> None:
    world = taken_by_b()
    world.blindfold("a")
    world.boot("a")
    world.run_for(120)
    assert world.owners() == {"b"}
    assert any("a sees no real server: its groups stay here" in line for line in world.transcript)
    world.blindfold()
    assert world.run_until(partial(is_owned_by, world, "a"), 5)


def test_servers_that_are_down_for_both_keep_no_group_from_its_node() -> None:
    world = taken_by_b()
    world.blindfold("a", "b")
    world.boot("a")
    assert world.run_until(partial(is_owned_by, world, "a"), 30)


def test_cable_that_is_back_brings_nothing_home_before_the_servers_are_seen() -> None:
    world = World(SLOW, safety=Safety(link_hold_down=10.0)).both_up()
    world.pull("a", "eth1")
    world.blindfold("a")
    assert world.run_until(partial(is_owned_by, world, "b"), 5)
    world.pull("a")
    world.run_for(60)
    assert world.owners() == {"b"}
    world.blindfold()
    assert world.run_until(partial(is_owned_by, world, "a"), 30)


@pytest.mark.parametrize("fault", ["death", "word"])
def test_blind_node_takes_over_when_there_is_nothing_better_or_it_is_told_to(fault: str) -> None:
    world = World(SLOW, safety=Safety()).both_up()
    world.blindfold("b")
    if fault == "death":
        world.power_off("a")
    else:
        world.do("a", lambda cluster: cluster.give(Held.ALL, world.now))
    assert world.run_until(partial(is_owned_by, world, "b"), 20)


def test_peer_that_was_blind_and_is_gone_holds_nothing_back() -> None:
    world = taken_by_b()
    world.blindfold("a")
    world.boot("a")
    world.run_for(30)
    world.power_off("a")
    world.run_for(10)
    world.blindfold()
    world.boot("a")
    assert world.run_until(partial(is_owned_by, world, "a"), 30)
