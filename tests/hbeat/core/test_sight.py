"""Groups do not go home to a node whose directors see no real server, as long as the other one sees some."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from hbeat.core.model import Failback, Held, Resource, Safety, Timing
from hbeat.core.sight import SETTLED, Sight, mark
from tests.hbeat.machine import DIRECTOR
from tests.hbeat.world import World

WORD = "ldirectord::ldirectord.cf sees no real server from here, the other node does: its word stands for them"
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


def disagreeing(seconds: float = SETTLED + 2) -> World:
    """The first node serves and sees servers; the second one has seen none for so long."""
    world = World(SLOW, safety=Safety()).both_up()
    world.blindfold("b")
    world.run_for(seconds)
    return world


def test_word_of_the_node_that_sees_stands_for_the_other_one_also_after_its_death() -> None:
    world = disagreeing()
    assert world.machines["b"].vouched == {DIRECTOR}
    assert any(line.endswith("b  " + WORD) for line in world.transcript)
    world.power_off("a")
    assert world.run_until(partial(is_owned_by, world, "b"), 20)
    world.run_for(120)
    assert world.machines["b"].vouched == {DIRECTOR}


def test_word_stands_from_the_moment_on_when_they_have_disagreed_for_long_enough() -> None:
    world = disagreeing(SETTLED - 1)
    assert world.machines["b"].vouched == set()
    world.run_for(3)
    assert world.machines["b"].vouched == {DIRECTOR}


def test_servers_that_go_down_with_the_other_node_are_down() -> None:
    world = World(replace(SLOW, deadtime=60.0), safety=Safety()).both_up()
    world.power_off("a")
    for _ in range(120):
        world.blindfold("b")  # as the looks at its director, once a second
        world.run_for(1)
    assert world.machines["b"].vouched == set()
    assert is_owned_by(world, "b")


def test_no_word_stands_while_both_are_blind_or_see() -> None:
    world = World(SLOW, safety=Safety()).both_up()
    world.run_for(60)
    world.blindfold("a", "b")
    world.run_for(60)
    assert world.machines["a"].vouched == world.machines["b"].vouched == set()


def test_word_is_withdrawn_when_the_other_node_sees_none_either() -> None:
    world = disagreeing()
    world.do("a", lambda cluster: cluster.give(Held.ALL, world.now))
    assert world.run_until(partial(is_owned_by, world, "b"), 20)
    assert world.machines["b"].vouched == {DIRECTOR}
    world.blindfold("a", "b")
    world.run_for(2)
    assert world.machines["b"].vouched == set()


def test_word_is_withdrawn_when_a_server_is_seen() -> None:
    world = disagreeing()
    world.blindfold()
    world.run_for(1)
    assert world.machines["b"].vouched == set()


def test_word_outlives_directors_that_die_and_are_not_known_to_see_anything() -> None:
    world = disagreeing()
    for name in ("a", "b"):
        world.do(name, lambda cluster: cluster.sighted(DIRECTOR, None, world.now))
    world.run_for(60)
    assert world.machines["b"].vouched == {DIRECTOR}


def test_director_that_has_not_seen_anything_yet_vouches_for_nobody() -> None:
    world = World(SLOW, safety=Safety()).both_up()
    world.do("a", lambda cluster: cluster.sighted(DIRECTOR, None, world.now))
    for blind in (True, True):
        world.do("b", lambda cluster: cluster.sighted(DIRECTOR, blind, world.now))  # noqa: B023
        world.run_for(30)
    assert world.machines["b"].vouched == set()


def test_each_director_is_compared_with_its_own_counterpart() -> None:
    sight, other = Sight(None), Resource("ldirectord::other.cf", "ldirectord", ("other.cf",))
    for director in (DIRECTOR, other):
        sight.seen(director, True, 0.0)
    sight.peer_says(((mark(DIRECTOR), True), (mark(other), False)), 1.0)
    sight.peer_says(((mark(DIRECTOR), True), (mark(other), False)), 1.0 + SETTLED)
    assert sight.vouched == {other}
