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
from tests.faults.live.faults_of_processes import kill_all, killed, start_again
from tests.faults.live.play import judged, play
from tests.faults.live.processes import DAEMON, DIRECTOR
from tests.faults.live.world import GUEST_DEADTIME, GUEST_LEASE, ONE, REALS, TWO, World
from tests.faults.timeline import Kind

SLOW = 1.0
"""Seconds by which everything may come later here: one processor for both nodes, the reals, the client and us."""
TAKEOVER = max(GUEST_LEASE, GUEST_DEADTIME) + 0.5 + SLOW
"""Until the addresses of a node that died are on the other one."""
CHECKED = 1.0 + 1.0 + SLOW
"""checkinterval, checktimeout."""
STARTED = 10.0 + 6.0
"""In which an ldirectord that was killed early in its life has been started again and has made its first checks."""
HOUR = 3600


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


UNMOVED = Bounds(ends=True, dead_weight=CHECKED, unserved=SLOW)
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
    Fault("all killed, ldirectord too", kill_all, TAKEN, start_again, lasts=TAKEOVER, rest=60),
    Fault("power-off with ldirectord", power_off(ONE), TAKEN, boot(ONE), lasts=TAKEOVER, rest=60),
    Fault("orderly stop with ldirectord", stop_in_order, TAKEN, start_in_order, lasts=2, rest=60),
    Fault("clock an hour forward", step_clock(HOUR), UNMOVED, lasts=4),
    Fault("clock an hour back", step_clock(-HOUR), UNMOVED, lasts=4),
    Fault("frames delayed", delayed("delay 150ms 50ms"), Bounds(ends=True, unserved=4.0), network.restore, lasts=6),
    Fault(
        "frames reordered",
        delayed("delay 60ms reorder 50% 25%"),
        Bounds(ends=True, unserved=4.0),
        network.restore,
        lasts=6,
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_fault_breaks_no_invariant(settled: World, fault: Fault) -> None:
    settled.until(settled.at_rest, 60)
    judged(settled, play(settled, fault), fault.bounds, fault.name)


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
    began = time.monotonic()
    settled.mark(Kind.ORDER, f"stop of {TWO}")
    settled.stop(TWO)
    settled.left(TWO)
    settled.mark(Kind.FAULT, "all killed")
    kill_all(settled)
    time.sleep(TAKEOVER)
    addresses = settled.addresses(ONE)
    settled.left(ONE, tables=False)  # what is in IPVS then is adopted, or removed, by the next one
    assert addresses
    assert check(settled.timeline().since(began), Bounds(None, ends=True)) == []
    settled.start(ONE)
    settled.start(TWO)
    settled.until(settled.at_rest, 60)
