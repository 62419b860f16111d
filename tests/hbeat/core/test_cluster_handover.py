"""Two clusters in virtual time: groups change hands, because somebody asks or a node leaves or returns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hbeat.core.events import Action
from hbeat.core.model import Held, Resource, ResourceGroup
from tests.hbeat.machine import DIRECTOR, SEED_GROUP, VIP
from tests.hbeat.world import World


def test_graceful_stop_hands_over_before_the_peer_could_notice() -> None:
    world = World().both_up()
    stopped = world.now
    world.do("a", lambda c: c.shutdown(world.now))
    assert world.run_until(lambda: world.owners() == {"b"}, 10)
    assert world.now - stopped < 0.2
    assert "shutdone" in world.types_sent("a")


@pytest.mark.parametrize(("seconds", "fails", "served"), [(0.3, False, False), (0.8, False, True), (0.3, True, True)])
def test_directors_end_when_their_tables_are_gone_or_with_the_daemon(seconds: float, fails: bool, served: bool) -> None:
    more = Resource("ldirectord::more.cf", "ldirectord", ("more.cf",))
    world = World(groups=[replace(SEED_GROUP, resources=(*SEED_GROUP.resources, more))]).both_up()
    world.duration = lambda resource, action: seconds if resource.script == "ldirectord" else 0.01
    world.fails = {("a", DIRECTOR.text, Action.STOP)} if fails else set()
    world.do("a", lambda c: c.shutdown(world.now))
    world.run_for(5)
    assert sorted(world.dismissed, key=str) == [("a", DIRECTOR, served), ("a", more, False)]


@pytest.mark.parametrize(("scope", "owner"), [(Held.ALL, "b"), (Held.LOCAL, "b"), (Held.FOREIGN, "a")])
def test_hb_standby_gives_what_it_names(scope: Held, owner: str) -> None:
    world = World().both_up()
    world.do("a", lambda c: c.give(scope, world.now))
    world.run_for(20)
    assert world.owners() == {owner}
    assert world.settled()


@pytest.mark.parametrize(("word", "owner"), [("all", "b"), ("foreign", "b"), ("local", "a"), ("failback", "a")])
def test_hb_takeover_asks_for_what_it_names(word: str, owner: str) -> None:
    world = World().both_up()
    world.do("b", lambda c: c.ask_takeover(word, world.now))
    world.run_for(20)
    assert world.owners() == {owner}


def test_standby_without_a_live_peer_is_refused_and_nothing_moves() -> None:
    world = World().both_up()
    world.power_off("b")
    world.run_for(10)
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    world.run_for(20)
    assert world.owners() == {"a"}
    assert "refused: there is no live peer" in "\n".join(world.transcript)


def test_death_of_the_taker_brings_everything_back() -> None:
    world = World().both_up()
    world.duration = lambda resource, action: 2.0
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    world.run_until(lambda: world.owners() == frozenset(), 20)
    world.power_off("b")
    assert world.run_until(lambda: world.owners() == {"a"} and world.node("a").ownership.status == "all", 60)


def test_death_of_the_giver_in_the_middle_leaves_no_gap() -> None:
    world = World().both_up()
    world.duration = lambda resource, action: 2.0
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    world.run_until(lambda: world.owners() == frozenset(), 20)
    world.power_off("a")
    assert world.run_until(lambda: world.owners() == {"b"}, 60)


def test_group_that_does_not_start_is_handed_over_and_not_played_back() -> None:
    world = World()
    world.fails = {("a", DIRECTOR.text, Action.START)}
    world.boot("a")
    world.boot("b")
    assert world.run_until(lambda: world.owners() == {"b"}, 40)
    world.run_for(120)
    assert world.owners() == {"b"}


def test_group_that_starts_nowhere_is_tried_again_and_says_so() -> None:
    world = World()
    world.fails = {(n, DIRECTOR.text, Action.START) for n in "ab"}
    world.boot("a")
    world.boot("b")
    world.run_for(60)
    assert "runs nowhere" in "\n".join(world.transcript)
    assert len([line for line in world.transcript if "start ldirectord" in line]) < 20
    world.fails.clear()
    assert world.run_until(lambda: len(world.owners()) == 1, 60)


def test_resource_that_cannot_be_stopped_is_not_started_elsewhere() -> None:
    script = Resource("database", "database")
    world = World(groups=[ResourceGroup("a", (script,))]).both_up()
    world.fails = {("a", "database", Action.STOP)}
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    world.run_for(60)
    assert world.owners(script) == {"a"}
    world.fails.clear()
    assert world.run_until(lambda: world.owners(script) == {"b"}, 60)


def test_vip_is_the_last_to_be_started_and_the_first_to_be_stopped() -> None:
    world = World().both_up()
    world.power_off("a")
    mark = len(world.transcript)
    world.run_for(5)
    order = [line.split("start ")[1] for line in world.transcript[mark:] if " start " in line]
    assert order == [r.text for r in SEED_GROUP.resources]
    assert order.index(DIRECTOR.text) < order.index(VIP.text)


def test_group_that_does_not_start_in_a_handover_is_not_called_lost_when_the_other_takes_it_back() -> None:
    world = World().both_up()
    world.fails = {("b", DIRECTOR.text, Action.START)}
    world.do("a", lambda cluster: cluster.give(Held.ALL, world.now))
    world.run_for(20)
    assert world.owners() == {"a"}
    said = "\n".join(world.transcript)
    assert "it is offered to the peer as soon as that can take it" in said
    assert "runs nowhere" not in said
