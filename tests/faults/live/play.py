"""Plays a fault on a pair at rest, and judges what was seen. A case that fails leaves its timeline and the logs.

build/faults/NAME has the timeline as JSON, its drawing, and the logs of both nodes.
"""

from __future__ import annotations

import re
import shutil
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from migration.client import INTERVAL
from tests.faults.checker import Bounds, Violation, check
from tests.faults.drawing import draw
from tests.faults.live.fault import Act, Fault
from tests.faults.live.world import World
from tests.faults.timeline import Kind, Timeline
from tests.system.pair import NAMES

KEPT = Path(__file__).parents[3] / "build" / "faults"
BEFORE, AFTER = 0.3, 1.0
"""Seconds for which the pair is looked at before the damage and at the end."""

CLIENT_RATE = 1 / INTERVAL
"""Requests a second."""


def play(world: World, fault: Fault, bring_home: Act | None = None) -> Timeline:
    """On a pair at rest; what was seen from shortly before the damage until the pair is at rest again. bring_home: what
    brings it there; without, it is to come to rest by itself."""
    began = time.monotonic()
    time.sleep(BEFORE)
    world.mark(Kind.FAULT, fault.name)
    fault.do(world)
    time.sleep(fault.lasts)
    if fault.undo is not None:
        world.mark(Kind.HEALED, f"end of {fault.name}")
        fault.undo(world)
        time.sleep(fault.bounds.heals)
    with suppress(AssertionError):  # the checker says what is wrong then, and if not it, `judged`
        if bring_home is None:
            world.until(world.at_rest, fault.rest)
        else:
            bring_home(world)
    time.sleep(AFTER)
    return world.timeline().since(began)


def played(world: World, fault: Fault, name: str, bring_home: Act | None = None) -> None:
    """A fault that leaves the pair as it was, judged; see `witnessed`."""
    witnessed(world, lambda: play(world, fault, bring_home), fault.bounds, name, fault.rest)


def witnessed(world: World, act: Callable[[], Timeline], bounds: Bounds, name: str, rest: float) -> None:
    """Judges what was seen of an act. It is done once more if the machine stood still meanwhile: then what was seen
    says nothing of ours. A program of ours that makes it stand still does so again. rest: seconds until it has come to
    rest."""
    timeline = act()
    if starved(timeline) and violations(world, timeline, bounds):
        print(f"{name}: the machine stood still, playing it again")
        with suppress(AssertionError):
            world.until(world.at_rest, rest)
        timeline = act()
    judged(world, timeline, bounds, name)


def starved(timeline: Timeline) -> bool:
    """In some second the client, a real-time process of the lab, began less than half of its requests."""
    begun = Counter(int(request.begun - timeline.began) for request in timeline.requests)
    return any(begun[second] < CLIENT_RATE / 2 for second in range(int(timeline.ended - timeline.began)))


def violations(world: World, timeline: Timeline, bounds: Bounds) -> list[Violation]:
    """Those of the checker, and the one that needs no checker: the pair does not come to rest. It is asked for AFTER
    seconds: a director that was told to serve in vain stands by again up to a second after all else is at rest."""
    found = check(timeline, bounds)
    try:
        world.until(world.at_rest, AFTER)
    except AssertionError:
        found.append(Violation("I3", timeline.ended, "the pair has not come to rest"))
    return found


def judged(world: World, timeline: Timeline, bounds: Bounds, name: str) -> None:
    """Fails with the drawing if any invariant did not hold, and keeps what there is to read."""
    found = violations(world, timeline, bounds)
    if found:
        raise AssertionError(
            f"{name}: {len(found)} violations; see {keep(world, timeline, found, name)}\n{draw(timeline, found)}"
        )


def keep(world: World, timeline: Timeline, found: list[Violation], name: str) -> Path:
    """Writes it all down; the folder."""
    folder = KEPT / re.sub(r"[^\w.-]+", "_", name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "timeline.json").write_text(timeline.as_json())
    (folder / "drawing.txt").write_text(draw(timeline, found) + "\n")
    for node in NAMES:
        (folder / f"{node}.log").write_text(world.log(node))
    return folder
