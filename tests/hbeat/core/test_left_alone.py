"""A plan that one side has left: nobody waits for what will not come, and nothing comes that is not waited for."""

from __future__ import annotations

import pytest

from hbeat.core.events import Action
from hbeat.core.model import Failback, Held, ResourceGroup, Safety
from hbeat.core.phase import Phase
from hbeat.core.standby import Stage
from tests.hbeat.core.test_custody import FAST
from tests.hbeat.core.test_interrupted import DATABASE, OTHER_VIP
from tests.hbeat.machine import DIRECTOR, VIP
from tests.hbeat.world import World

EACH_SERVES = (ResourceGroup("a", (DIRECTOR, VIP)), ResourceGroup("b", (OTHER_VIP,)))
SLOW = ResourceGroup("a", (DATABASE, VIP))


def stage(world: World, name: str) -> Stage:
    return world.node(name).ownership.standby.stage


def each_on_one_node(world: World) -> bool:
    return all(len(world.owners(address)) == 1 for address in (VIP, OTHER_VIP))


def failing_back(asked: Action) -> World:
    """The slow group is on its way home to a, whose script takes five seconds for this."""
    world = World(groups=[SLOW], safety=Safety()).both_up()
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    assert world.run_until(lambda: world.owners() == {"b"} and world.settled(), 10)
    world.duration = lambda resource, action: 5.0 if (resource, action) == (DATABASE, asked) else 0.01
    world.do("b", lambda c: c.give(Held.FOREIGN, world.now))
    assert world.run_until(lambda: stage(world, "a") is Stage.TAKING, 5)
    return world


def test_what_the_taker_has_slept_through_is_served_again() -> None:
    world = World(groups=EACH_SERVES, safety=Safety()).both_up()
    world.duration = lambda resource, action: 1.5 if (resource, action) == (VIP, Action.STOP) else 0.01
    world.do("a", lambda c: c.give(Held.LOCAL, world.now))
    assert world.run_until(lambda: stage(world, "b") is Stage.PROMISED and stage(world, "a") is Stage.GIVING, 5)
    world.do("b", lambda c: c.stalled(2.0, world.now))  # which the other one was just patient enough for
    assert world.run_until(lambda: each_on_one_node(world) and world.settled(), 15), "\n".join(world.transcript[-30:])
    assert world.seconds_of_two_owners() == 0
    assert "has left the handover without taking the resources" in "\n".join(world.transcript)


def test_what_the_taker_took_from_a_dead_giver_is_given() -> None:
    world = World(groups=EACH_SERVES).both_up()
    world.duration = lambda resource, action: 1.5 if (resource, action) == (VIP, Action.STOP) else 0.01
    world.do("a", lambda c: c.give(Held.LOCAL, world.now))
    assert world.run_until(lambda: stage(world, "b") is Stage.PROMISED and stage(world, "a") is Stage.GIVING, 5)
    world.partition("b")
    assert world.run_until(lambda: world.owners() == {"b"}, 10)
    assert stage(world, "a") is Stage.GIVEN
    world.heal()
    assert world.run_until(lambda: stage(world, "a") is Stage.NOT and world.settled(), 15)
    assert each_on_one_node(world)


def test_what_was_promised_before_a_sleep_is_not_taken_after_it() -> None:
    world = World(groups=EACH_SERVES[:1], safety=Safety()).both_up()
    world.duration = lambda resource, action: 1.5 if (resource, action) == (VIP, Action.STOP) else 0.01
    world.do("a", lambda c: c.give(Held.LOCAL, world.now))
    assert world.run_until(lambda: stage(world, "b") is Stage.PROMISED and stage(world, "a") is Stage.GIVING, 5)
    world.duration = lambda resource, action: 0.01
    world.stall(8, "b")
    assert world.run_until(lambda: world.owners() == {"a"} and not world.node("a").ownership.standby.under_way, 8)
    since = len(world.transcript)
    world.run_for(20)
    assert not [line for line in world.transcript[since:] if f"b  start {VIP.text}" in line]
    assert (set(world.owners()), world.settled()) == ({"a"}, True)


def test_a_giver_that_slept_while_it_stopped_goes_on_to_give() -> None:
    world = World(groups=EACH_SERVES[:1], safety=Safety()).both_up()
    world.duration = lambda resource, action: 1.5 if (resource, action) == (VIP, Action.STOP) else 0.01
    world.do("a", lambda c: c.give(Held.LOCAL, world.now))
    assert world.run_until(lambda: stage(world, "a") is Stage.GIVING, 5)
    world.do("a", lambda c: c.stalled(2.0, world.now))
    assert world.run_until(lambda: world.owners() == {"b"} and world.settled(), 5)


def test_what_waits_to_be_stopped_is_stopped_after_a_sleep() -> None:
    world = World(groups=[SLOW], safety=Safety()).both_up()
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    assert world.run_until(lambda: world.owners() == {"b"} and world.settled(), 10)
    owned = world.node("b").ownership
    world.duration = lambda resource, action: 1.0 if (resource, action) == (VIP, Action.START) else 0.01
    world.do("b", lambda c: owned.restore([VIP], world.now))
    world.do("b", lambda c: c.give(Held.FOREIGN, world.now))
    assert world.run_until(lambda: stage(world, "b") is Stage.GIVING, 0.5)
    world.do("b", lambda c: c.stalled(2.0, world.now))
    assert world.run_until(lambda: world.owners() == {"a"} and world.settled(), 10)
    assert DATABASE.text not in world.machines["b"].running


def test_a_script_that_is_asked_for_during_a_sleep_is_not_started_after_it() -> None:
    world = failing_back(Action.STATUS)
    world.duration = lambda resource, action: 0.01
    world.stall(8, "a")
    assert world.run_until(lambda: world.owners() == {"b"}, 8)
    since = len(world.transcript)
    assert world.run_until(lambda: world.owners() == {"a"} and world.settled(), 60)
    said = [line.split("  ", 1)[1] for line in world.transcript[since:]]
    assert said.index(f"start {DATABASE.text}") > said.index("standby: offering foreign resources to a (failback)")


def test_a_plan_that_slept_does_not_go_on_where_the_other_node_has_the_address() -> None:
    world = failing_back(Action.START)
    world.run_for(1)
    world.duration = lambda resource, action: 0.01
    world.stall(8, "a")
    assert world.run_until(lambda: world.owners() == {"b"}, 8)
    since = len(world.transcript)
    world.run_for(2)
    assert not [line for line in world.transcript[since:] if f"a  start {VIP.text}" in line]
    assert world.seconds_of_two_owners() == 0
    world.run_for(30)
    assert world.owners() == {"a"}
    assert world.seconds_of_two_owners() == 0


def test_a_takeover_under_way_ends_when_the_owner_is_heard_again() -> None:
    """It slept a moment longer than its lease; the other one's ldirectord has to be started first."""
    world = World(safety=Safety(keeper=False), seed=58).both_up()
    world.run_for(5)
    world.duration = lambda resource, action: 2.0 if resource == DIRECTOR else 0.01
    world.stall(1.7, "a")
    assert world.run_until(lambda: any("acquired from a" in line for line in world.transcript), 5)
    assert world.run_until(lambda: world.owners() == {"a"} and world.settled(), 30)
    assert world.seconds_of_two_owners() == 0, "\n".join(world.transcript[-40:])


@pytest.mark.parametrize("seconds", [3.0, 5.0])
def test_what_waits_for_a_director_that_is_being_loaded_goes_back_to_the_node_whose_director_is(seconds: float) -> None:
    """The owner sleeps while the other node boots; that one has to take everything, and cannot serve yet."""
    world = World(FAST, groups=EACH_SERVES[:1], safety=Safety())
    world.boot("a")
    assert world.run_until(lambda: world.owners() == {"a"}, 10)
    world.ready_after = 20.0
    world.boot("b")
    assert world.run_until(lambda: world.node("b").ownership.phase is Phase.SETTLING, 10)
    loaded = world.now + 20
    world.duration = lambda resource, action: (
        max(0.01, loaded - world.now)
        if resource == DIRECTOR and action is Action.START and world.acting == "b"
        else 0.01
    )
    world.stall(seconds, "a")
    assert world.run_until(lambda: any("acquired from a" in line for line in world.transcript), 5)
    assert world.run_until(lambda: world.machines["a"].stalled_until <= world.now, 6)
    assert world.run_until(lambda: world.owners() == {"a"}, 1), "\n".join(world.transcript[-30:])
    world.run_for(40)
    assert world.owners() == {"a"}
    assert world.seconds_of_two_owners() == 0


@pytest.mark.parametrize("seconds", [0.5, 3.0])
def test_beside_an_original_a_node_takes_its_groups_back_after_a_sleep_when_they_are_stopped(seconds: float) -> None:
    world = World(groups=[SLOW], safety=Safety())
    world.machines["b"].original = True
    world.both_up()
    world.duration = lambda resource, action: seconds if (resource, action) == (DATABASE, Action.STOP) else 0.01
    world.do("a", lambda c: c.stalled(2.2, world.now))
    assert world.owners() == set()
    assert world.run_until(lambda: world.owners() == {"a"}, 10)


def test_beside_an_original_what_was_held_for_it_is_told_to_run_nowhere() -> None:
    world = World(failback=Failback.OFF, groups=EACH_SERVES, safety=Safety())
    world.machines["b"].original = True
    world.both_up()
    world.do("b", lambda c: c.give(Held.LOCAL, world.now))
    assert world.run_until(lambda: world.owners(OTHER_VIP) == {"a"} and world.settled(), 10)
    world.do("a", lambda c: c.stalled(2.2, world.now))
    world.run_for(30)
    assert world.owners(VIP) == {"a"}
    assert world.owners(OTHER_VIP) == set()
    assert sum("runs nowhere now: hbeat resource takegroup" in line for line in world.transcript) == 1
