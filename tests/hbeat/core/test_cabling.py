"""How long a cable has to be out before its node gives up what it holds: the other one's word may say that it is out
there, too."""

from __future__ import annotations

import pytest

from hbeat.core.model import Timing
from tests.hbeat.core.test_custody import TIMINGS, pair, story
from tests.hbeat.machine import VIP
from tests.hbeat.world import World

FASTEST = Timing(keepalive=0.01, warntime=0.02, deadtime=0.04, initdead=1.2, deadping=0.04)


@pytest.mark.parametrize(("timing", "settling"), [(FASTEST, 0.005), (Timing(0.1, 0.2, 0.3, 1.2, 0.3), 0.02)])
def test_settling_is_20_ms_and_with_short_deadtimes_shorter(timing: Timing, settling: float) -> None:
    world = pair(timing)
    world.pull("a", "eth0")
    world.run_for(settling - 0.001)
    assert not offered(world), story(world)
    world.run_for(0.002)
    assert offered(world), story(world)


def offered(world: World) -> bool:
    return any("offering all resources" in line for line in world.transcript)


@TIMINGS
@pytest.mark.parametrize("first", ["a", "b"])
@pytest.mark.parametrize("apart", [0.0, 0.003, 0.018])
def test_switch_that_takes_the_plugs_of_both_moves_nothing(timing: Timing, first: str, apart: float) -> None:
    world = pair(timing)
    begun = len(world.owner_log)
    world.pull(first, "eth0")
    world.run_for(apart)
    world.pull({"a": "b", "b": "a"}[first], "eth0")
    world.run_for(5)
    for name in ("a", "b"):
        world.pull(name)
    world.run_for(5)
    assert world.owners(VIP) == {"a"}, story(world)
    assert "b" not in {name for _, owners in world.owner_log[begun:] for name in owners}, story(world)


@pytest.mark.parametrize("apart", [0.005, 0.008, 0.01])
def test_offer_that_the_word_of_the_other_plug_finds_unanswered_is_withdrawn(apart: float) -> None:
    """The settling is shorter than the time between both plugs."""
    world = pair(FASTEST)
    begun = len(world.owner_log)
    world.pull("a", "eth0")
    world.run_for(apart)
    world.pull("b", "eth0")
    world.run_for(5)
    for name in ("a", "b"):
        world.pull(name)
    world.run_for(5)
    assert world.owners(VIP) == {"a"}, story(world)
    assert "b" not in {name for _, owners in world.owner_log[begun:] for name in owners}, story(world)
