"""kill -9 at random instants, on either node, at rest and during handovers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from random import Random

import pytest

from tests.faults.checker import Bounds
from tests.faults.live.faults_of_processes import LEASE_OUTAGE
from tests.faults.live.play import witnessed
from tests.faults.live.world import ONE, World
from tests.faults.timeline import Kind, Timeline
from tests.system.pair import NAMES

SEED = int(os.environ.get("FAULTS_SEED") or 0) or time.time_ns() % 1_000_000
SHORT, NIGHTLY = 20, 200
"""Kills of each victim."""
REST = 60.0
"""Seconds until a pair has come to rest."""
SPAN = 1.0
"""Seconds after the beginning of an activity in which the kill comes."""


def chunks(kills: int) -> list[object]:
    """For `parametrize`: the numbers of the chunks of so many kills that make SHORT, and those of the nightly."""
    short = SHORT // kills
    return [*range(short), *(pytest.param(n, marks=pytest.mark.nightly) for n in range(short, NIGHTLY // kills))]


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
    world.until(lambda: world.calm() and world.each_has_one_owner(), REST)
    if not world.at_rest():
        world.mark(Kind.ORDER, f"hb_takeover on {ONE}")
        world.ask(ONE, "takeover local")
    world.until(world.at_rest, REST)


def kill_once(world: World, victim: str, which: tuple[str, ...], bounds: Bounds, name: str) -> None:
    """On a pair at rest, which is at rest again afterwards. which: names of processes; none: all of ours.

    name says the instant, too: the same seed plays it again.
    """
    witnessed(world, lambda: _kill(world, victim, which, name), bounds, f"{name}, seed {SEED}", REST)


def _kill(world: World, victim: str, which: tuple[str, ...], name: str) -> Timeline:
    random = Random(f"{SEED} {name}")
    node, activity = random.choice(NAMES), random.choice(ACTIVITIES)
    delay = random.uniform(0, SPAN)
    if which and not world.runs(node, *which):  # it was killed before, and comes with the daemon alone
        world.stop(node)
        world.start(node)
        bring_home(world)
    began = time.monotonic()
    activity(world)
    time.sleep(delay)
    world.mark(Kind.FAULT, f"{victim} of {node} killed {delay:.3f} s after the beginning of {activity.__name__}")
    if not which:
        world.signal(node, signal.SIGSTOP)  # all at one instant: else the others clean up
    assert world.signal(node, signal.SIGKILL, *which) != []
    if not which:
        time.sleep(LEASE_OUTAGE)
        world.mark(Kind.ORDER, f"start of {node}")
        world.start(node)
    bring_home(world)
    return world.timeline().since(began)
