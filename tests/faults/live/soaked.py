"""Faults on either node, for whoever puts two together."""

from __future__ import annotations

import signal

from tests.faults.live import network
from tests.faults.live.fault import Act
from tests.faults.live.processes import DAEMON
from tests.faults.live.world import World


def killed_on(node: str, *which: str) -> Act:
    """At one instant; without names, all of ours."""

    def do(world: World) -> None:
        if not which:
            world.signal(node, signal.SIGSTOP)  # else the others clean up
        world.signal(node, signal.SIGKILL, *which)

    return do


def restarted(node: str) -> Act:
    return lambda world: world.start(node)


def stopped_on(node: str) -> Act:
    def do(world: World) -> None:
        world.signal(node, signal.SIGSTOP, DAEMON)

    return do


def unstopped(node: str) -> Act:
    def do(world: World) -> None:
        world.signal(node, signal.SIGCONT)

    return do


def pulled_from(node: str, *legs: str, mend: bool = False) -> Act:
    return lambda world: network.cut(world, node, *legs, mend=mend)
