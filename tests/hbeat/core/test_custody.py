"""No address on two nodes, whatever becomes of the daemons and their heartbeats, as long as ARP gets through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from hbeat.core.cluster import Cluster
from hbeat.core.events import Asked, Effect
from hbeat.core.model import Failback, Held, Resource, ResourceGroup, Safety, Timing
from tests.hbeat.core.test_interrupted import OTHER_VIP
from tests.hbeat.machine import DIRECTOR, INSIDE, LINKS, VIP
from tests.hbeat.world import World

GUARDED = Safety()
FAST = Timing(keepalive=0.1, warntime=0.2, deadtime=0.5, initdead=1.5, deadping=0.5)
SLOW = Timing(keepalive=1.0, warntime=1.5, deadtime=3.0, initdead=12.0, deadping=3.0)
TIMINGS = pytest.mark.parametrize("timing", [FAST, SLOW], ids=["fast", "slow"])
BOTH_SERVE = (ResourceGroup("a", (DIRECTOR, VIP, INSIDE)), ResourceGroup("b", (OTHER_VIP,)))


def pair(timing: Timing = FAST, safety: Safety = GUARDED, failback: Failback = Failback.ON) -> World:
    return World(timing, failback, safety=safety).both_up()


def story(world: World) -> str:
    return "\n".join([*world.transcript[-40:], str([(round(at, 3), set(o)) for at, o in world.owner_log[-12:]])])


def owners_of_each(world: World) -> list[set[str]]:
    return [set(world.owners(VIP)), set(world.owners(OTHER_VIP))]


def is_owned_by(world: World, name: str) -> bool:
    return world.owners() == {name}


def claimed(world: World, holder: str, cluster: Cluster) -> list[Effect]:
    return cluster.address_seen(VIP, holder, world.now)


def cut(world: World) -> None:
    world.partition()


def sleep(world: World) -> None:
    world.stall(8.0, "a")


FAULTS: dict[str, tuple[Callable[[World], None], Safety]] = {
    "heartbeats cut": (cut, replace(GUARDED, arp_guard=False)),
    "owner sleeps": (sleep, replace(GUARDED, vip_lease=None, arp_guard=False, stall_rule=False)),
    "owner's daemon killed": (
        lambda world: world.crash("a"),
        replace(GUARDED, vip_lease=None, keeper=False, arp_guard=False),
    ),
}
"""The fault, and a safety that it goes through."""


@TIMINGS
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_ends_with_one_owner_at_most(timing: Timing, fault: str) -> None:
    world = pair(timing)
    FAULTS[fault][0](world)
    world.run_for(20)
    assert world.seconds_of_two_owners() == 0, story(world)


@TIMINGS
@pytest.mark.parametrize("fault", FAULTS)
def test_same_fault_without_the_safety_ends_with_two(timing: Timing, fault: str) -> None:
    begin, safety = FAULTS[fault]
    world = pair(timing, safety)
    begin(world)
    world.run_for(20)
    assert world.seconds_of_two_owners() > 1, story(world)


@TIMINGS
def test_takeover_at_power_off_takes_no_longer_than_without_guard(timing: Timing) -> None:
    times = []
    for safety in (GUARDED, replace(GUARDED, arp_guard=False)):
        world = pair(timing, safety)
        off = world.now
        world.power_off("a")
        assert world.run_until(partial(is_owned_by, world, "b"), 20), story(world)
        times.append(world.now - off)
    assert times[0] <= times[1]


@TIMINGS
def test_orderly_stop_waits_for_no_answer(timing: Timing) -> None:
    world = pair(timing)
    world.do("a", lambda cluster: cluster.shutdown(world.now))
    begun = world.now
    assert world.run_until(lambda: world.owners() == {"b"}, 20)
    assert world.now - begun < timing.deadtime / 4


def test_nothing_moves_while_the_heartbeats_are_cut_and_the_standby_says_why() -> None:
    world = World(FAST, groups=BOTH_SERVE, safety=GUARDED).both_up()
    world.partition()
    world.run_for(10)
    assert owners_of_each(world) == [{"a"}, {"b"}], story(world)
    assert any("is answered for by a" in line and "b is silent" not in line for line in world.transcript)
    world.heal()
    assert world.run_until(world.settled, 10), story(world)
    world.run_for(5)
    assert owners_of_each(world) == [{"a"}, {"b"}], story(world)
    assert [world.node(n).ownership.held for n in "ab"] == [Held.LOCAL, Held.LOCAL]


def test_living_owner_that_cannot_be_asked_for_want_of_room_keeps_its_addresses() -> None:
    world = pair(FAST)
    world.questions = {("b", link): Asked.UNSENT for link in LINKS}
    world.partition()
    world.run_for(20)
    assert world.owners() == {"a"}, story(world)
    world.questions.clear()
    world.run_for(5)
    assert world.owners() == {"a"}, story(world)
    assert world.seconds_of_two_owners() == 0, story(world)
    world.power_off("a")
    assert world.run_until(lambda: world.owners() == {"b"}, 5), story(world)


@pytest.mark.parametrize("link", LINKS)
def test_address_without_a_place_does_not_hold_up_a_takeover(link: str) -> None:
    world = pair(FAST)
    world.questions = {("b", link): Asked.NOWHERE}
    off = world.now
    world.power_off("a")
    assert world.run_until(lambda: world.owners() == {"b"}, 5), story(world)
    assert world.now - off < FAST.deadtime + 0.1


def test_address_without_a_place_does_not_free_the_other_one_of_its_group() -> None:
    world = pair(FAST)
    world.questions = {("b", "eth1"): Asked.NOWHERE}
    world.partition()
    world.run_for(20)
    assert world.owners() == {"a"}, story(world)


def test_answers_that_are_lost_for_a_moment_are_no_reason_to_take_what_was_answered_for() -> None:
    world = pair(FAST)
    world.partition()
    world.run_for(5)
    for _ in range(20):
        world.deaf = True
        world.run_for(0.3)
        world.deaf = False
        world.run_for(0.7)
    assert world.owners() == {"a"}, story(world)
    assert world.seconds_of_two_owners() == 0, story(world)


def test_owner_that_dies_while_it_is_guarded_is_taken_over_at_once() -> None:
    world = pair()
    world.partition()
    world.run_for(5)
    off = world.now
    world.power_off("a")
    assert world.run_until(lambda: world.owners() == {"b"}, 5), story(world)
    assert world.now - off < 2 * FAST.deadtime


def seconds_without_owner(world: World, since: float) -> float:
    """The longest time in which nobody had the address."""
    ends = [at for at, _ in world.owner_log[1:]] + [world.now]
    spans = [
        end - max(at, since)
        for (at, owners), end in zip(world.owner_log, ends, strict=True)
        if not owners and end > since
    ]
    return max(spans, default=0.0)


def kill_all(world: World) -> None:
    world.crash("a")


LEASE_ALONE = replace(GUARDED, keeper=False)


@pytest.mark.parametrize("begin", [kill_all, sleep])
def test_owner_whose_machine_lives_without_its_addresses_is_taken_over_before_deadtime(
    begin: Callable[[World], None],
) -> None:
    world = pair(SLOW, LEASE_ALONE)
    world.run_for(0.3)
    begun = world.now
    begin(world)
    assert world.run_until(partial(is_owned_by, world, "b"), 20), story(world)
    assert world.now - begun < 1.5, story(world)  # a lease and what is left of a heartbeat, of three seconds deadtime
    assert seconds_without_owner(world, begun) < 0.5, story(world)
    world.run_for(20)
    assert world.seconds_of_two_owners() == 0, story(world)


@pytest.mark.parametrize(
    ("begin", "safety", "groups"),
    [
        (lambda world: world.power_off("a"), LEASE_ALONE, BOTH_SERVE),
        (kill_all, replace(LEASE_ALONE, arp_guard=False), BOTH_SERVE),
        (kill_all, LEASE_ALONE, (ResourceGroup("a", (VIP, Resource("database", "database"))),)),
    ],
    ids=["no machine is there", "guard is off", "scripts may still run there"],
)
def test_everything_else_waits_for_deadtime(
    begin: Callable[[World], None], safety: Safety, groups: tuple[ResourceGroup, ...]
) -> None:
    world = World(SLOW, groups=groups, safety=safety).both_up()
    world.run_for(0.3)
    begun = world.now
    begin(world)
    world.run_for(0.01)
    assert world.run_until(partial(is_owned_by, world, "b"), 20), story(world)
    assert world.now - begun > SLOW.deadtime - SLOW.keepalive, story(world)


def test_daemon_that_hung_and_comes_back_is_no_false_alarm() -> None:
    world = pair(SLOW, LEASE_ALONE)
    sleep(world)
    assert world.run_until(partial(is_owned_by, world, "b"), 20)
    assert world.run_until(partial(is_owned_by, world, "a"), 30), story(world)
    assert "gets" not in story(world)
    peer = world.node("b").peer
    assert peer is not None
    assert peer.patience == SLOW.deadtime


def test_node_that_boots_into_a_partition_takes_nothing_that_is_answered_for() -> None:
    world = pair()
    world.do("b", lambda cluster: cluster.shutdown(world.now))
    world.run_for(3)
    world.partition()
    world.boot("b")
    world.run_for(10)
    assert world.owners() == {"a"}, story(world)
    world.heal()
    assert world.run_until(world.settled, 20), story(world)
    assert world.owners() == {"a"}


def test_crashed_original_is_waited_for_one_deadtime_more() -> None:
    world = World(FAST, safety=GUARDED)
    world.machines["a"].original = True
    world.both_up()
    world.machines["a"].cluster = None  # its addresses stay behind, as an original's do
    world.machines["a"].leases = type(world.machines["a"].leases)(None)
    world.machines["a"].expires = dict.fromkeys(world.machines["a"].running, float("inf"))
    dead = world.now
    assert world.run_until(lambda: "b" in world.owners(), 10), story(world)
    assert 2 * FAST.deadtime - FAST.keepalive <= world.now - dead < 2 * FAST.deadtime + 0.2
    assert any("a crashed heartbeat leaves its addresses behind" in line for line in world.transcript)


@TIMINGS
@pytest.mark.parametrize("seconds", [0.2, 0.4, 0.7, 1.2, 2.5, 4.0, 8.0])
@pytest.mark.parametrize("failback", [Failback.ON, Failback.OFF])
def test_node_that_slept_ends_with_one_owner_and_never_two(timing: Timing, seconds: float, failback: Failback) -> None:
    world = pair(timing, failback=failback)
    world.stall(seconds, "a")
    world.run_for(seconds)
    assert world.run_until(lambda: world.settled() and len(world.owners()) == 1, 20), story(world)
    world.run_for(5)
    assert len(world.owners()) == 1
    assert world.seconds_of_two_owners() == 0, story(world)


def test_short_nap_moves_nothing() -> None:
    world = pair(SLOW)
    before = len(world.owner_log)
    world.stall(0.4, "a")
    world.run_for(10)
    assert len(world.owner_log) == before


@pytest.mark.parametrize(("seconds", "left", "stays"), [(3.0, True, True), (3.0, False, False), (5.0, True, False)])
def test_node_alone_may_sleep_for_as_long_as_a_peer_that_stopped_would_need_to_come(
    seconds: float, left: bool, stays: bool
) -> None:
    """The lease is long here: what is lost with it is another matter."""
    world = pair(replace(FAST, initdead=4.0), safety=replace(GUARDED, vip_lease=20))
    if left:
        world.do("a", lambda cluster: cluster.shutdown(world.now))
    else:
        world.power_off("a")
    assert world.run_until(lambda: world.owners() == {"b"}, 10), story(world)
    world.run_for(3)
    before = len(world.owner_log)
    world.stall(seconds, "b")
    world.run_for(seconds + 5)
    assert (len(world.owner_log) == before) is stays, story(world)
    world.boot("a")
    assert world.run_until(lambda: world.owners() == {"a"}, 30), story(world)
    assert world.seconds_of_two_owners() == 0, story(world)


def test_both_nodes_asleep_as_a_suspended_machine_end_with_one_owner() -> None:
    world = pair()
    world.stall(30.0, "a", "b")
    world.run_for(30)
    assert world.run_until(lambda: world.settled() and len(world.owners()) == 1, 20), story(world)
    assert world.seconds_of_two_owners() == 0


def test_address_that_somebody_removed_is_put_back() -> None:
    world = pair()
    machine = world.machines["a"]
    world.lose(machine, world.node("a"), [VIP.text])
    gone = world.now
    assert world.run_until(lambda: world.owners() == {"a"}, 5), story(world)
    assert world.now - gone < FAST.deadtime


def test_address_that_is_removed_again_and_again_is_put_back_once_a_second() -> None:
    world = pair()
    starts = world.actions
    for _ in range(20):
        world.lose(world.machines["a"], world.node("a"), [VIP.text])
        world.run_for(0.25)
    assert world.actions - starts <= 6 * 3


def test_conflict_leaves_the_address_to_the_node_that_haresources_names() -> None:
    """The network was deaf, and both have it; when ARP gets through, the heartbeats are still cut."""
    world = pair()
    world.deaf = True
    world.partition()
    world.run_for(5)
    assert world.owners() == {"a", "b"}
    world.deaf = False
    for name, other in (("a", "b"), ("b", "a")):
        world.do(name, partial(claimed, world, other))
    world.run_for(2)
    assert world.owners() == {"a"}, story(world)
    world.run_for(20)
    assert world.owners() == {"a"}, story(world)


@pytest.mark.parametrize(("differ", "stays"), [(True, False), (False, True)])
def test_of_two_living_nodes_whose_files_disagree_the_first_by_name_keeps_the_address(
    differ: bool, stays: bool
) -> None:
    world = pair()
    world.do("a", lambda cluster: cluster.give(Held.ALL, world.now))
    assert world.run_until(lambda: is_owned_by(world, "b") and world.settled())
    if differ:
        world.do("b", lambda cluster: cluster.files_changed((("haresources", "changed"),), world.now))
        world.run_for(1)
    world.do("b", partial(claimed, world, "a"))
    world.run_for(0.01)
    assert is_owned_by(world, "b") is stays, story(world)
    if differ:
        assert "haresources of a gives it to that node" in story(world)
