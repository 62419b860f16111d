"""All cables of the owner are out for less than deadtime: its offer reaches the other node when they are in again."""

from __future__ import annotations

import pytest

from hbeat.core.model import Timing
from tests.hbeat.core.test_custody import TIMINGS, pair, story
from tests.hbeat.machine import INSIDE, LINKS, VIP


@TIMINGS
@pytest.mark.parametrize("part", [0.1, 0.3, 0.5, 0.7, 0.8])
def test_its_groups_are_at_home_again(timing: Timing, part: float) -> None:
    world = pair(timing)
    world.pull("a", *LINKS)
    world.run_for(part * timing.deadtime)
    world.pull("a")
    world.run_for(60)
    assert world.settled(), story(world)
    assert world.owners(VIP) == world.owners(INSIDE) == {"a"}, story(world)
