"""The lines that monitoring in the field greps for, word for word (reference section 11.7), in the life of a pair."""

from __future__ import annotations

import re

import pytest

from tests.hbeat.world import World


@pytest.fixture(scope="module")
def log() -> str:
    """Death, return, a cut cable, a partition and a stalled node; all that both nodes say."""
    world = World()
    world.boot("a")
    world.boot("b")
    world.run_for(40)
    world.cut |= {("a", "eth1"), ("b", "eth1")}
    world.run_for(10)
    world.cut.clear()
    world.run_for(10)
    world.stall(2.2, "a")  # late, and not dead
    world.run_for(10)
    world.power_off("a")
    world.run_for(20)
    world.boot("a")
    world.run_for(50)
    world.cut |= {(node, link) for node in "ab" for link in ("eth0", "eth1")}
    world.run_for(20)
    world.cut.clear()
    world.run_for(40)
    return "\n".join(world.transcript)


@pytest.mark.parametrize(
    "line",
    [
        r"node a: is dead",
        r"Link a:eth1 dead\.",
        r"Link a:eth1 up\.",
        r"Status update for node a: status active",
        r"Resources being acquired from a\.",
        r"mach_down takeover complete",
        r"remote resource transition completed",
        r"Late heartbeat: Node a: interval \d+ ms",
        r"returning after partition",
        r"Deadtime value may be too small",
    ],
)
def test_line_is_said(line, log):
    assert re.search(line, log)
