"""Two clusters in virtual time: nodes that were cut off, starved, stopped or restarted find one owner again."""

from __future__ import annotations

import pytest

from hbeat.core.model import Failback, Held, Timing
from tests.hbeat.world import World

FAST = Timing(keepalive=0.1, warntime=0.2, deadtime=0.3, initdead=1.2, deadping=0.3)


def test_partition_heals_without_a_moment_of_nobody() -> None:
    world = World().both_up()
    world.partition()
    assert world.run_until(lambda: world.owners() == {"a", "b"}, 10)
    world.run_for(10)
    world.heal()
    healed = world.now
    assert world.run_until(lambda: world.owners() == {"a"} and world.settled(), 30)
    assert world.now - healed < 3.0
    assert all(owners for at, owners in world.owner_log if at >= healed)


def test_addresses_that_stay_after_a_partition_are_announced_to_the_part_that_took_the_other_for_their_owner() -> None:
    world = World().both_up()
    world.partition()
    world.run_for(10)
    world.announced.clear()
    world.heal()
    healed = world.now
    world.run_for(3)
    assert {(name, resource.script) for _, name, resource in world.announced} == {("a", "IPaddr")}
    assert world.announced[0][0] - healed < 1.5  # the first heartbeat


def test_one_deaf_node_gives_back_when_it_hears_again() -> None:
    world = World().both_up()
    world.partition("b")
    world.run_for(9)
    world.heal()
    assert world.run_until(lambda: world.owners() == {"a"} and world.settled(), 30)


def test_two_nodes_on_one_starved_processor_do_not_declare_each_other_dead() -> None:
    world = World(timing=FAST).both_up()
    for _ in range(20):
        world.stall(0.4, "a", "b")  # more than deadtime
        world.run_for(1.0)
    text = "\n".join(world.transcript)
    assert "is dead" not in text
    assert "our own loop was" in text
    assert world.owners() == {"a"}


def test_a_late_node_still_finds_out_that_its_peer_is_dead() -> None:
    world = World(timing=FAST).both_up()
    world.power_off("a")
    world.stall(0.5, "b")
    assert world.run_until(lambda: world.owners() == {"b"}, 1.0)


def test_owner_that_was_stopped_for_long_shares_nothing_in_the_end() -> None:
    world = World().both_up()
    world.stall(8.0, "a")
    world.run_for(8.0)
    assert world.run_until(lambda: len(world.owners()) == 1 and world.settled(), 30)
    world.run_for(30)
    assert world.owners() == {"a"}


@pytest.mark.parametrize("failback", [Failback.ON, Failback.OFF])
def test_node_that_booted_cut_off_and_took_everything_is_one_of_two_owners_for_a_moment_only(
    failback: Failback,
) -> None:
    world = World(failback=failback).both_up()
    world.power_off("a")
    world.run_for(10)
    world.partition()
    world.boot("a")
    assert world.run_until(lambda: world.owners() == {"a", "b"}, 20)
    world.heal()
    assert world.run_until(lambda: len(world.owners()) == 1 and world.settled(), 5), "\n".join(world.transcript[-20:])
    world.run_for(20)
    assert world.owners() == {"a"}


def test_after_a_standby_a_restarted_node_gets_its_groups_back() -> None:
    world = World().both_up()
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    world.run_for(5)
    world.power_off("a")
    world.run_for(10)
    world.boot("a")
    assert world.run_until(lambda: world.owners() == {"a"} and world.settled(), 30)


def test_answer_that_came_too_late_does_not_block_the_next_handover() -> None:
    world = World(timing=Timing(1.0, 10.0, 20.0, 20.0, 20.0)).both_up()
    world.stall(11.5, "b")
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    world.run_for(15)
    assert world.owners() == {"a"}
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    assert world.run_until(lambda: world.owners() == {"b"} and world.settled(), 5), "\n".join(world.transcript[-9:])


def test_quick_restart_of_the_owner_is_no_reason_to_lose_its_groups() -> None:
    world = World().both_up()
    world.power_off("a")
    world.boot("a")  # within deadtime: b never declared it dead
    assert world.run_until(lambda: world.owners() == {"a"} and world.settled(), 40)


def test_addresses_left_by_a_crash_are_removed_at_the_next_start() -> None:
    world = World().both_up()
    world.crash("a")
    world.run_for(10)
    assert world.owners() == {"a", "b"}
    world.boot("a")
    assert world.run_until(lambda: world.owners() == {"b"}, 1)
