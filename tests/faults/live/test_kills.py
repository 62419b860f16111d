"""kill -9 at random instants: of each process alone and of all, on either node, at rest and during handovers.

The seed is in the name of a case that fails; FAULTS_SEED plays it again.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from random import Random

import pytest

from tests.faults.checker import Bounds
from tests.faults.live.faults_of_processes import LEASE_OUTAGE
from tests.faults.live.play import judged
from tests.faults.live.processes import DAEMON, KEEPER, RECORDER
from tests.faults.live.world import DEADTIME, ONE, YOUNG, World
from tests.faults.timeline import Kind
from tests.system.pair import GATEWAY, NAMES, VIP

SEED = int(os.environ.get("FAULTS_SEED", "0")) or time.time_ns() % 1_000_000
KILLS = 5
"""In the life of one pair: a keeper starts a daemon that dies again and again more and more slowly."""
CHUNKS = 200 // KILLS
VICTIMS = {"daemon": (DAEMON,), "keeper": (KEEPER,), "recorder": (RECORDER,), "all": ()}
BOUNDS = Bounds(outage=LEASE_OUTAGE + DEADTIME + YOUNG, moves=2, ends=True, settles=40.0)
"""The handover that is interrupted has its time, too, and a daemon that has just started is waited for longer."""
SPAN = 1.0
"""Seconds after the beginning of an activity in which the kill comes."""


def rest(world: World) -> None:
    """Nothing is under way."""


def hand_over(world: World) -> None:
    world.mark(Kind.ORDER, f"hb_standby on {ONE}")
    world.ask(ONE, "standby all")


def there_and_back(world: World) -> None:
    hand_over(world)
    time.sleep(0.3)
    world.mark(Kind.ORDER, f"hb_takeover on {ONE}")
    world.ask(ONE, "takeover local")


ACTIVITIES: tuple[Callable[[World], None], ...] = (rest, hand_over, there_and_back)


def bring_home(world: World) -> None:
    """Everything to where haresources has it: what was handed over by command does not come back by itself."""
    world.until(lambda: world.calm() and len(world.owners(VIP)) == len(world.owners(GATEWAY)) == 1, 40)
    if not world.at_rest():
        world.mark(Kind.ORDER, f"hb_takeover on {ONE}")
        world.ask(ONE, "takeover local")
    world.until(world.at_rest, 30)


def kill_once(world: World, victim: str, random: Random, name: str) -> None:
    node, activity = random.choice(NAMES), random.choice(ACTIVITIES)
    delay = random.uniform(0, SPAN)
    began = time.monotonic()
    activity(world)
    time.sleep(delay)
    which = VICTIMS[victim]
    world.mark(Kind.FAULT, f"{victim} of {node} killed {delay:.3f} s after the beginning of {activity.__name__}")
    if not which:
        world.signal(node, signal.SIGSTOP)  # all at one instant: else the others clean up
    world.signal(node, signal.SIGKILL, *which)
    if not which:
        time.sleep(LEASE_OUTAGE)
        world.mark(Kind.ORDER, f"start of {node}")
        world.start(node)
    bring_home(world)
    judged(world, world.timeline().since(began), BOUNDS, name)


@pytest.mark.parametrize("chunk", [0, *(pytest.param(n, marks=pytest.mark.nightly) for n in range(1, CHUNKS))])
@pytest.mark.parametrize("victim", VICTIMS)
def test_kills_at_random_instants(world: World, victim: str, chunk: int) -> None:
    world.start_all()
    for number in range(KILLS):
        random = Random(f"{SEED} {victim} {chunk} {number}")
        kill_once(world, victim, random, f"{victim} killed, seed {SEED}, chunk {chunk}, number {number}")
