"""ldirectord, and the process that looks at connections, killed at random instants. FAULTS_CHUNK: which instants."""

from __future__ import annotations

import os

import pytest

from tests.faults.checker import Bounds
from tests.faults.live.inside.test_with_director import SLOW, STARTED
from tests.faults.live.kills import kill_once
from tests.faults.live.processes import DIRECTOR, TELLER
from tests.faults.live.world import World

CHUNK, KILLS = int(os.environ.get("FAULTS_CHUNK", "0")), int(os.environ.get("FAULTS_KILLS", "0"))
VICTIMS = {"ldirectord": (DIRECTOR,), "who looks at connections": (TELLER,)}
BOUNDS = Bounds(STARTED, ends=True, unserved=SLOW, settles=60, warm_up=20)
"""Nobody's death moves anything. A node that is handed everything while its ldirectord is dead starts that first."""


@pytest.mark.parametrize("number", range(KILLS))
@pytest.mark.parametrize("victim", VICTIMS)
def test_kills_at_random_instants(settled: World, victim: str, number: int) -> None:
    settled.until(settled.at_rest, 60)
    settled.until(lambda: all(settled.runs(name, DIRECTOR, TELLER) for name in settled.nodes), 30)
    kill_once(settled, victim, VICTIMS[victim], BOUNDS, f"{victim} killed, chunk {CHUNK}, number {number}")
