"""Two nodes of ours: the common start without a wait, cables that carry one way only, cables that come and go."""

from __future__ import annotations

from random import Random

import pytest

from hbeat.core.events import Action
from hbeat.core.model import Failback, Held, Resource, ResourceGroup, Timing
from tests.hbeat.machine import LINKS, SEED_GROUP, VIP
from tests.hbeat.world import World

DEMO = Timing(keepalive=1.0, warntime=1.5, deadtime=3.0, initdead=12.0, deadping=3.0)
PATIENT = Timing(keepalive=1.0, warntime=5.0, deadtime=10.0, initdead=20.0, deadping=10.0)
OTHER_VIP = Resource("IPaddr::10.1.1.11/24/eth0", "IPaddr", ("10.1.1.11/24/eth0",))
BOTH_WAYS = (SEED_GROUP, ResourceGroup("b", (OTHER_VIP,)))
SLOW = 2.0


def most_owners(world: World) -> int:
    return max((len(owners) for _, owners in world.owner_log), default=0)


def changes(world: World, since: float) -> list[frozenset[str]]:
    """Who held the address, one entry for each change since then."""
    return [owners for at, owners in world.owner_log if at >= since]


def text(world: World) -> str:
    return "\n".join(world.transcript[-40:])


# Common start


@pytest.mark.parametrize("first", ["a", "b"])
@pytest.mark.parametrize("pause", [0.0, 0.0003, 0.02, 0.5, 5.0, 11.9])
def test_common_start_waits_for_nothing_but_the_other_node(first: str, pause: float) -> None:
    world = World(groups=BOTH_WAYS)
    second = "b" if first == "a" else "a"
    world.boot(first)
    world.run_for(pause)
    world.boot(second)
    both = world.now
    assert world.run_until(lambda: world.owners() == {"a"} and world.owners(OTHER_VIP) == {"b"}, 20), text(world)
    assert world.now - both < 0.2
    assert most_owners(world) == 1


@pytest.mark.parametrize("seed", range(40))
def test_common_start_with_loss_never_has_two_owners(seed: int) -> None:
    random = Random(seed)
    world = World(groups=BOTH_WAYS, seed=seed)
    world.loss = random.choice((0.1, 0.3, 0.5))
    order = ["a", "b"] if random.random() < 0.5 else ["b", "a"]
    world.boot(order[0])
    world.run_for(random.choice((0.0, 0.001, random.uniform(0, 10))))
    world.boot(order[1])
    both = world.now
    assert world.run_until(lambda: world.owners() == {"a"} and world.owners(OTHER_VIP) == {"b"}, 60), text(world)
    assert world.now - both < 9, text(world)
    assert most_owners(world) == 1


@pytest.mark.parametrize("original", ["a", "b"])
def test_beside_an_original_the_ten_seconds_stay(original: str) -> None:
    world = World()
    world.machines[original].original = True
    world.boot("a")
    world.boot("b")
    assert world.run_until(lambda: world.owners() == {"a"}, 20)
    assert 10.0 < world.now < 10.2


def test_nothing_is_taken_while_the_peer_still_stops_what_an_earlier_life_left() -> None:
    world = World()
    world.machines["b"].running = [VIP.text]  # its daemon was killed, and its address stayed
    world.duration = lambda resource, action: SLOW if action is Action.STOP else 0.01
    world.boot("b")
    world.boot("a")
    world.log_owners()
    assert world.run_until(lambda: world.owners() == {"a"}, 30), text(world)
    assert most_owners(world) == 1


def test_a_peer_that_cannot_stop_what_was_left_is_waited_for_and_told_of() -> None:
    world = World()
    world.machines["b"].running = [VIP.text]
    world.fails = {("b", VIP.text, Action.STOP)}
    world.boot("a")
    world.boot("b")
    world.run_for(60)
    assert world.owners() == {"b"}
    assert "b is still stopping resources" in text(world)
    world.fails.clear()
    assert world.run_until(lambda: world.owners() == {"a"}, 30), text(world)


def test_quick_restart_in_the_middle_of_a_handover_has_one_owner() -> None:
    world = World().both_up()
    world.duration = lambda resource, action: SLOW if action is Action.STOP else 0.01
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    world.run_for(0.5)
    world.power_off("b")
    world.boot("b")
    assert world.run_until(lambda: len(world.owners()) == 1 and world.settled(), 60), text(world)
    assert most_owners(world) == 1


def test_a_quick_restart_beside_a_stable_node_keeps_it_waiting_until_all_is_stopped() -> None:
    world = World().both_up()
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    assert world.run_until(lambda: world.owners() == {"b"} and world.settled(), 10)
    world.duration = lambda resource, action: SLOW if action is Action.STOP else 0.01
    world.crash("b")
    world.boot("b")
    assert world.run_until(lambda: world.owners() == {"a"} and world.settled(), 30), text(world)
    assert most_owners(world) == 1, text(world)


# One direction


@pytest.mark.parametrize("failback", [Failback.ON, Failback.OFF])
@pytest.mark.parametrize("deaf", ["a", "b"])
@pytest.mark.parametrize("groups", [(SEED_GROUP,), BOTH_WAYS], ids=["one group", "a group each"])
def test_cut_in_one_direction_ends_with_one_owner_and_then_it_is_calm(
    deaf: str, failback: Failback, groups: tuple[ResourceGroup, ...]
) -> None:
    world = World(DEMO, failback, groups).both_up()
    cut = world.now
    world.partition(deaf)
    world.run_for(DEMO.deadtime + 4 * DEMO.keepalive)
    settled = world.now
    assert len(world.owners()) == 1, text(world)
    world.run_for(600)
    assert changes(world, settled) == [], text(world)
    assert sum(len(owners) == 2 for owners in changes(world, cut)) <= 1
    world.heal()
    healed = world.now
    assert world.run_until(world.settled, 30), text(world)
    world.run_for(30)
    assert world.owners() == {"a"} if failback is Failback.ON else len(world.owners()) == 1, text(world)
    assert all(len(owners) <= 1 for owners in changes(world, healed)), text(world)
    if failback is Failback.OFF:
        assert changes(world, healed) == []


def test_the_node_that_is_not_heard_takes_all_when_the_deaf_one_dies() -> None:
    world = World().both_up()
    world.partition("b")
    world.run_for(20)
    assert world.owners() == {"b"}
    world.power_off("b")
    assert world.run_until(lambda: world.owners() == {"a"}, 5)


def test_groups_that_neither_holds_are_taken_by_their_own_node() -> None:
    world = World().both_up()
    owned = world.node("a").ownership
    owned.held -= Held.LOCAL
    world.machines["a"].running.clear()
    assert world.run_until(lambda: world.owners() == {"a"}, 5), text(world)
    assert "No one owns our local resources!" in text(world)


# Loss and flapping


@pytest.mark.parametrize("seed", range(12))
def test_ten_minutes_of_thirty_percent_loss_on_both_links_are_no_death(seed: int) -> None:
    world = World(PATIENT, groups=BOTH_WAYS, seed=seed).both_up()
    began, world.loss = world.now, 0.3
    world.run_for(600)
    assert changes(world, began) == [], text(world)
    assert "is dead" not in "\n".join(world.transcript)


@pytest.mark.parametrize("period", [0.7, 2.0, 5.0, 20.0])
def test_one_flapping_link_moves_nothing(period: float) -> None:
    world = World().both_up()
    began = world.now
    while world.now < began + 300:
        world.cut = set() if world.cut else {(name, "eth0") for name in "ab"}
        world.run_for(period)
    assert changes(world, began) == []


@pytest.mark.parametrize("period", [0.7, 1.5])
def test_links_that_flap_by_turns_move_nothing(period: float) -> None:
    world = World().both_up()
    began, turn = world.now, 0
    while world.now < began + 300:
        turn += 1
        world.cut = {(name, LINKS[turn % 2]) for name in "ab"}
        world.run_for(period)
    assert changes(world, began) == []


@pytest.mark.parametrize("down", [3.5, 4.0, 4.5])
def test_both_links_that_flap_together_cost_one_takeover_and_then_it_is_calm(down: float) -> None:
    world = World(DEMO).both_up()
    began = world.now
    while world.now < began + 550:
        world.partition()
        world.run_for(down)
        world.heal()
        world.run_for(5)
    assert changes(world, began) == [{"a", "b"}, {"a"}], text(world)


def test_after_a_false_alarm_the_next_death_takes_twice_the_silence_for_ten_minutes() -> None:
    waits = []
    for pause in (60.0, 700.0):
        world = World(DEMO).both_up()
        world.partition()
        world.run_for(5)
        world.heal()
        world.run_for(pause)
        last = max(at for at, name, _ in world.sent if name == "a")
        world.power_off("a")
        assert world.run_until(lambda world=world: world.owners() == {"b"}, 20)  # type: ignore[misc]
        waits.append(world.now - last)
    assert waits == [pytest.approx(2 * DEMO.deadtime, abs=0.1), pytest.approx(DEMO.deadtime, abs=0.1)]


@pytest.mark.parametrize("down", [6.0, 30.0])
def test_direction_that_flaps_costs_few_moves_and_ever_fewer(down: float) -> None:
    """Longer than what a false alarm adds to the patience."""
    world = World(DEMO).both_up()
    began = world.now
    for _ in range(20):
        world.partition("b")
        world.run_for(down)
        world.heal()
        world.run_for(down / 2)
    assert len(changes(world, began)) <= 6
