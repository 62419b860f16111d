"""Two groups with the same ldirectord: it serves as long as one of them is here, whatever becomes of the other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hbeat.core.events import Action
from hbeat.core.model import Failback, Resource, ResourceGroup, Sessions
from tests.hbeat.core.test_interrupted import DATABASE, OTHER_VIP
from tests.hbeat.machine import DIRECTOR, VIP
from tests.hbeat.world import World

SHARED = (ResourceGroup("a", (VIP, DIRECTOR)), ResourceGroup("b", (OTHER_VIP, DIRECTOR, DATABASE)))
MAIL = Resource("MailTo::root@example.org", "MailTo", ("root@example.org",))
WITH_MAIL = tuple(replace(group, resources=(*group.resources, MAIL)) for group in SHARED)
FIRST_WORD = (ResourceGroup("a", (VIP, DIRECTOR)), ResourceGroup("b", (DIRECTOR, OTHER_VIP)))
"""One of them is called by it."""
Groups = tuple[ResourceGroup, ...]
FAILBACKS = pytest.mark.parametrize("failback", [Failback.ON, Failback.LEGACY])
COLD = pytest.mark.parametrize("warm", [True, False])


def serving(world: World, resource: Resource = DIRECTOR) -> set[str]:
    return {name for name, machine in world.machines.items() if resource.text in machine.running}


@COLD
@FAILBACKS
@pytest.mark.parametrize("groups", [SHARED, FIRST_WORD, WITH_MAIL])
def test_it_goes_on_where_a_group_goes_home(groups: Groups, failback: Failback, warm: bool) -> None:
    world = World(groups=groups, failback=failback, sessions=Sessions(warm_standby=warm)).both_up()
    assert serving(world) == {"a", "b"}
    world.power_off("b")
    assert world.run_until(lambda: world.owners(OTHER_VIP) == {"a"}, 10)
    world.boot("b")
    assert world.run_until(lambda: world.owners(OTHER_VIP) == {"b"}, 20)
    world.run_for(5)
    assert [set(world.owners()), set(world.owners(OTHER_VIP)), serving(world)] == [{"a"}, {"b"}, {"a", "b"}]


@pytest.mark.parametrize("groups", [SHARED, WITH_MAIL])
def test_it_goes_on_where_two_halves_find_each_other_again(groups: Groups) -> None:
    world = World(groups=groups).both_up()
    world.partition()
    world.run_for(10)
    assert world.owners() == world.owners(OTHER_VIP) == {"a", "b"}
    world.heal()
    world.run_for(10)
    assert [set(world.owners()), set(world.owners(OTHER_VIP)), serving(world)] == [{"a"}, {"b"}, {"a", "b"}]


def test_it_goes_on_when_the_other_group_does_not_start() -> None:
    world = World(groups=SHARED).both_up()
    world.fails = {("a", DATABASE.text, Action.START)}
    world.power_off("b")
    world.run_for(10)
    assert "Giving up resources due to failure of database" in "\n".join(world.transcript)
    assert world.owners(OTHER_VIP) == set()
    assert serving(world) == {"a"}


def test_it_ends_with_the_last_group_that_is_stopped_by_hand() -> None:
    world = World(groups=SHARED).both_up()
    world.power_off("b")
    world.run_for(10)
    world.do("a", lambda c: c.group_by_hand(VIP.text, False, world.now))
    world.run_for(5)
    assert [set(world.owners()), serving(world)] == [set(), {"a"}]
    world.do("a", lambda c: c.group_by_hand(OTHER_VIP.text, False, world.now))
    world.run_for(5)
    assert serving(world) == set()
    world.do("a", lambda c: c.group_by_hand(VIP.text, True, world.now))
    world.run_for(5)
    assert [set(world.owners()), serving(world)] == [{"a"}, {"a"}]
