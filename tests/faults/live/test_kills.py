"""Processes of hbeat killed at random instants: each alone and all at once. Those beside ldirectord: inside/.

The seed is in the name of a case that fails; FAULTS_SEED plays it again.
"""

from __future__ import annotations

import pytest

from tests.faults.checker import Bounds
from tests.faults.live.faults_of_processes import LEASE_OUTAGE
from tests.faults.live.kills import chunks, kill_once
from tests.faults.live.layout import DEADTIME
from tests.faults.live.processes import DAEMON, KEEPER, RECORDER
from tests.faults.live.world import YOUNG, World

KILLS = 4
"""In the life of one pair: a keeper starts a daemon that dies again and again more and more slowly."""
VICTIMS = {"daemon": (DAEMON,), "keeper": (KEEPER,), "recorder": (RECORDER,), "all": ()}
BOUNDS = Bounds(outage=LEASE_OUTAGE + DEADTIME + YOUNG, moves=2, ends=True, settles=40.0)
"""The handover that is interrupted has its time, too, and a daemon that has just started is waited for longer."""


@pytest.mark.parametrize("chunk", chunks(KILLS))
@pytest.mark.parametrize("victim", VICTIMS)
def test_kills_at_random_instants(world: World, victim: str, chunk: int) -> None:
    world.start_all()
    for number in range(KILLS):
        kill_once(world, victim, VICTIMS[victim], BOUNDS, f"{victim} killed, chunk {chunk}, number {number}")
