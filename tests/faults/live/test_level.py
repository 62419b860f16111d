"""One pair that lives through faults which end nothing: cables, loss, reloads, handovers by command. See level.py."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from dataclasses import replace

import pytest

from tests.faults.checker import HANDOVER
from tests.faults.live import faults_of_cables, faults_of_machines
from tests.faults.live.fault import nothing
from tests.faults.live.level import looks_after, not_level
from tests.faults.live.processes import DAEMON
from tests.faults.live.world import ONE, World

EACH_NODE = 3
"""Keeper, daemon, recorder."""
CYCLES = [15, pytest.param(500, marks=pytest.mark.nightly)]
LEAKS = 8
"""Cycles; the control socket has room for sixteen who do not hang up."""
FAULTS = [
    fault
    for fault in (*faults_of_cables.FAULTS, *faults_of_machines.FAULTS)
    if not fault.bounds.ends and not fault.bounds.split and fault.prepare is nothing
    if fault.bounds.outage is not None and fault.bounds.outage <= HANDOVER
]
"""Those of which none waits for a deadtime: that of a node which was not dead is doubled for ten minutes."""
BRIEF = [replace(fault, lasts=0.5) for fault in FAULTS if fault.name == "hb_standby"]
"""Who does not ask for ten seconds is dropped."""


@pytest.mark.parametrize("cycles", CYCLES)
def test_i6_memory_and_descriptors_stay_level_over_all_cycles(world: World, cycles: int) -> None:
    looks = looks_after(world.start_all(), FAULTS, cycles)
    assert not_level(looks, cycles, 2 * EACH_NODE) == []


def test_i6_one_descriptor_more_in_each_cycle(world: World) -> None:
    """The negative control: in each cycle one more client comes, asks from time to time, and does not hang up."""
    clients: list[socket.socket] = []
    with ExitStack() as kept:

        def leak(world: World) -> None:
            clients.append(kept.enter_context(world.connected(ONE)))
            for client in clients:
                client.sendall(b"status\n")
                client.makefile().readline()

        looks = looks_after(world.start_all(), BRIEF, LEAKS, leak)
    violations = not_level(looks, LEAKS, 2 * EACH_NODE)
    assert [violation.invariant for violation in violations] == ["I6"]
    assert violations[0].what.startswith(f"{DAEMON} of {ONE}, pid {world.daemon(ONE)}, grew from")
    assert violations[0].what.endswith("descriptors")
