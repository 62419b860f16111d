"""A running pair gets other files."""

from __future__ import annotations

from dataclasses import replace

from hbeat.core.auth import Key, Keyring, Method
from hbeat.core.model import Resource, ResourceGroup, Safety, Timing
from tests.hbeat.machine import KEYS, SEED_GROUP
from tests.hbeat.world import World

FAST = Timing(keepalive=0.1, warntime=0.2, deadtime=0.3, initdead=1.2, deadping=0.3)


def test_new_haresources_touch_only_what_changed() -> None:
    other = ResourceGroup("a", (Resource("IPaddr::10.1.1.11/24/eth0", "IPaddr", ("10.1.1.11/24/eth0",)),))
    world = World().both_up()
    mark = len(world.transcript)
    node = world.node("a")
    world.do("a", lambda c: c.reload(replace(node.settings, groups=(SEED_GROUP, other)), KEYS, world.now))
    world.run_for(1)
    actions = [line.split("  ")[1] for line in world.transcript[mark:] if " start " in line or " stop " in line]
    assert actions == ["start IPaddr::10.1.1.11/24/eth0"]
    world.do("a", lambda c: c.reload(replace(node.settings, groups=(SEED_GROUP,)), KEYS, world.now))
    world.run_for(1)
    assert "stop IPaddr::10.1.1.11/24/eth0" in world.transcript[-1]


def test_address_added_to_a_group_leaves_the_rest_of_it_alone() -> None:
    more = Resource("IPaddr::10.1.1.12/24/eth0", "IPaddr", ("10.1.1.12/24/eth0",))
    world = World().both_up()
    mark = len(world.transcript)
    node = world.node("a")
    grown = replace(SEED_GROUP, resources=(*SEED_GROUP.resources, more))
    world.do("a", lambda c: c.reload(replace(node.settings, groups=(grown,)), KEYS, world.now))
    world.run_for(1)
    actions = [line.split("  ")[1] for line in world.transcript[mark:] if " start " in line or " stop " in line]
    assert actions == ["start IPaddr::10.1.1.12/24/eth0"]


def test_reload_brings_no_address_that_the_other_node_has() -> None:
    mine = replace(SEED_GROUP, node="b")
    world = World(timing=FAST, safety=Safety()).both_up()
    node = world.node("b")
    world.do("b", lambda c: c.reload(replace(node.settings, groups=(mine,)), KEYS, world.now))
    world.run_for(5)
    assert world.owners() == {"a"}
    assert world.seconds_of_two_owners() == 0
    node = world.node("a")  # the operator copies it to the other node, too
    world.do("a", lambda c: c.reload(replace(node.settings, groups=(mine,)), KEYS, world.now))
    assert world.run_until(lambda: world.owners() == {"b"} and world.settled(), 5)
    assert world.seconds_of_two_owners() == 0


def test_address_that_another_machine_has_keeps_no_other_from_being_put_back() -> None:
    other = ResourceGroup("b", (Resource("IPaddr::10.1.1.11/24/eth0", "IPaddr", ("10.1.1.11/24/eth0",)),))
    world = World(timing=FAST, safety=Safety(), groups=(SEED_GROUP, other)).both_up()
    node = world.node("b")
    both_mine = (replace(SEED_GROUP, node="b"), other)
    world.do("b", lambda c: c.reload(replace(node.settings, groups=both_mine), KEYS, world.now))
    world.run_for(2)
    (address,) = other.resources
    world.machines["b"].running.remove(address.text)
    world.do("b", lambda c: c.addresses_lost([address], "somebody removed it", world.now))
    assert world.run_until(lambda: world.owners(address) == {"b"}, 3)
    assert world.owners() == {"a"}


def test_guard_that_is_switched_off_asks_no_more_and_holds_nothing_up() -> None:
    world = World(timing=FAST, safety=Safety()).both_up()
    world.partition()
    world.run_for(3)
    assert world.owners() == {"a"}
    assert world.node("b").ownership.take_due
    settings = replace(world.node("b").settings, safety=Safety(arp_guard=False))
    world.do("b", lambda c: c.reload(settings, KEYS, world.now))
    assert world.run_until(lambda: world.owners() == {"a", "b"}, 1)
    assert world.node("b").custody.guard.next_deadline() is None
    world.heal()
    world.run_for(5)
    assert world.owners() == {"a"}
    world.power_off("a")
    assert world.run_until(lambda: world.owners() == {"b"}, 1)


def test_keys_can_be_changed_without_a_missed_beat() -> None:
    old, new = Key(2, Method.SHA1, b"PASSWORD"), Key(3, Method.SHA1, b"NEXT")
    both = {2: old, 3: new}
    world = World(timing=FAST).both_up()
    for name, ring in (
        ("a", Keyring(2, both)),
        ("b", Keyring(2, both)),
        ("b", Keyring(3, both)),
        ("a", Keyring(3, both)),
        ("a", Keyring(3, {3: new})),
    ):
        node = world.node(name)
        world.perform(name, node.reload(node.settings, ring, world.now))
        world.run_for(2)
    assert world.owners() == {"a"}
    assert [sum(world.node(n).bad.by_link.values()) for n in "ab"] == [0, 0]
