"""What needs IPVS, netem or a clock of one's own: weights, ldirectord's death, delays, steps of the wall clock."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

from tests.faults.checker import Bounds, check
from tests.faults.live import network
from tests.faults.live.fault import Act, Fault
from tests.faults.live.faults_of_machines import boot, power_off, start_in_order, stop_in_order
from tests.faults.live.faults_of_processes import killed, start_again
from tests.faults.live.layout import GUEST_DEADTIME, GUEST_LEASE, ONE, REALS, TWO
from tests.faults.live.play import played
from tests.faults.live.processes import DAEMON, DIRECTOR
from tests.faults.live.world import World
from tests.faults.timeline import Kind, Timeline

SLOW = 1.0
"""Seconds by which everything may come later here: one processor for both nodes, the reals, the client and us."""
TAKEOVER = max(GUEST_LEASE, GUEST_DEADTIME) + 0.5 + SLOW
"""Until the addresses of a node that died are on the other one."""
CHECKED = 1.0 + 1.0 + SLOW
"""checkinterval, checktimeout."""
STARTED = 10.0 + 6.0
"""In which an ldirectord that was killed early in its life has been started again and has made its first checks."""
HOUR = 3600
STALE = "10.1.1.99:80"


def kill_director(name: str) -> Act:
    def do(world: World) -> None:
        assert world.signal(name, signal.SIGKILL, DIRECTOR) != []

    return do


def stop_a_real(world: World) -> None:
    world.stop_real(REALS[0])


def start_it_again(world: World) -> None:
    world.start_real(REALS[0])


def kill_director_and_stop_a_real(world: World) -> None:
    kill_director(ONE)(world)
    stop_a_real(world)


def step_clock(seconds: int) -> Act:
    def do(world: World) -> None:
        subprocess.run(["date", "-s", f"@{int(time.time()) + seconds}"], check=True, stdout=subprocess.DEVNULL)

    return do


def delayed(netem: str) -> Act:
    def do(world: World) -> None:
        network.degrade(world, netem)

    return do


UNMOVED = Bounds(dead_weight=CHECKED, unserved=SLOW)
TAKEN = Bounds(TAKEOVER, moves=2, ends=True, dead_weight=CHECKED, unserved=SLOW, heals=2.0, settles=60, warm_up=20)
FAULTS = [
    Fault("real server stopped", stop_a_real, UNMOVED, start_it_again, lasts=4),
    Fault("ldirectord of the owner killed", kill_director(ONE), Bounds(ends=True, unserved=SLOW), lasts=4),
    Fault("ldirectord of the other killed", kill_director(TWO), Bounds(ends=True, unserved=SLOW), lasts=4),
    Fault(
        "ldirectord killed and a real server stopped",
        kill_director_and_stop_a_real,
        Bounds(ends=True, dead_weight=STARTED + CHECKED, unserved=SLOW),
        start_it_again,
        lasts=STARTED + CHECKED,
    ),
    Fault("daemon killed beside ldirectord", killed(DAEMON), TAKEN, lasts=TAKEOVER, rest=60),
    Fault("all killed, ldirectord too", killed(), TAKEN, start_again, lasts=TAKEOVER, rest=60),
    Fault("power-off with ldirectord", power_off(ONE), TAKEN, boot(ONE), lasts=TAKEOVER, rest=60),
    Fault("orderly stop with ldirectord", stop_in_order, TAKEN, start_in_order, lasts=2, rest=60),
    Fault("clock an hour forward", step_clock(HOUR), UNMOVED, lasts=4),
    Fault("clock an hour back", step_clock(-HOUR), UNMOVED, lasts=4),
    Fault("frames delayed", delayed("delay 150ms 50ms"), Bounds(unserved=4.0), network.restore, lasts=6),
    Fault(
        "frames reordered",
        delayed("delay 60ms reorder 50% 25%"),
        Bounds(unserved=4.0),
        network.restore,
        lasts=6,
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_fault_breaks_no_invariant(settled: World, fault: Fault) -> None:
    settled.until(settled.at_rest, 60)
    played(settled, fault, fault.name)


def test_i4_dead_real_server_that_keeps_its_weight(settled: World) -> None:
    """The negative control: ldirectord looks no more."""
    settled.until(settled.at_rest, 60)
    began = time.monotonic()
    settled.signal(ONE, signal.SIGSTOP, DIRECTOR)
    stop_a_real(settled)
    time.sleep(CHECKED + 1.0)
    violations = check(settled.timeline().since(began), UNMOVED)
    settled.signal(ONE, signal.SIGCONT, DIRECTOR)
    start_it_again(settled)
    assert [violation.invariant for violation in violations] == ["I4"]


def test_i5_nothing_is_left_after_a_stop_and_after_a_kill_of_everything(settled: World) -> None:
    settled.until(settled.at_rest, 60)
    try:
        stop_and_kill(settled)
    finally:
        start_both(settled)


def stop_and_kill(world: World) -> None:
    began = time.monotonic()
    world.mark(Kind.ORDER, f"stop of {TWO}")
    world.stop(TWO)
    world.left(TWO)
    world.mark(Kind.FAULT, "all killed")
    killed()(world)
    time.sleep(TAKEOVER)
    assert world.addresses(ONE)
    world.left(ONE, tables=False)
    assert world.table(ONE) != {}  # nobody was there to remove it: that is for the next one
    world.mark(Kind.ORDER, f"start of {ONE}")
    world.start(ONE)
    world.until(lambda: world.each_has_one_owner() and world.owners() == [ONE], 60)
    world.mark(Kind.ORDER, f"stop of {ONE}")
    world.stop(ONE)
    world.left(ONE)
    timeline = world.timeline().since(began)
    assert check(timeline, Bounds(None, ends=True)) == []
    assert _entries_end(timeline) in (1, 2), "with the orderly stop, and before it if the next one stands by at first"


def _entries_end(timeline: Timeline) -> int:
    """How often the entry of the first real server has gone from the first node's table."""
    real = f"{REALS[0]}:80"
    return sum(weight.weight is None for weight in timeline.weights if (weight.node, weight.real) == (ONE, real))


def start_both(world: World) -> None:
    for name in (ONE, TWO):
        world.start(name)
    world.until(world.at_rest, 60)


def test_i5_virtual_that_nobody_removes(settled: World) -> None:
    """The negative control for tables: a virtual that is of no daemon of ours is there before and after the stop."""
    settled.until(settled.at_rest, 60)
    status, out = settled.run(TWO, "ipvsadm", "-A", "-t", STALE)
    assert status == 0, out
    began = time.monotonic()
    try:
        settled.mark(Kind.ORDER, f"stop of {TWO}")
        settled.stop(TWO)
        settled.left(TWO)
        violations = check(settled.timeline().since(began), Bounds(ends=True))
        assert settled.run(TWO, "ipvsadm", "-D", "-t", STALE)[0] == 0
    finally:
        start_both(settled)
    what = [violation.what for violation in violations if violation.invariant == "I5"]
    assert f"{TWO} was stopped and still has IPVS service TCP {STALE}" in what
