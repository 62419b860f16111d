"""Recorded traffic, signed and once true, sent again: to a running node, after its restart, after that of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hbeat.core.auth import unpack
from hbeat.core.model import Timing
from tests.hbeat.machine import KEYS, LINKS, Machine
from tests.hbeat.world import World

TIMING = Timing(keepalive=1.0, warntime=1.5, deadtime=3.0, initdead=12.0, deadping=3.0)


def recording(world: World, name: str) -> list[bytes]:
    return [data for _, sender, data in world.sent if sender == name]


def play(world: World, listener: str, recorded: list[bytes], seconds: float, spacing: float = 2.0) -> None:
    """Sends the recording to the listener on every link, over and over, for so long.

    spacing: less than deadtime between two datagrams, and so far apart that it lasts.
    """
    end, position = world.now + seconds, 0
    while world.now < end:
        if world.machines[listener].cluster is not None:
            for link in LINKS:
                world.perform(
                    listener, world.node(listener).receive(link, recorded[position % len(recorded)], world.now)
                )
        position += 1
        world.run_for(spacing)


def peer_status(world: World, name: str) -> str:
    peer = world.node(name).peer
    assert peer is not None
    return peer.status


def took_over_at(world: World, name: str) -> float:
    return next(at for at, owners in world.owner_log if owners == {name})


def test_to_a_running_node_it_delays_nothing_and_brings_nobody_back() -> None:
    world = World().both_up()
    recorded = recording(world, "a")
    last = max(at for at, name, _ in world.sent if name == "a")
    world.power_off("a")
    play(world, "b", recorded, 30, spacing=0.1)
    assert took_over_at(world, "b") < last + TIMING.deadtime + 0.2
    assert peer_status(world, "b") == "dead"


@pytest.mark.parametrize("original", [False, True], ids=["ours", "original"])
@pytest.mark.parametrize("backwards", [False, True])
def test_after_a_restart_of_the_listener_a_dead_peer_stays_unheard(original: bool, backwards: bool) -> None:
    world = World()
    world.machines["a"].original = original
    world.both_up()
    world.run_for(20)
    world.power_off("a")
    world.power_off("b")
    world.boot("b")
    booted = world.now
    recorded = recording(world, "a")
    play(world, "b", recorded[::-1] if backwards else recorded, 30)
    assert took_over_at_after(world, "b", booted) <= booted + TIMING.initdead + TIMING.keepalive
    assert world.owners() == {"b"}


def took_over_at_after(world: World, name: str, since: float) -> float:
    return next(at for at, owners in world.owner_log if owners == {name} and at > since)


def damage(machine: Machine) -> None:
    machine.record = None


def age(machine: Machine) -> None:
    assert machine.record is not None
    machine.record = replace(machine.record, sequence=1)


@pytest.mark.parametrize("spoil", [damage, age], ids=["without the record", "with one of long ago"])
def test_a_peer_of_ours_needs_no_record(spoil: Callable[[Machine], None]) -> None:
    world = World().both_up()
    world.power_off("a")
    world.power_off("b")
    spoil(world.machines["b"])
    world.boot("b")
    booted = world.now
    play(world, "b", recording(world, "a"), 30)
    assert took_over_at_after(world, "b", booted) <= booted + TIMING.initdead + TIMING.keepalive


def test_what_was_recorded_while_the_listener_was_down_is_worth_nothing() -> None:
    world = World().both_up()
    world.power_off("b")
    world.run_for(60)
    world.power_off("a")
    world.boot("b")
    booted = world.now
    play(world, "b", recording(world, "a")[-60:], 30)
    assert took_over_at_after(world, "b", booted) <= booted + TIMING.initdead + TIMING.keepalive


def test_what_was_recorded_behind_a_cut_cable_is_worth_nothing() -> None:
    world = World().both_up()
    world.partition()
    world.run_for(30)  # b hears none of this, and its numbers are new to it
    unheard = recording(world, "a")[-20:]
    world.power_off("a")
    world.heal()
    mark = len(world.transcript)
    play(world, "b", unheard, 30)
    assert not [line for line in world.transcript[mark:] if "was not dead" in line or "Status update" in line]
    assert peer_status(world, "b") == "dead"
    assert world.owners() == {"b"}


def test_after_a_restart_of_both_it_holds_up_neither() -> None:
    world = World().both_up()
    recorded = recording(world, "a") + recording(world, "b")
    for name in "ab":
        world.power_off(name)
        damage(world.machines[name])
    for name in "ab":
        world.boot(name)
    for _ in range(50):
        for data in recorded[::7]:
            for name in "ab":
                world.perform(name, world.node(name).receive("eth0", data, world.now))
        world.run_for(0.1)
    assert world.settled()
    assert world.owners() == {"a"}


def test_a_recorded_life_does_not_return_after_the_next_one() -> None:
    """Every datagram of the first life names the listener, which has not been restarted since."""
    world = World().both_up()
    first = recording(world, "a")
    world.power_off("a")
    world.run_for(10)
    world.boot("a")
    world.run_until(world.settled, 30)
    world.power_off("a")
    world.run_for(10)
    play(world, "b", first, 10, spacing=0.1)
    assert peer_status(world, "b") == "dead"


def test_a_recorded_life_does_not_return_after_a_quick_restart() -> None:
    world = World().both_up()
    first = recording(world, "a")
    world.power_off("a")
    world.boot("a")
    assert world.run_until(world.settled, 30)
    mark = len(world.transcript)
    play(world, "b", first, 10, spacing=0.1)
    assert not [line for line in world.transcript[mark:] if "restarted" in line]
    assert world.owners() == {"a"}


def test_recorded_acknowledgements_of_an_earlier_life_keep_nothing_from_being_sent_again() -> None:
    world = World().both_up()
    world.run_for(100)
    acks = [data for data in recording(world, "b") if unpack(data, KEYS).text("t") == "NS_ackmsg"]
    assert acks
    world.power_off("a")
    world.boot("a")
    world.run_until(world.settled, 30)
    number = next(n for n in range(30, 40) if any(unpack(data, KEYS).number("ackseq", 16) == n for data in acks))
    world.run_until(lambda: world.node("a").outbox.sequence == number - 1, 60)
    world.partition("b")
    world.run_for(1.5)
    world.heal()
    for data in acks:
        world.perform("a", world.node("a").receive("eth0", data, world.now))
    world.run_for(2)
    assert world.node("b").reception.tracker.complete


def test_a_flood_of_recordings_is_answered_twenty_times_a_second_at_most() -> None:
    world = World().both_up()
    recorded = [data for data in recording(world, "a") if b"t=status" in data]
    world.power_off("a")
    world.power_off("b")
    damage(world.machines["b"])
    world.boot("b")
    mark = len(world.sent)
    play(world, "b", recorded, 5, spacing=0.001)
    assert len(world.sent) - mark < 5 * 21 + 20


def test_the_true_peer_joins_while_recordings_are_played() -> None:
    world = World().both_up()
    world.run_for(20)
    recorded = recording(world, "a")
    world.power_off("a")
    world.run_for(10)
    world.boot("a")
    booted = world.now
    play(world, "b", recorded, 20, spacing=0.01)
    assert next(at for at, owners in world.owner_log if owners == {"a"} and at > booted) < booted + 3


def test_a_peer_that_does_not_hear_our_start_is_told_of_once_a_minute() -> None:
    world = World().both_up()
    world.power_off("b")
    world.partition("a")
    world.run_for(10)
    world.boot("b")
    world.run_for(60)
    said = [line for line in world.transcript if "does not hear us" in line and "dropped" in line]
    assert len(said) == 1
    assert "stale" in said[0]


def test_an_original_with_a_lower_generation_is_stale_after_our_restart_too() -> None:
    world = World()
    world.machines["a"].original = True
    world.both_up()
    world.power_off("a")
    world.power_off("b")
    world.machines["a"].generation -= 2
    world.boot("b")
    world.boot("a")
    world.run_for(20)
    assert "older generation" in "\n".join(world.transcript)
    assert peer_status(world, "b") == "dead"


@pytest.mark.parametrize("back", [1, 2, 50])
def test_a_peer_of_ours_whose_generation_file_was_set_back_is_heard_all_the_same(back: int) -> None:
    world = World().both_up()
    world.run_for(20)
    world.power_off("a")
    world.run_for(10)
    world.machines["a"].generation -= back
    world.boot("a")
    assert world.run_until(lambda: world.owners() == {"a"} and world.settled(), 20), "\n".join(world.transcript[-9:])


def test_quick_restart_in_the_same_generation_is_a_new_life() -> None:
    world = World().both_up()
    world.run_for(20)
    world.power_off("a")
    world.machines["a"].generation -= 1
    world.boot("a")
    assert world.run_until(lambda: world.owners() == {"a"} and world.settled(), 20), "\n".join(world.transcript[-9:])


@pytest.mark.parametrize("step", [-86_400, -7, 7, 86_400, -1_800_000_000])
@pytest.mark.parametrize("original", [False, True], ids=["ours", "original"])
def test_a_clock_that_is_set_moves_nothing(step: float, original: bool) -> None:
    world = World()
    world.machines["a"].original = original
    world.both_up()
    world.machines["a"].clock += step
    world.run_for(10)
    world.machines["b"].clock += step
    mark = len(world.transcript)
    world.run_for(10)
    assert world.transcript[mark:] == []
    assert world.owners() == {"a"}


def test_a_jump_of_the_sequence_is_a_loss_and_nothing_more() -> None:
    for jump in (2, 200, 300, 1 << 40):
        world = World().both_up()
        world.node("a").outbox.sequence += jump
        world.run_for(10)
        assert world.owners() == {"a"}
        assert peer_status(world, "b") == "active"


def test_an_original_in_the_place_of_ours_is_heard_and_ours_again_in_its_place() -> None:
    world = World().both_up()
    for original in (True, False):
        world.power_off("a")
        world.run_for(10)
        world.machines["a"].original = original
        damage(world.machines["a"])  # an original neither writes nor reads it
        world.boot("a")
        assert world.run_until(lambda: world.owners() == {"a"} and world.settled(), 40)
        assert (world.node("b").kin.hello is None) is original
