"""Plays faults on stacks in turn: every play on a fresh pair that has come to rest with everything at home.

The engine of `hbeat-migrate rehearse --against` and of `make bench-failover`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import random

from hbeat.core.model import Timing
from migration import logs
from migration.cluster_files import ClusterFiles
from migration.comparison.faults import DOWNLOADING, REST, RESUME, Fault, Half
from migration.comparison.stacks import Stack
from migration.comparison.world import World, bound
from migration.topology import Topology

LOG_LINES_SHOWN = 8
HEAD_START = 0.5
"""Seconds by which the owner starts first: of two keepalived that start in one instant, with short adverts, both become
master, and the one that steps back may keep addresses."""
SLOW_GUEST = 60.0
"""Seconds beyond all bounds that a play may take: machines are built and taken down again."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A stack and the files that it is to run. name: what rows call it."""

    name: str
    stack: Stack
    files: ClusterFiles
    topology: Topology


@dataclass(frozen=True, slots=True)
class Play:
    """What came of one. log: the last lines of a pair that did not come to rest, which has no halves."""

    contender: str
    fault: str
    repetition: int
    halves: tuple[Half, ...] = ()
    log: tuple[str, ...] = ()


def longest(timing: Timing) -> float:
    """Seconds that one play can take."""
    return bound(timing) + REST + 2 * (DOWNLOADING + bound(timing) + RESUME) + SLOW_GUEST


def plays(
    faults: Sequence[Fault], contenders: Sequence[Contender], repeat: int, keep_logs: Path | None = None
) -> Iterator[Play]:
    """All of them; the stacks take turns, so that a machine which slows down does so for all.

    keep_logs: a folder for what the nodes logged, in CONTENDER/FAULT-REPETITION/NODE.
    """
    for repetition in range(repeat):
        for fault in faults:
            for contender in contenders:
                if fault.fits(contender.stack, contender.files.nodes[0].ha.auto_failback):
                    yield _play(fault, contender, repetition, keep_logs)


def _play(fault: Fault, contender: Contender, repetition: int, keep_logs: Path | None) -> Play:
    with tempfile.TemporaryDirectory(prefix="failover-") as place:
        folder = Path(place)
        world = World(folder, contender.files, contender.topology, contender.stack)
        try:
            for node in world.nodes.values():
                node.boot()
            contender.stack.start(world.nodes[world.first])
            world.observe(HEAD_START)
            contender.stack.start(world.nodes[world.second])
            if not world.until_served(world.homes):
                return Play(contender.name, fault.name, repetition, log=tuple(_last_lines(world)))
            world.observe(REST + random())  # no fault at a fixed place between two beats
            return Play(contender.name, fault.name, repetition, tuple(fault.play(world, contender.stack)))
        finally:
            world.close()
            if keep_logs:
                logs.keep(folder, keep_logs / contender.name / f"{fault.name.replace(' ', '-')}-{repetition}")


def _last_lines(world: World) -> Iterable[str]:
    for node in world.nodes.values():
        for file, lines in logs.last_lines(node.folder, LOG_LINES_SHOWN):
            yield from (f"{node.name}: {file}: {line}" for line in lines)
