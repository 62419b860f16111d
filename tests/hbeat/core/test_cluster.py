"""Two clusters in virtual time: who holds what, when, and what the wire says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hbeat.core.membership import Peer
from hbeat.core.model import Failback, Held, Timing
from tests.hbeat.world import World

FAST = Timing(keepalive=0.1, warntime=0.2, deadtime=0.3, initdead=1.2, deadping=0.3)


def test_common_start_ends_with_the_preferred_node_owning() -> None:
    world = World().both_up()
    assert world.owners() == {"a"}
    assert [world.node(n).ownership.status for n in "ab"] == ["local", "local"]


def test_node_alone_takes_everything_after_initdead() -> None:
    world = World()
    world.boot("b")
    assert world.run_until(lambda: world.owners() == {"b"}, 30)
    assert 12.0 <= world.now < 12.2


def test_peer_is_dead_after_deadtime_of_silence_on_all_links() -> None:
    world = World().both_up()
    last = max(at for at, node, _ in world.sent if node == "a")
    world.power_off("a")
    assert world.run_until(lambda: world.owners() == {"b"}, 10)
    assert world.now - last == pytest.approx(3.0, abs=0.1)


def test_one_link_is_enough() -> None:
    world = World().both_up()
    world.cut = {("a", "eth1"), ("b", "eth1")}
    world.run_for(60)
    assert world.owners() == {"a"}
    assert "Link a:eth1 dead." in "\n".join(world.transcript)


def test_deadtime_is_what_the_peer_asks_for() -> None:
    world = World()
    world.timing = FAST
    world.boot("a")
    world.timing = replace(FAST, deadtime=2.0)
    world.boot("b")
    world.run_until(world.settled, 30)
    world.run_for(6)
    world.power_off("b")  # b asked for two seconds
    died = world.now
    world.run_until(lambda: world.node("a").peer.status == "dead", 10)  # type: ignore[union-attr]
    assert world.now - died > 1.8


def test_failback_brings_the_groups_home() -> None:
    world = World().both_up()
    world.power_off("a")
    world.run_for(10)
    world.boot("a")
    assert world.run_until(lambda: world.owners() == {"a"} and world.settled(), 30)


def test_without_auto_failback_they_stay() -> None:
    world = World(failback=Failback.OFF).both_up()
    world.power_off("a")
    world.run_for(10)
    world.boot("a")
    world.run_for(60)
    assert world.owners() == {"b"}
    assert world.node("a").ownership.status == "none"


def test_failback_waits_until_the_returning_director_has_its_verdicts() -> None:
    world = World().both_up()
    world.power_off("a")
    world.run_for(10)
    world.ready_after = 7.0
    world.boot("a")
    booted = world.now
    assert world.run_until(lambda: world.owners() == {"a"}, 30)
    assert world.now - booted > 7.0


def test_failback_does_not_wait_for_ever() -> None:
    world = World().both_up()
    world.power_off("a")
    world.run_for(10)
    world.ready_after = 1e9
    world.boot("a")
    assert world.run_until(lambda: world.owners() == {"a"}, 30)


FAULT_WORDS = [f"{verb} {name}" for verb in ("off", "standby", "stop", "stall") for name in "ab"]
FAULT_WORDS += ["on", "takeover a", "loss", "calm", "stall ab"]
FAULTS = st.lists(st.tuples(st.sampled_from(FAULT_WORDS), st.floats(min_value=0.05, max_value=20)), max_size=8)


@settings(max_examples=60, deadline=None)
@given(FAULTS, st.integers(0, 1000))
def test_whatever_happens_in_a_connected_pair_there_is_one_owner_in_the_end(
    faults: list[tuple[str, float]], seed: int
) -> None:
    world = World(seed=seed).both_up()
    for fault, pause in faults:
        apply_fault(world, fault)
        world.run_for(pause)
        assert len(world.owners()) <= 1, "\n".join(world.transcript[-30:])
    world.loss = 0.0
    world.run_for(5)  # a node that was told to stop has time to end
    apply_fault(world, "on")
    assert world.run_until(lambda: world.settled() and len(world.owners()) == 1, 200), "\n".join(world.transcript[-40:])


def apply_fault(world: World, fault: str) -> None:
    verb, _, name = fault.partition(" ")
    if verb in ("loss", "calm"):
        world.loss = 0.2 if verb == "loss" else 0.0
        return
    if verb == "on":
        for machine in world.machines.values():
            if machine.cluster is None:
                machine.running = []
                world.boot(machine.name)
        return
    if verb == "off":
        world.power_off(name)
        return
    if verb == "stall":
        if all(world.now > world.machines[n].stalled_until + 1.5 for n in name):  # one stall, not a chain of them
            world.stall(5.0 if name == "ab" else 1.5, *name)
        return
    if world.machines[name].cluster is None:
        return
    if verb == "standby":
        world.do(name, lambda c: c.give(Held.ALL, world.now))
    elif verb == "takeover":
        world.do(name, lambda c: c.ask_takeover("all", world.now))
    else:
        world.do(name, lambda c: c.shutdown(world.now))


@pytest.mark.parametrize(("dt", "silence"), [(0.0, 3.0), (1.9, 3.0), (2.0, 2.0), (10.0, 10.0)])
def test_peer_that_asks_for_less_than_two_heartbeats_gets_what_our_file_says(dt: float, silence: float) -> None:
    peer = Peer("b", ("eth0",), Timing(keepalive=1.0, warntime=1.5, deadtime=3.0, initdead=12.0, deadping=3.0), 0.0)
    peer.status_heard("active", dt, 1.0)
    assert peer.patience == silence
