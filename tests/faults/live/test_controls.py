"""Negative controls: each invariant is broken in the world, and the referee and the checker have to say so.

Each begins with a calm pair in which nothing is found, so that what is found afterwards is what was planted.
"""

from __future__ import annotations

import signal
import sys
import time

import pytest

from tests.faults.checker import Bounds, check
from tests.faults.live import network
from tests.faults.live.fault import Act, Fault
from tests.faults.live.faults_of_processes import killed, stopped
from tests.faults.live.play import play
from tests.faults.live.processes import DAEMON, RECORDER
from tests.faults.live.world import ONE, TWO, World
from tests.faults.timeline import Kind
from tests.system.pair import GATEWAY, NAMES, VIP
from tests.system.test_changes import UNSAFE

CALM, WATCHED, HEALS = 1.5, 3.0, 1.0
GROWS = """
import time
open("/proc/self/comm", "w").write("hbeat")
kept = []
while True:
    time.sleep(0.1)
    kept.append(bytearray(1 << 22))
"""
"""A process that is called as ours, and does not stay level."""


def found(world: World, plant: Act, bounds: Bounds, invariant: str, seconds: float = WATCHED) -> list[str]:
    """How the invariant is violated by what was planted, sorted; fails if it is not. Before, in a calm, nothing is."""
    began = time.monotonic()
    time.sleep(CALM)
    assert check(world.timeline().since(began), Bounds()) == []
    plant(world)
    time.sleep(seconds)
    violations = check(world.timeline().since(began), bounds)
    what = sorted(violation.what for violation in violations if violation.invariant == invariant)
    assert what, f"{invariant} is said to hold; found: {violations}"
    return what


def add_address(world: World, name: str) -> None:
    status, out = world.run(name, "ip", "address", "add", f"{VIP}/24", "dev", "eth0")
    assert status == 0, out


def test_i1_address_on_both_nodes(world: World) -> None:
    violated = found(world.start_all(), lambda w: add_address(w, TWO), Bounds(moves=9), "I1")
    assert any(f"{VIP} is on {ONE} and {TWO} for" in what for what in violated)


def test_i1_machine_that_answers_for_an_address_which_no_kernel_of_ours_has_twice(world: World) -> None:
    def plant(world: World) -> None:
        status, out = world.run(TWO, "sh", "-c", PROXY)
        assert status == 0, out

    violated = found(world.start_all(), plant, Bounds(), "I1")
    assert any(f"{VIP} is answered for by" in what for what in violated)


PROXY = (
    "sysctl -qw net.ipv4.neigh.eth0.proxy_delay=0 && "
    f"ip route add {VIP}/32 dev eth1 && ip neigh add proxy {VIP} dev eth0"
)
"""The second node answers for it, as proxy ARP does, and does not have it."""


@pytest.mark.parametrize("act", [killed(DAEMON), stopped(DAEMON)], ids=["killed", "stopped"])
def test_i1_daemons_without_the_safety(world: World, act: Act) -> None:
    for name in NAMES:
        world.write(name, "hbeat.yaml", UNSAFE)
    violated = found(world.start_all(), act, Bounds(5, moves=9, ends=True), "I1")
    assert any(f"{VIP} is on {ONE} and {TWO} for" in what for what in violated)


def test_i2_nobody_serves(world: World) -> None:
    def plant(world: World) -> None:
        world.mark(Kind.FAULT, "both stop")
        for name in NAMES:
            world.stop(name)

    violated = found(world.start_all(), plant, Bounds(1.0, moves=2, ends=True), "I2")
    assert [what.partition(" for")[0] for what in violated] == [
        f"{VIP} has no owner",
        f"{GATEWAY} has no owner",
        "the client has no answer",
    ]


def test_i2_client_is_not_served_by_an_owner_that_is_there(world: World) -> None:
    def plant(world: World) -> None:
        world.mark(Kind.FAULT, "deaf to clients")
        network.deafen(world, ONE, "eth0")

    violated = found(world.start_all(), plant, Bounds(1.0), "I2")
    assert all(what.startswith("the client has no answer for") for what in violated)


def test_i3_repair_that_repairs_nothing(world: World) -> None:
    fault = Fault("never healed", network_of_nobody, Bounds(None, moves=2), lambda w: None, rest=1.0)
    violations = check(play(world.start_all(), fault), fault.bounds)
    what = [violation.what for violation in violations if violation.invariant == "I3"]
    assert f"{VIP} is on nobody when the pair should have healed" in what
    assert "the client is not served when the pair should have healed" in what


def test_i3_address_that_is_taken_away_again_and_again_after_the_repair(world: World) -> None:
    def plant(world: World) -> None:
        world.mark(Kind.FAULT, "none")
        world.mark(Kind.HEALED, "none")
        ends = time.monotonic() + HEALS + 5
        while time.monotonic() < ends:
            world.run(ONE, "ip", "address", "del", f"{VIP}/24", "dev", "eth0")
            time.sleep(0.1)

    bounds = Bounds(outage=2.0, heals=HEALS)
    violated = found(world.start_all(), plant, bounds, "I3", 1.0)
    assert any(f"{VIP} has no owner for" in what and "in all after the pair should" in what for what in violated)


def network_of_nobody(world: World) -> None:
    for name in NAMES:
        network.cut(world, name)


def test_i5_stopped_node_that_keeps_an_address_and_a_process(world: World) -> None:
    world.start_all()
    began = time.monotonic()
    world.mark(Kind.ORDER, f"stop of {TWO}")
    world.stop(TWO)
    world.left(TWO)
    bounds = Bounds(ends=True)
    assert check(world.timeline().since(began), bounds) == []
    add_address(world, TWO)
    plant_process(world, TWO)
    world.left(TWO)
    what = [violation.what for violation in check(world.timeline().since(began), bounds) if violation.invariant == "I5"]
    assert what[0] == f"{TWO} was stopped and still has address {VIP}"
    assert what[1].startswith(f"{TWO} was stopped and still has process {DAEMON} (")


def plant_process(world: World, name: str) -> None:
    command = f"{sys.executable} -c '{GROWS}' </dev/null >/dev/null 2>&1 &"
    assert world.run(name, "sh", "-c", command)[0] == 0
    world.until(lambda: world.signal(name, signal.SIGCONT, DAEMON) != [], 5)


def test_i6_descriptors_that_are_held(world: World) -> None:
    def plant(world: World) -> None:
        for _ in range(15):
            world.keep_open(world.connected(ONE).detach())

    violated = found(world.start_all(), plant, Bounds(), "I6")
    assert any(f"{DAEMON} of {ONE}, pid {world.daemon(ONE)}, grew from" in what for what in violated)
    assert all(what.endswith("descriptors") for what in violated)


def test_i6_memory_that_grows(world: World) -> None:
    violated = found(world.start_all(), lambda w: plant_process(w, TWO), Bounds(), "I6", seconds=6.0)
    assert all(what.startswith(f"{DAEMON} of {TWO}, pid ") for what in violated)
    assert all(what.endswith("KiB of memory") for what in violated)


def traceback(world: World) -> None:
    with world.place(ONE, "/var/log/ha-log").open("a") as log:
        log.write("heartbeat: [9]: CRIT: error in this program\n  Traceback (most recent call last):\n")


def core(world: World) -> None:
    world.place(TWO, "/var/lib/heartbeat/core.4711").write_bytes(b"\x7fELF")


def death(world: World) -> None:
    killed(RECORDER)(world)


@pytest.mark.parametrize(
    ("plant", "what"),
    [
        (traceback, f"{ONE}: heartbeat: [9]: CRIT: error in this program"),
        (core, f"{TWO}: core core.4711"),
        (death, f"{RECORDER} of {ONE} has ended: pid"),
    ],
)
def test_i7_traceback_core_and_death(world: World, plant: Act, what: str) -> None:
    assert any(what in violated for violated in found(world.start_all(), plant, Bounds(), "I7", seconds=1.0))


def test_i8_handover_that_nobody_declared(world: World) -> None:
    def plant(world: World) -> None:
        assert world.ask(ONE, "standby all").get("ok")

    violated = found(world.start_all(), plant, Bounds(), "I8")
    assert f"{VIP} goes from {ONE} to {TWO} without a cause" in violated


def test_i8_more_moves_than_the_fault_accounts_for(world: World) -> None:
    def plant(world: World) -> None:
        world.mark(Kind.FAULT, "something that moves nothing")
        assert world.ask(ONE, "standby all").get("ok")

    violated = found(world.start_all(), plant, Bounds(1.0), "I8")
    assert f"{VIP} moves more often than its causes account for: {ONE} -> {TWO}" in violated
