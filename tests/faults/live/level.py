"""Cycle after cycle of faults that end no process: what a process has at the end of each is to stay level (I6).

Its life is the whole run, so every look is comparable with every other, and the slack is not that of a life which began
a moment ago.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

from tests.faults.checker import Bounds, Violation, check
from tests.faults.live.fault import Act, Fault, nothing
from tests.faults.live.kills import SEED, bring_home
from tests.faults.live.play import played
from tests.faults.live.world import World
from tests.faults.timeline import Process, Timeline

LEVEL = Bounds(warm_up=0.0, memory=2048, descriptors=2)
"""Descriptors were found to be the same in every cycle; the two are for a control connection that is just ending. A
daemon grows by 0.8 MiB in its first 50 s, until it has the 500 messages that it keeps for the other node."""


def looks_after(world: World, faults: Sequence[Fault], cycles: int, also: Act = nothing) -> list[Process]:
    """Plays a random one in each cycle, judges it, and looks at the processes when everything is at home again. also:
    done before each look."""
    looks: list[Process] = []
    for number in range(cycles):
        fault = Random(f"{SEED} {number}").choice(faults)
        played(world, fault, f"level, seed {SEED}, cycle {number}, {fault.name}", bring_home)
        also(world)
        world.forget()
        processes = world.timeline().processes
        looks += [process for process in processes if process.at == processes[-1].at]
    return looks


def not_level(looks: Sequence[Process], cycles: int, running: int) -> list[Violation]:
    """What has grown. Fails if any of so many processes that run was not looked at in every cycle."""
    lives = Counter((look.node, look.name, look.pid) for look in looks)
    assert list(lives.values()) == [cycles] * running, lives
    return check(Timeline(looks[0].at, looks[-1].at, (), processes=tuple(looks)), LEVEL)
